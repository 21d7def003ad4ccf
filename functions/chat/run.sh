#!/bin/sh
# The streaming door: what the Lambda Web Adapter starts, and what the laptop serves.
exec python -m uvicorn app:app --host 127.0.0.1 --port "${PORT:-8000}" --app-dir "$(dirname "$0")" \
  --no-access-log --timeout-graceful-shutdown 5
