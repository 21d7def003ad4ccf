"""What run.sh makes of its environment; a stand-in for Python tells."""

import json
import os
import subprocess
import sys

import pytest

from local.layout import ROOT

RUN = ROOT / "functions" / "chat" / "run.sh"
STAND_IN = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ.get("PYTHONDONTWRITEBYTECODE")]))
"""


@pytest.fixture
def run(tmp_path):
    """Run it in this environment; gives the arguments of Python and whether it writes byte code."""
    (tmp_path / "python").write_text(STAND_IN)
    (tmp_path / "python").chmod(0o755)

    def run(**environment):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run([RUN], env=environment | {"PATH": path}, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize(
    ("environment", "port"),
    [({}, "8080"), ({"PORT": "8000"}, "8000"), ({"PORT": "8000", "AWS_LWA_PORT": "9000"}, "9000")],
)
def test_it_listens_on_loopback_where_the_adapter_calls(run, environment, port):
    arguments, _ = run(**environment)
    assert arguments[arguments.index("--port") + 1] == port
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
    assert arguments[arguments.index("--app-dir") + 1] == str(RUN.parent)


def test_byte_code_is_kept_on_a_laptop_and_not_tried_in_lambda(run):
    assert run()[1] is None
    assert run(LAMBDA_TASK_ROOT="/var/task")[1] == "1"
