"""The only place that reads a clock. Shells receive these functions; cores receive instants."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the current instant, aware, in UTC."""


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251


def monotonic() -> float:
    """Return seconds that only ever grow, from an arbitrary start: for measuring durations."""
    return time.monotonic()
