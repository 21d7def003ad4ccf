"""50,000 entries pass within what template.yaml gives the function that plans and settles."""

import json
import os
import re
import subprocess
import sys

import pytest

from local.layout import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")
MEMORY_MB = int(re.search(r"IngestMemory:\n    Type: Number\n    Default: (\d+)", TEMPLATE)[1])
TIMEOUT_S = int(re.search(r"Handler: app.ingest\n(?:.*\n)*?      Timeout: (\d+)", TEMPLATE)[1])


@pytest.mark.skipif(bool(os.environ.get("AWS_ENDPOINT_URL")), reason="measures this process, with AWS in it")
def test_fifty_thousand_entries_pass_within_the_limits_of_one_function():
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.large_run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    print(figures)
    assert (figures["entries"], figures["live"]) == (50_000, True)
    steps_s = [seconds for name, seconds in figures.items() if name.endswith("_s")]
    assert max(steps_s) < TIMEOUT_S / 3
    assert figures["peak_mb"] < MEMORY_MB * 3 / 4  # bucket, table and queues are in it too
