"""What all tests share: no key, no stray settings, no model that costs money."""

import asyncio
import os

import pytest

for name in [name for name in os.environ if name.startswith(("FAQCHAT_", "OPENAI_"))]:
    del os.environ[name]

# Mangum asks for the thread's event loop while it is constructed, and would make one that nobody closes.
_loop = asyncio.new_event_loop()
asyncio.set_event_loop(_loop)


def pytest_sessionfinish(session):
    _loop.close()


def pytest_addoption(parser):
    parser.addoption("--faq", help="the FAQ file that quality is measured on")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Nothing is written beside the code."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
