"""Waiting for what the server does in its own time."""

import time

PATIENCE = 60


def wait_until(what, condition):
    """Asks until the condition holds, for a minute at most, and returns what it gave."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE} s for {what}")
