"""Faults on demand: tests make the server refuse, dawdle or hang up."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with the requests that `meets` (method and path) picks.

    With neither `status` nor `drop` a request is answered as usual, after the delay.
    """

    meets: Callable[[str, str], bool]
    delay_seconds: float = 0.0
    status: int | None = None
    """The HTTP status of the refusal, with this reason."""
    reason: str = "InternalError"
    drop: bool = False
    """Close the connection without an answer."""
    carries_out: bool = False
    """Do what was asked all the same, before the refusal or the end of the connection."""
    times: int | None = None
    """So many requests suffer; None: all, until it is removed."""


class Faults:
    """The faults in force. The first that meets a request is the one it suffers."""

    def __init__(self) -> None:
        self._left: dict[Fault, int | None] = {}

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        self._left[fault] = fault.times
        return fault

    def remove(self, fault: Fault) -> None:
        """End a fault, if it is still in force."""
        self._left.pop(fault, None)

    def meeting(self, method: str, path: str) -> Fault | None:
        """Return the fault this request suffers, and count it."""
        for fault, left in self._left.items():
            if fault.meets(method, path):
                if left == 1:
                    del self._left[fault]
                elif left is not None:
                    self._left[fault] = left - 1
                return fault
        return None
