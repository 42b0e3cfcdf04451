"""The streams of the bus: what each holds, for how long, and how much of it."""

from dataclasses import dataclass
from datetime import timedelta

from shared.messages.subjects import DEAD_PREFIX, PREFIX, ROUTES

MIB = 1024 * 1024
DUPLICATE_WINDOW = timedelta(minutes=10)
"""How long a message id is remembered."""
STATE = "CROSSLOOP_STATE"
RECORD = "CROSSLOOP_RECORD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of files. When it is full, the oldest go first."""

    name: str
    subjects: tuple[str, ...] = ()
    source: str = ""
    """The stream it is filled from, where it has no subjects of its own."""
    newest_only: bool = False
    """Whether it holds only the newest message of each subject."""
    max_age: timedelta = timedelta(0)
    """Zero: for ever."""
    max_bytes: int


def _of(stream: str) -> tuple[str, ...]:
    routes = ROUTES.values()
    return tuple(f"{PREFIX}.{route.kind}.>" for route in routes if route.stream == stream)


STREAMS = (
    Stream(name=STATE, subjects=_of(STATE), newest_only=True, max_bytes=512 * MIB),
    Stream(
        name="CROSSLOOP_WORK",
        subjects=_of("CROSSLOOP_WORK"),
        max_age=timedelta(days=7),
        max_bytes=512 * MIB,
    ),
    Stream(
        name="CROSSLOOP_CONTROL",
        subjects=_of("CROSSLOOP_CONTROL"),
        newest_only=True,
        max_bytes=16 * MIB,
    ),
    Stream(
        name="CROSSLOOP_DEAD",
        subjects=(f"{DEAD_PREFIX}.>",),
        max_age=timedelta(days=14),
        max_bytes=256 * MIB,
    ),
    Stream(name=RECORD, source=STATE, max_age=timedelta(hours=24), max_bytes=1024 * MIB),
)
