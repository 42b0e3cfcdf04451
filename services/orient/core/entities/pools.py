"""The entities of one kind as arrays, and their signals as one vector per entity and tick.

The vector holds each signal in its own long-run standard deviations, and how far it is from its
short, middle and long moving averages, so that a step, a spike and a drift each have a direction of
their own. Values that are far out count as `CLIP` and are learnt as that (Huber, 1964).
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

SPANS = (3, 12, 48)
"""Ticks that the moving averages span; a factor of four apart, so that none repeats another."""
CLIP = 4.0
"""Standard deviations that a signal counts for at most: one wild value decides nothing alone."""
MEMORY_TICKS = 8192
"""What means and covariances average over, at most: a day and a half at 15 s."""
REFIT_TICKS = 32
"""An entity is fitted again after so many ticks, each at another tick than its neighbour."""
WARM_UP_TICKS = 32
OF_TYPICAL = np.float32(0.1)
"""A signal is believed to vary by this share of what is typical of its kind, at least."""
UNBELIEVABLE = 1e15
"""As in `series`: no signal has a unit in which this is a measurement."""
TAIL_BINS = 258
SAMPLE = 1024
"""Recent vectors of the kind that are kept for the detectors that are fitted as a whole."""


@dataclass(slots=True, kw_only=True, eq=False)
class Pool:
    """n entities with s signals, f = 4 s features. All arrays change in place."""

    names: tuple[str, ...]
    """Length n; empty where no entity is."""
    ticks: npt.NDArray[np.int64]
    """Shape (2,): ticks so far, vectors sampled so far."""
    count: Floats
    """Shape (n, s): ticks in which a signal was told."""
    mean: Floats
    """Shape (n, s), in the units of the signals."""
    variance: Floats
    moving: Floats
    """Shape (n, 3, s): moving averages, in standard deviations."""
    block: Floats
    """Shape (n, b, f): vectors not yet in the covariance."""
    weight: Floats
    """Shape (n, b): of the vectors in `block`."""
    learnt: Floats
    """Shape (n,): weight of the vectors in the covariance."""
    centre: Floats
    """Shape (n, f)."""
    covariance: Floats
    """Shape (n, f, f)."""
    precision: Floats
    """Shape (n, f, f): inverse of the covariance, as far as that is believed."""
    smooth: Floats
    """Shape (n,): the score, smoothed."""
    usual: Floats
    """Shape (n, 2): mean and variance of the logarithm of the score."""
    pooled: Floats
    """Shape (f, f): covariance of the kind."""
    tail: Floats
    """Shape (TAIL_BINS,): histogram of the calibrated scores of the kind."""
    sample: Floats
    """Shape (1024, f): a ring of recent vectors of the kind."""

    @property
    def age(self) -> Floats:
        """Return the ticks in which anything was told of each entity, about; shape (n,)."""
        return np.asarray(self.count.max(axis=1), np.float32)


_STEPS = np.array([2.0 / (span + 1.0) for span in SPANS], np.float32)[None, :, None]
PER_ENTITY = frozenset(
    ("count", "mean", "variance", "moving", "block", "weight", "learnt", "centre", "covariance",
     "precision", "smooth", "usual")
)  # fmt: skip


def empty_pool(signals: int) -> Pool:
    """Return a pool of no entities."""
    f = signals * (1 + len(SPANS))
    b = max(REFIT_TICKS, f // 4)  # a large matrix is fitted more rarely

    def none(*shape: int) -> Floats:
        return np.zeros(shape, np.float32)

    return Pool(
        names=(),
        ticks=np.zeros(2, np.int64),
        count=none(0, signals),
        mean=none(0, signals),
        variance=none(0, signals),
        moving=none(0, len(SPANS), signals),
        block=none(0, b, f),
        weight=none(0, b),
        learnt=none(0),
        centre=none(0, f),
        covariance=none(0, f, f),
        precision=none(0, f, f),
        smooth=none(0),
        usual=none(0, 2),
        pooled=np.eye(f, dtype=np.float32),
        tail=none(TAIL_BINS),
        sample=none(SAMPLE, f),
    )


def admit(pool: Pool, names: list[str], kept: set[str]) -> dict[str, int]:
    """Give new entities a slot, and free the slots of those not kept; return the slot of each."""
    of = {name: i for i, name in enumerate(pool.names) if name in kept}
    new = [name for name in dict.fromkeys(names) if name not in of]
    all_names = [name if name in of else "" for name in pool.names]
    missing = len(new) - all_names.count("")
    if missing > 0:
        all_names += [""] * max(missing, len(all_names))  # by doubling: growing one by one is cheap
        _grow(pool, len(all_names))
    free = [i for i, name in enumerate(all_names) if not name][: len(new)]
    for name, slot in zip(new, free, strict=True):
        of[name], all_names[slot] = slot, name
    for column in PER_ENTITY:
        getattr(pool, column)[free] = 0
    pool.names = tuple(all_names)
    return of


def _grow(pool: Pool, room: int) -> None:
    for field in fields(pool):
        if field.name in PER_ENTITY:
            old = getattr(pool, field.name)
            more = np.zeros((room - len(old), *old.shape[1:]), old.dtype)
            setattr(pool, field.name, np.concatenate([old, more]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What one tick told of the n entities of a pool."""

    vectors: Floats
    """Shape (n, f)."""
    standard: Floats
    """Shape (n, s): the signals in standard deviations, clipped; 0 where not known."""
    heard: npt.NDArray[np.bool_]
    """Shape (n,): whether anything was told."""


def see(pool: Pool, values: npt.NDArray[np.float64]) -> Seen:
    """Return the vectors of one tick, and learn the scales of the signals.

    `values`: shape (n, s), NaN where not known. A vector uses what came before the tick, alone.
    """
    known = np.abs(values) < UNBELIEVABLE  # NaN is not either
    standard = _standardise(pool, np.where(known, values, pool.mean).astype(np.float32), known)
    there = known[:, None, :]
    ahead = np.where(there, standard[:, None, :] - pool.moving, np.float32(0))
    vectors = np.concatenate([standard[:, None, :], ahead], axis=1).reshape(pool.centre.shape)
    pool.moving += _STEPS * ahead
    pool.count += known
    return Seen(vectors=vectors, standard=standard, heard=np.asarray(known.any(axis=1)))


def _standardise(pool: Pool, values: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Return the signals in their standard deviations, shape (n, s), and learn both."""
    np.copyto(pool.mean, values, where=(pool.count == 0) & known)
    spread = np.maximum(np.sqrt(pool.variance), _least_spread(pool))
    off = values - pool.mean
    standard = np.clip(off / spread, -CLIP, CLIP)
    # while little is known a jump is believed, so that the first readings do not set the scale
    off = np.where(pool.count < WARM_UP_TICKS, off, standard * spread)
    step = known / np.minimum(pool.count + 1, np.float32(MEMORY_TICKS))
    pool.variance += step * (off * off * (1 - step) - pool.variance)
    pool.mean += step * off
    return np.asarray(standard, np.float32)


def _least_spread(pool: Pool) -> Floats:
    """Return what a signal is believed to vary at least, shape (n, s), in its unit."""
    least = np.float32(1e-3) * np.abs(pool.mean) + np.float32(1e-6)
    old = pool.age > WARM_UP_TICKS
    if old.any():
        least = np.maximum(least, OF_TYPICAL * np.sqrt(np.median(pool.variance[old], axis=0)))
    return np.asarray(least, np.float32)
