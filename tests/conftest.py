"""What all tests share: no key, no stray settings, no model that costs money."""

import os

import pytest

for name in [name for name in os.environ if name.startswith(("FAQCHAT_", "OPENAI_"))]:
    del os.environ[name]


def pytest_addoption(parser):
    parser.addoption("--faq", help="the FAQ file that quality is measured on")
    parser.addoption("--write-golden", action="store_true", help="write tests/golden again (test_golden.py)")
    parser.addoption("--sam", action="store_true", help="also run the built functions in containers (make e2e-sam)")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Nothing is written beside the code."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
