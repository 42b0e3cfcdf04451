"""How unusual the vectors of one kind of entity are: whitened principal components, learnt online.

The score is the root of Hotelling's T-squared per feature, by the running mean and covariance of
the entity. What little was seen of it is filled up with the covariance of its kind. A share of an
identity matrix makes directions without variance count by plain distance: so the residual Q of
Jackson and Mudholkar ("Control Procedures for Residuals Associated with Principal Component
Analysis", Technometrics, 1979) is in the same number, as in the combined index of Yue and Qin
("Reconstruction-Based Fault Identification Using a Combined Index", 2001).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.orient.core.entities.pools import (
    MEMORY_TICKS,
    SAMPLE,
    SPANS,
    TAIL_BINS,
    WARM_UP_TICKS,
    Floats,
    Pool,
    Seen,
)

SHRINKAGE = 0.02
"""Share of the identity in a covariance: what is not seen to vary has this much variance."""
PRIOR_VECTORS = 100.0
"""What the covariance of all entities of the kind counts for in that of one."""
SMOOTHING = 0.3
"""Weight of the newest score: five ticks or so must agree."""
UNUSUAL_P = 1e-4
"""Of 8,000 entities one in a tick is as unusual while nothing is wrong. Also, less than 10,000
scores of a kind are never enough to call one of them unusual."""
SUSPECT_P = 0.01
SUSPECT_WEIGHT = 0.1
"""What looks anomalous is learnt, but at this weight."""
TAIL = np.linspace(-4.0, 12.0, TAIL_BINS - 1)
"""Edges of the histogram of calibrated scores, in standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What one tick says of the n entities of a pool. NaN where there is no opinion."""

    score: Floats
    """Shape (n,): 1 is usual."""
    p_value: Floats
    """Shape (n,): how often entities of this kind are as unusual."""
    seen: Seen


def distances(pool: Pool, vectors: Floats) -> Floats:
    """Return the root of T-squared per feature, shape (n,): 1 is usual. NaN: never fitted."""
    off = vectors - pool.centre
    squares = np.einsum("nf,nf->n", off, np.matmul(pool.precision, off[:, :, None])[:, :, 0])
    raw = np.sqrt(np.maximum(squares, 0) / vectors.shape[1])
    return np.where(pool.learnt > 0, raw, np.float32(np.nan))


def contributions(pool: Pool, judged: Judged, slot: int) -> Floats:
    """Return what each signal adds to T-squared of one entity, shape (s,); they sum to it."""
    off = judged.seen.vectors[slot] - pool.centre[slot]
    parts = off * (pool.precision[slot] @ off)
    return np.asarray(parts.reshape(1 + len(SPANS), -1).sum(axis=0), np.float32)


def judge(pool: Pool, raw: Floats, seen: Seen) -> Judged:
    """Smooth and calibrate the raw scores (n,), and learn from the vectors by what they are."""
    age = pool.age
    told = np.isfinite(raw) & seen.heard & (age > WARM_UP_TICKS)
    step = np.where(pool.smooth > 0, np.float32(SMOOTHING), np.float32(1))
    pool.smooth += np.where(told, step * (raw - pool.smooth), np.float32(0))
    p_value = _calibrate(pool, told, age)
    weights = np.where(p_value < SUSPECT_P, SUSPECT_WEIGHT, 1.0) * seen.heard
    _learn(pool, seen.vectors, weights.astype(np.float32))
    _remember(pool, seen.vectors[seen.heard & (age > WARM_UP_TICKS)])
    score = np.where(told, pool.smooth, np.float32(np.nan))
    return Judged(score=score, p_value=p_value, seen=seen)


def _calibrate(pool: Pool, told: npt.NDArray[np.bool_], age: Floats) -> Floats:
    """Return the empirical p-values: by the entity's own scale, in the tail of all of its kind."""
    log = np.log(np.maximum(pool.smooth, 1e-6))
    mean, variance = pool.usual[:, 0], pool.usual[:, 1]
    ready = told & (age > 4 * WARM_UP_TICKS)
    far = np.where(ready, (log - mean) / np.sqrt(variance + 1e-2), 0.0)
    bins = np.searchsorted(TAIL, far)
    above = np.cumsum(pool.tail[::-1])[::-1]
    p_value = np.where(ready, (above[bins] + 1.0) / (above[0] + 1.0), np.nan)
    weight = np.where(p_value < SUSPECT_P, SUSPECT_WEIGHT, 1.0)
    pool.tail *= 1.0 - 1.0 / MEMORY_TICKS
    counted = np.where(p_value < UNUSUAL_P, SUSPECT_WEIGHT, 1.0)  # unbiased down to that p-value
    pool.tail += np.bincount(bins[ready], counted[ready], len(pool.tail)).astype(np.float32)
    step = np.where(told, weight / np.clip(age - WARM_UP_TICKS, 1.0, MEMORY_TICKS), 0.0)
    off = log - mean
    variance += step * (off * off * (1.0 - step) - variance)
    mean += step * off
    return p_value.astype(np.float32)


def _learn(pool: Pool, vectors: Floats, weights: Floats) -> None:
    """Keep the vectors, and fit the entities whose turn it is."""
    blocks, place = pool.block.shape[1], int(pool.ticks[0]) % pool.block.shape[1]
    pool.block[:, place] = vectors
    pool.weight[:, place] = weights
    pool.ticks[0] += 1
    turn = slice(place, None, blocks)
    if len(pool.learnt[turn]):
        _fit(pool, turn)


def _fit(pool: Pool, turn: slice) -> None:
    block, weight = pool.block[turn], pool.weight[turn]
    total = weight.sum(axis=1)
    share = total / np.maximum(np.minimum(pool.learnt[turn] + total, MEMORY_TICKS), 1e-9)
    part = weight / np.maximum(total, 1e-9)[:, None]
    mean = np.einsum("nb,nbf->nf", part, block)
    off = block - mean[:, None]
    within = np.matmul((off * part[:, :, None]).transpose(0, 2, 1), off)
    shift = np.where(pool.learnt[turn, None] > 0, mean - pool.centre[turn], 0.0)
    between = ((1.0 - share) * share)[:, None, None] * (shift[:, :, None] * shift[:, None])
    g = share[:, None, None]
    pool.covariance[turn] += g * (within - pool.covariance[turn]) + between
    pool.centre[turn] += share[:, None] * (mean - pool.centre[turn])
    pool.learnt[turn] = np.minimum(pool.learnt[turn] + total, MEMORY_TICKS)
    pool.weight[turn] = 0
    _invert(pool, turn)


def _invert(pool: Pool, turn: slice) -> None:
    learnt, f = pool.learnt[turn], pool.pooled.shape[0]
    warm = learnt >= WARM_UP_TICKS
    if warm.any():
        typical = np.average(pool.covariance[turn][warm], axis=0, weights=learnt[warm])
        pool.pooled += (typical - pool.pooled) * np.float32(min(1.0, 4.0 / pool.block.shape[1]))
    own = (learnt / (learnt + PRIOR_VECTORS))[:, None, None]
    blended = own * pool.covariance[turn] + (1.0 - own) * pool.pooled
    size = np.trace(blended, axis1=1, axis2=2) / f + 1e-3
    eye = np.eye(f, dtype=np.float32)
    blended = (1.0 - SHRINKAGE) * blended + (SHRINKAGE * size)[:, None, None] * eye
    pool.precision[turn] = np.linalg.inv(blended.astype(np.float32))


def _remember(pool: Pool, vectors: Floats) -> None:
    """Keep some vectors of this tick in the ring: of many entities a few, each time others."""
    few = vectors[int(pool.ticks[0]) % max(1, len(vectors) // 4) :: max(1, len(vectors) // 4)]
    places = (int(pool.ticks[1]) + np.arange(len(few))) % SAMPLE
    pool.sample[places] = few
    pool.ticks[1] += len(few)
