"""What operators prefer and forbid for the whole fleet (custom resource `FleetPolicy`)."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from shared.model.application import Autonomy, Limits


class Missing(StrEnum):
    """What a missing measurement of a kind means."""

    HOLD = "hold"
    """No action that depends on it. The default for everything."""
    IGNORE = "ignore"
    """Act as if it were good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much money terms count; 1 is at face value."""

    cost: float = 1.0
    energy: float = 1.0
    migration: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRule:
    """What a missing measurement of one signal means."""

    signal: str
    meaning: Missing


class Detector(StrEnum):
    """How it is told that the signals of one entity do not belong together as usual."""

    PCA = "pca"
    """Whitened principal components: Hotelling's T-squared. Fast; the default."""
    ISOLATION_FOREST = "isolation-forest"
    LOCAL_OUTLIER_FACTOR = "local-outlier-factor"
    RECONSTRUCTION = "reconstruction"
    """Reconstruction error of scikit-learn's PCA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectors:
    """Which detector watches each kind of entity."""

    node: Detector = Detector.PCA
    link: Detector = Detector.PCA
    component: Detector = Detector.PCA
    cluster: Detector = Detector.PCA


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPolicy:
    """Weights, limits and permissions of one fleet. The defaults hold where no object exists."""

    weights: Weights = field(default_factory=Weights)
    guard_band_ratio: float = 0.1
    """Part of a latency budget kept free for variation (0 to 1)."""
    horizon: timedelta = timedelta(hours=1)
    """Time over which money is counted."""
    persistence_of: int = 3
    """A violation counts when seen in `persistence_needed` of the last `persistence_of` cycles."""
    persistence_needed: int = 2
    improvement_ratio: float = 0.05
    """A plan that only saves money must save at least this share of it."""
    default_limits: Limits = field(default_factory=Limits)
    fleet_moves_per_hour: int = 60
    soak_cycles: int = 2
    """Cycles a move is watched after it, before it counts as done."""
    move_timeout: timedelta = timedelta(minutes=3)
    """A move whose copies are not ready by then goes back."""
    decision_lifetime: timedelta = timedelta(minutes=2)
    """A decision not begun by then is refused."""
    approval_lifetime: timedelta = timedelta(minutes=15)
    """The same, for one that waits for a person."""
    approvers: tuple[str, ...] = ()
    """Names that may approve. Empty: anybody who may publish on the approval subject."""
    capacity_autonomy: Autonomy = Autonomy.ADVISE
    """What the loop may do of its own accord with whole clusters."""
    allow_double_run: bool = False
    """Whether pods of a lost cluster may be given up while they may still run there."""
    missing: tuple[MissingRule, ...] = ()
    detectors: Detectors = field(default_factory=Detectors)

    def meaning_of_missing(self, signal: str) -> Missing:
        """Return what a missing measurement of that signal means; HOLD unless declared."""
        for rule in self.missing:
            if rule.signal == signal:
                return rule.meaning
        return Missing.HOLD
