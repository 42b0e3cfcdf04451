"""What varies without a fault: wandering values, the day of the users, oddities of links."""

import math
import random
from dataclasses import dataclass

from simulator.fleet import NoiseSpec, RhythmSpec

MEMORY = 0.9
"""Of the noise from one second to the next: AR(1), stationary with unit variance."""
TAIL = 1.5
"""Exponent of the Pareto tails: a mean, and no variance. The most is cut at `TAIL_MOST`."""
TAIL_MOST = 50.0
DAY_HOURS, WEEK_DAYS, WEEKEND = 24, 7, (5, 6)


@dataclass(slots=True)
class Noise:
    """A slowly wandering number around 0 with unit variance, however long the steps are."""

    chance: random.Random
    value: float = 0.0

    def step(self, seconds: float = 1.0) -> None:
        """Wander on."""
        memory = MEMORY**seconds
        self.value = memory * self.value + math.sqrt(1 - memory**2) * self.chance.gauss()


@dataclass(slots=True)
class Oddities:
    """What a link shows now beyond its usual noise. `chance` is not drawn from where all is 0."""

    spec: NoiseSpec
    chance: random.Random
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_ratio: float = 0.0
    _burst_left: float = 0.0
    """Seconds."""

    def step(self, seconds: float) -> None:
        """Begin and end what is odd: bursts last, outliers and blips are gone a step later."""
        spec = self.spec
        self.delay_ms = self.loss_ratio = 0.0
        self._burst_left -= seconds
        if self._burst_left <= 0:
            self.jitter_ms = 0.0
            if self._comes(spec.bursts_per_hour, seconds):
                self.jitter_ms = spec.burst_jitter_ms * self._heavy()
                self._burst_left = self.chance.expovariate(1 / spec.burst_seconds)
        if self._comes(spec.outliers_per_hour, seconds):
            self.delay_ms = spec.outlier_ms * self._heavy()
        if self._comes(spec.blips_per_hour, seconds):
            self.loss_ratio = spec.blip_loss_ratio * self.chance.expovariate(1.0)

    def _comes(self, per_hour: float, seconds: float) -> bool:
        """Tell whether a Poisson process has an event in a step."""
        return per_hour > 0 and self.chance.random() < -math.expm1(-per_hour * seconds / 3600)

    def _heavy(self) -> float:
        return min(self.chance.paretovariate(TAIL), TAIL_MOST)


def users_factor(rhythm: RhythmSpec, seconds: float) -> float:
    """Return the users now against their count, so many simulated seconds after the start."""
    hours = rhythm.start_hour + seconds / 3600
    angle = 2 * math.pi * (hours - rhythm.peak_hour) / DAY_HOURS
    day = (rhythm.start_day + int(hours // DAY_HOURS)) % WEEK_DAYS
    weekly = rhythm.weekend_factor if day in WEEKEND else 1.0
    return weekly * (1.0 + rhythm.amplitude * math.cos(angle))
