"""What `make build` puts into .aws-sam/build: small enough for Lambda, whole, the same each time, and a sound template.

Imports are tried with nothing but the artefacts on the path, as Lambda has them, by a Python of Lambda's version.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.layout import REGION, ROOT, TOOLS

BUILT = ROOT / ".aws-sam" / "build"
LAYERS = ("FaqChatLayer", "DependenciesLayer")
FUNCTIONS = {
    "ChatFunction": "handler",
    "ChatStreamFunction": "app",
    "IngestFunction": "ingest",
    "EmbedFunction": "embed",
}
LIMIT_MB = 250  # of a function and its layers, unzipped; the Lambda Web Adapter's layer adds 7
ADAPTER_MB = 7
LATER = ("openai", "pymilvus", "boto3", "numpy", "bm25s")  # what the first question, batch or publication imports
SERVICES = ("dynamodb", "s3", "secretsmanager", "sqs", "xray")  # the X-Ray SDK asks for its sampling rules

PROBE = """
import json, sys, time
sys.path[:0] = sys.argv[2:]
began = time.perf_counter()
exec(sys.argv[1])
seconds = time.perf_counter() - began
outside = [m.__file__ for m in list(sys.modules.values()) if "site-packages" in (getattr(m, "__file__", None) or "")]
print(json.dumps({"seconds": seconds, "outside": outside}))
"""


@pytest.fixture(scope="module", autouse=True)
def build():
    done = subprocess.run(["make", "build"], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]


@pytest.fixture(scope="module")
def lambdas_python():
    for candidate in (sys.executable, shutil.which("python3.12")):
        if candidate is None:
            continue
        asked = [candidate, "-c", "import sys; print(sys.version_info[:2] == (3, 12))"]
        if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == "True":
            return candidate
    return pytest.skip("there is no Python 3.12, the version that Lambda runs, to import the artefacts with")


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def run(python: str, code: str, function: str) -> float:
    """Seconds that the code takes in a process of its own, which sees the artefacts alone."""
    paths = [BUILT / function, *(BUILT / layer / "python" for layer in LAYERS)]
    # -I keeps the environment's paths and the folder out, -S what is installed, -B writes no bytecode
    command = [python, "-I", "-S", "-B", "-c", PROBE, code, *map(str, paths)]
    environment = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["outside"] == []
    return said["seconds"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_with_its_layers_fits_into_lambda(function):
    sizes = {folder: megabytes(BUILT / folder) for folder in (function, *LAYERS)}
    print(f"{function}: {sum(sizes.values()):.1f} MB unzipped", {name: round(size, 1) for name, size in sizes.items()})
    assert sum(sizes.values()) + ADAPTER_MB < LIMIT_MB


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_from_its_artefacts_alone(function, lambdas_python):
    code = f"from app import {FUNCTIONS[function]}"
    seconds = min(run(lambdas_python, code, function) for _ in range(3))
    print(f"{function}: import {seconds:.2f} s")


@pytest.mark.parametrize("package", LATER)
def test_what_is_imported_later_is_there_too(package, lambdas_python):
    print(f"{package}: import {run(lambdas_python, f'import {package}', 'ChatFunction'):.2f} s")


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_that_are_called_are_known(service, lambdas_python):
    run(lambdas_python, f"import boto3; boto3.client('{service}')", "IngestFunction")


def test_what_starts_the_stream_can_be_run():
    assert os.access(BUILT / "ChatStreamFunction" / "run.sh", os.X_OK)
    assert (BUILT / "ChatStreamFunction" / "static" / "index.html").is_file()


def test_bytecode_comes_with_the_code_and_is_not_checked_against_the_times_that_a_zip_changes(lambdas_python):
    for layer in LAYERS:
        folder = BUILT / layer / "python"
        compiled = list(folder.rglob("__pycache__/*.cpython-312.pyc"))
        assert len(compiled) == len(list(folder.rglob("*.py")))
        assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}  # PEP 552: unchecked hash


def test_nothing_of_the_build_machine_is_in_the_artefacts():
    leftovers = [path for path in BUILT.rglob("*") if path.name in {"Makefile", "RECORD", ".lock", "tests"}]
    assert leftovers == []
    for layer in LAYERS:
        for compiled in (BUILT / layer).rglob("*.pyc"):
            assert str(ROOT).encode() not in compiled.read_bytes(), compiled


def test_the_template_is_sound():
    command = [TOOLS / "sam" / "bin" / "python", "-m", "samcli", "validate", "--lint", "--region", REGION]
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
