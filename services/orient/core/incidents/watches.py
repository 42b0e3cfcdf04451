"""What is bad for each signal: the direction, the least change that matters, what it tells of."""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from shared.messages.readings import Signal


class Sense(Enum):
    """What it means when a signal is bad."""

    FAULT = auto()
    """Something is broken: reason enough for an incident."""
    SUFFERING = auto()
    """What depends on something else has a hard time: an incident, unless another explains it."""
    DEMAND = auto()
    """More is asked of it: an incident where people are the reason."""
    USE = auto()
    """It works more: no incident by itself, but it speaks for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a signal is judged."""

    bad: int
    """+1: rising is bad. -1: falling is bad."""
    effect: float
    """Smallest distance from what is expected that counts, in the signal's unit."""
    relative_effect: float = 0.0
    """The same, as a share of what is expected; the larger of the two holds."""
    sense: Sense = Sense.FAULT
    word: str
    """As it stands in the sentence "... is not normal: word"."""


MIB = 2.0**20
GIB = 2.0**30

WATCHES: dict[Signal, Watch] = {
    # 1 ms is a fifteenth of the usual budget
    Signal.LINK_RTT_MS: Watch(bad=1, effect=1.0, word="latency"),
    Signal.LINK_JITTER_MS: Watch(bad=1, effect=0.75, word="jitter"),
    Signal.LINK_LOSS_RATIO: Watch(bad=1, effect=0.002, word="loss"),
    Signal.LINK_CAPACITY_MBPS: Watch(bad=-1, effect=10.0, relative_effect=0.2, word="bandwidth"),
    Signal.LINK_UP: Watch(bad=-1, effect=0.5, word="connection"),
    Signal.LINK_USED_MBPS: Watch(
        bad=1, effect=100.0, relative_effect=0.5, sense=Sense.USE, word="traffic"
    ),
    Signal.NODE_READY: Watch(bad=-1, effect=0.5, word="readiness"),
    # no rhythm of users changes a node so much from one minute to the next
    Signal.NODE_USED_CORES: Watch(bad=1, effect=1.0, relative_effect=0.4, word="CPU use"),
    Signal.NODE_USED_BYTES: Watch(
        bad=1, effect=2 * GIB, relative_effect=0.2, sense=Sense.USE, word="memory use"
    ),
    Signal.NODE_SOFTIRQ_CORES: Watch(
        bad=1, effect=0.3, relative_effect=0.5, sense=Sense.USE, word="CPU spent on packets"
    ),
    Signal.POD_USED_CORES: Watch(
        bad=1, effect=0.3, relative_effect=0.5, sense=Sense.USE, word="CPU use"
    ),
    Signal.POD_USED_BYTES: Watch(bad=1, effect=48 * MIB, relative_effect=0.04, word="memory use"),
    Signal.POD_THROTTLED_RATIO: Watch(
        bad=1, effect=0.1, sense=Sense.SUFFERING, word="throttled CPU"
    ),
    # per second: restarts every few cycles, not a single one
    Signal.POD_RESTARTS: Watch(bad=1, effect=0.01, word="restarts"),
    Signal.PROCESSING_MS: Watch(
        bad=1, effect=0.5, relative_effect=0.2, sense=Sense.SUFFERING, word="processing time"
    ),
    Signal.FLOW_MBPS: Watch(
        bad=1, effect=50.0, relative_effect=0.5, sense=Sense.USE, word="traffic"
    ),
    Signal.USERS: Watch(
        bad=1, effect=10.0, relative_effect=0.4, sense=Sense.DEMAND, word="number of users"
    ),
}
"""Signals not listed are not judged: they are what was declared or asked for."""

NODE_USE = (Signal.NODE_USED_CORES, Signal.NODE_USED_BYTES)
"""What changes for good when work is put on a node, or taken from it."""


def _table(
    values: dict[Signal, float], default: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([*(values.get(signal, default) for signal in Signal), default])


BAD = _table({s: float(w.bad) for s, w in WATCHES.items()}, np.nan)
EFFECT = _table({s: w.effect for s, w in WATCHES.items()}, 1.0)
RELATIVE_EFFECT = _table({s: w.relative_effect for s, w in WATCHES.items()}, 0.0)
"""Shape (signals + 1,), by the kind of a series; BAD is NaN for one that is not watched."""
