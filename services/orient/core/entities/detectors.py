"""How the vectors of a kind of entity are judged: one interface, fit and score.

Whitened components are the default and are learnt online (`whitening`); here are the detectors that
an operator may choose instead. They are fitted from time to time on recent vectors of all entities
of the kind, which are comparable, since each is in standard deviations of its own entity. Importing
scikit-learn takes 3 s and 130 MB: that is done when a policy asks for it.
"""

from dataclasses import dataclass
from typing import Any, Protocol, assert_never

import numpy as np

from services.orient.core.entities.pools import Floats
from shared.model.policy import Detector

SEED = 0
TREES = 100
NEIGHBOURS = 20
"""Breunig et al., "LOF: Identifying Density-Based Local Outliers", SIGMOD 2000, section 6.2."""
EXPLAINED = 0.9
"""Share of the variance that the kept components explain."""


class Model(Protocol):
    """What was learnt."""

    def score(self, vectors: Floats) -> Floats:
        """Return how unusual each of n vectors is, shape (n,), above 0; higher is more unusual."""


class Fitting(Protocol):
    """A way to learn."""

    def fit(self, vectors: Floats) -> Model:
        """Learn what is usual from vectors of shape (n, f), n at least 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Isolation forest (Liu, Ting, Zhou, ICDM 2008)."""

    def fit(self, vectors: Floats) -> Model:
        """Learn what is usual."""
        from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]  # noqa: PLC0415

        return _Sampled(model=IsolationForest(n_estimators=TREES, random_state=SEED).fit(vectors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Local outlier factor, of vectors that were not learnt from."""

    def fit(self, vectors: Floats) -> Model:
        """Learn what is usual."""
        from sklearn.neighbors import LocalOutlierFactor  # type: ignore[import-untyped]  # noqa: PLC0415

        # equal vectors would have an infinite density: a grain of noise keeps them apart
        grain = np.random.default_rng(SEED).normal(0.0, 1e-3, vectors.shape)
        count = min(NEIGHBOURS, len(vectors) - 1)
        return _Sampled(model=LocalOutlierFactor(count, novelty=True).fit(vectors + grain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """What the main components cannot say of a vector."""

    def fit(self, vectors: Floats) -> Model:
        """Learn what is usual."""
        from sklearn.decomposition import PCA  # type: ignore[import-untyped]  # noqa: PLC0415

        # one grain of noise, so that there is a variance to explain
        grain = np.random.default_rng(SEED).normal(0.0, 1e-3, vectors.shape)
        return _Rest(model=PCA(EXPLAINED, svd_solver="full").fit(vectors + grain))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sampled:
    model: Any

    def score(self, vectors: Floats) -> Floats:
        return np.asarray(-self.model.score_samples(vectors), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    model: Any

    def score(self, vectors: Floats) -> Floats:
        rest = vectors - self.model.inverse_transform(self.model.transform(vectors))
        return np.asarray(np.sqrt(np.mean(rest * rest, axis=1)), np.float32)


def fitting_of(detector: Detector) -> Fitting | None:
    """Return how a detector learns. None: online, in the pool itself."""
    match detector:
        case Detector.PCA:
            return None
        case Detector.ISOLATION_FOREST:
            return Forest()
        case Detector.LOCAL_OUTLIER_FACTOR:
            return Neighbours()
        case Detector.RECONSTRUCTION:
            return Reconstruction()
        case _:
            assert_never(detector)
