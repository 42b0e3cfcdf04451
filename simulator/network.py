"""The links of the simulated world: how long they take under load, and how they vary."""

import math
from dataclasses import dataclass, field

from simulator.events import Impairment
from simulator.fleet import LinkSpec
from simulator.noise import Noise, Oddities

QUEUE_MS = 0.05
"""Queueing delay of an M/M/1 queue at half its capacity: QUEUE_MS * rho / (1 - rho)."""
FULLEST = 0.99
"""Buffers are finite: beyond this utilisation packets are lost instead of queued for longer."""
NOISE_MS = 0.02


def queue_ms(used_ratio: float) -> float:
    """Return the queueing delay at a utilisation."""
    rho = min(used_ratio, FULLEST)
    return QUEUE_MS * rho / (1.0 - rho)


@dataclass(slots=True, kw_only=True)
class Link:
    """One link, both directions of it. `used_mbps` is what the application offers, per source."""

    spec: LinkSpec
    noise: Noise
    odd: Oddities
    impairments: dict[str, Impairment] = field(default_factory=dict)
    """Of the link itself under "", and of the gateways at its ends under their clusters."""
    used_mbps: dict[str, float] = field(default_factory=dict)

    def step(self, seconds: float) -> None:
        """Vary on."""
        self.noise.step(seconds)
        self.odd.step(seconds)

    @property
    def capacity_mbps(self) -> float:
        """What one direction carries."""
        left = math.prod([i.capacity_ratio for i in self.impairments.values()])
        return self.spec.gbps * 1000.0 * left

    def carried_mbps(self, source: str) -> float:
        """Return what gets onto the wire from one end."""
        return min(self.used_mbps.get(source, 0.0), self.capacity_mbps)

    def latency_ms(self, source: str) -> float:
        """Return how long it takes from one end to the other."""
        added = sum(i.add_milliseconds for i in self.impairments.values()) + self.odd.delay_ms
        queueing = queue_ms(self.used_mbps.get(source, 0.0) / self.capacity_mbps)
        return self.spec.milliseconds + added + queueing + NOISE_MS * self.noise.value

    @property
    def rtt_ms(self) -> float:
        """There and back."""
        return sum(self.latency_ms(end) for end in self.spec.between)

    @property
    def jitter_ms(self) -> float:
        """Variation of the delay from packet to packet."""
        added = sum(i.add_jitter_ms for i in self.impairments.values()) + self.odd.jitter_ms
        return (self.spec.jitter_ms + added) * math.exp(0.1 * self.noise.value)

    @property
    def loss_ratio(self) -> float:
        """Share of the packets lost, in the fuller direction."""
        added = sum(i.add_loss_ratio for i in self.impairments.values()) + self.odd.loss_ratio
        fullest = max(self.used_mbps.values(), default=0.0) / self.capacity_mbps
        overflow = 1.0 - 1.0 / fullest if fullest > 1.0 else 0.0
        return min(1.0, self.spec.loss_ratio + added + overflow)
