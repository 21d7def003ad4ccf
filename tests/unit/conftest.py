"""Unit tests touch nothing outside the process."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def _no_sockets():
    disable_socket(allow_unix_socket=True)  # the event loop's own pair
    yield
    enable_socket()
