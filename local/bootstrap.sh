#!/bin/sh
# Installs everything below this folder, from nothing but Python 3.11+ with venv: uv into .local/tools/uv, the project's
# locked packages into .venv, the AWS emulator's into .local/tools/emulator. Does nothing when nothing has changed.
# PYTHON=/path/to/python chooses the Python; otherwise 3.12 if there is one, for that is what Lambda runs.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
TOOLS=$PWD/.local/tools
STAMP=.venv/.bootstrapped

inputs() { # the place too: scripts and the editable package hold absolute paths
    {
        pwd
        cat local/bootstrap.sh uv.lock pyproject.toml layers/faqchat/pyproject.toml
        cat local/emulator/uv.lock local/emulator/pyproject.toml
    } | cksum
}

runs() { "$1" -SEc '' 2>/dev/null; }

usable() { # prints the real interpreter: a pyenv shim may be there and still not run
    found=$("$1" -c 'import sys, ensurepip, venv
sys.exit("too old") if sys.version_info < (3, 11) else print(sys.executable)' 2>/dev/null) && [ -n "$found" ] && echo "$found"
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" && return
        echo "PYTHON=$PYTHON is no Python 3.11+ with venv" >&2
        return 1
    fi
    for name in python3.12 python3 python3.13 python3.14 python3.11; do
        IFS=:
        for folder in $PATH; do
            [ -x "$folder/$name" ] && usable "$folder/$name" && return
        done
        unset IFS
    done
    echo "No Python 3.11 or newer with venv was found (python3 is: $(python3 --version 2>&1 || true))." >&2
    echo "Debian, Ubuntu: apt-get install python3 python3-venv   macOS: brew install python@3.12" >&2
    return 1
}

wanted=$(inputs)
if [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ] && runs .venv/bin/python && runs "$TOOLS/emulator/bin/python"; then
    exit 0
fi
rm -f "$STAMP"

python=$(find_python)
echo "Setting up with $("$python" --version) ($python); this happens once." >&2

if ! "$TOOLS/uv/bin/uv" --version 2>/dev/null | grep -qF "uv $UV_VERSION"; then
    "$python" -m venv --clear "$TOOLS/uv"
    PIP_USER=0 "$TOOLS/uv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "uv==$UV_VERSION"
fi

unset VIRTUAL_ENV
export UV_PYTHON_DOWNLOADS=never
UV_PROJECT_ENVIRONMENT="$PWD/.venv" "$TOOLS/uv/bin/uv" sync --frozen --python "$python"
UV_PROJECT_ENVIRONMENT="$TOOLS/emulator" "$TOOLS/uv/bin/uv" sync --frozen --python "$python" --project local/emulator

echo "$wanted" >"$STAMP"
