"""Unit tests touch nothing outside the process."""

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

# How long an example takes says something about the machine, not about the rule.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def _no_sockets():
    disable_socket(allow_unix_socket=True)  # the event loop's own pair
    yield
    enable_socket()
