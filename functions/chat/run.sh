#!/bin/sh
# The streaming door: what the Lambda Web Adapter starts in /var/task, and what the laptop serves. The adapter calls
# AWS_LWA_PORT, else PORT, else 8080. `exec` lets SIGTERM reach uvicorn, which then finishes the streams under way.
if [ -d /opt/python ]; then # Lambda's layers, which only its own start of Python would find
  export PYTHONPATH="/opt/python${PYTHONPATH:+:$PYTHONPATH}"
fi
if [ -n "${LAMBDA_TASK_ROOT:-}" ]; then # code and layers are read-only there
  export PYTHONDONTWRITEBYTECODE=1
fi
exec python -m uvicorn app:app --app-dir "$(dirname "$0")" --host 127.0.0.1 \
  --port "${AWS_LWA_PORT:-${PORT:-8080}}" --no-access-log --timeout-graceful-shutdown 5 --ws-max-size 1000000
