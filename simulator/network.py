"""The links of the simulated world: how long they take under load, and how they vary."""

import math
import random
from dataclasses import dataclass, field

from simulator.scenario import LinkEvent, LinkSpec

QUEUE_MS = 0.05
"""Queueing delay of an M/M/1 queue at half its capacity: QUEUE_MS * rho / (1 - rho)."""
FULLEST = 0.99
"""Buffers are finite: beyond this utilisation packets are lost instead of queued for longer."""
NOISE_MS = 0.02
MEMORY = 0.9
"""Of the noise from one step to the next: AR(1), stationary with unit variance."""


def queue_ms(used_ratio: float) -> float:
    """Return the queueing delay at a utilisation."""
    rho = min(used_ratio, FULLEST)
    return QUEUE_MS * rho / (1.0 - rho)


@dataclass(slots=True)
class Noise:
    """A slowly wandering number around 0 with unit variance."""

    chance: random.Random
    value: float = 0.0

    def step(self) -> None:
        """Wander on."""
        self.value = MEMORY * self.value + math.sqrt(1 - MEMORY**2) * self.chance.gauss()


@dataclass(slots=True, kw_only=True)
class Link:
    """One link, both directions of it. `used_mbps` is what the application offers, per source."""

    spec: LinkSpec
    noise: Noise
    change: LinkEvent | None = None
    used_mbps: dict[str, float] = field(default_factory=dict)

    @property
    def capacity_mbps(self) -> float:
        """What one direction carries."""
        return self.spec.gbps * 1000.0 * (self.change.capacity_ratio if self.change else 1.0)

    def carried_mbps(self, source: str) -> float:
        """Return what gets onto the wire from one end."""
        return min(self.used_mbps.get(source, 0.0), self.capacity_mbps)

    def latency_ms(self, source: str) -> float:
        """Return how long it takes from one end to the other."""
        added = self.change.add_milliseconds if self.change else 0.0
        queueing = queue_ms(self.used_mbps.get(source, 0.0) / self.capacity_mbps)
        return self.spec.milliseconds + added + queueing + NOISE_MS * self.noise.value

    @property
    def rtt_ms(self) -> float:
        """There and back."""
        return sum(self.latency_ms(end) for end in self.spec.between)

    @property
    def jitter_ms(self) -> float:
        """Variation of the delay from packet to packet."""
        added = self.change.add_jitter_ms if self.change else 0.0
        return (self.spec.jitter_ms + added) * math.exp(0.1 * self.noise.value)

    @property
    def loss_ratio(self) -> float:
        """Share of the packets lost, in the fuller direction."""
        added = self.change.add_loss_ratio if self.change else 0.0
        fullest = max(self.used_mbps.values(), default=0.0) / self.capacity_mbps
        overflow = 1.0 - 1.0 / fullest if fullest > 1.0 else 0.0
        return min(1.0, self.spec.loss_ratio + added + overflow)
