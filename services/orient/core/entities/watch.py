"""Nodes, links, components and clusters: whether their signals belong together as usual.

Readings become one vector per entity and tick (`places`, `pools`); the vectors of a kind are judged
together (`whitening`), or by a detector that the policy names (`detectors`). An unusual entity is
evidence, not yet an incident: that wants it to last.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.orient.core.entities import whitening
from services.orient.core.entities.detectors import Model, fitting_of
from services.orient.core.entities.places import (
    CLUSTER,
    LINK,
    MEMBERS,
    SIGNALS,
    Places,
    gather,
    gather_clusters,
    settle,
)
from services.orient.core.entities.pools import Floats, Pool, empty_pool, see
from services.orient.core.entities.whitening import Judged
from services.orient.core.series.rows import Aligned, SeriesKey
from services.orient.core.series.scoring import Scores
from shared.messages.incident import SubjectKind
from shared.messages.inventory import Inventory
from shared.model.policy import Detector, Detectors

KINDS = (*SIGNALS, SubjectKind.CLUSTER)
MAIN_SHARE = 0.2
"""A signal that adds less than this share to the score is not named."""
MODEL_TICKS = 240
"""Models of scikit-learn are fitted again after so many ticks: an hour at 15 s."""
MODEL_VECTORS = 64
"""Vectors that there must be to fit one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualEntity:
    """An entity whose signals do not belong together as usual."""

    kind: SubjectKind
    subject: str
    """As in `Incident.subject`."""
    score: float
    """1 is usual."""
    p_value: float
    """How often entities of this kind are as unusual (0 to 1)."""
    signals: tuple[str, ...]
    """What contributes most, the strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntityScores:
    """The n entities of one kind in one tick."""

    kind: SubjectKind
    subjects: tuple[str, ...]
    """Length n. Empty: nothing is there, the slot is free."""
    scores: Floats
    """Shape (n,): 1 is usual, higher is more unusual. NaN: no opinion (yet)."""
    p_values: Floats
    """Shape (n,): how often entities of this kind score as high."""


@dataclass(slots=True, kw_only=True, eq=False)
class Entities:
    """All that is known of the entities. Changed in place by `watch_entities`."""

    node: Pool = field(default_factory=lambda: empty_pool(len(SIGNALS[SubjectKind.NODE])))
    link: Pool = field(default_factory=lambda: empty_pool(len(SIGNALS[SubjectKind.LINK])))
    component: Pool = field(default_factory=lambda: empty_pool(len(SIGNALS[SubjectKind.COMPONENT])))
    cluster: Pool = field(default_factory=lambda: empty_pool(2 * len(MEMBERS)))
    places: Places = field(default_factory=Places)
    models: dict[SubjectKind, "Fitted"] = field(default_factory=dict, metadata={"saved": False})
    """What scikit-learn fitted. Not to be saved: it is fitted again from the pool's sample."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Return the pools in the order of KINDS."""
        return self.node, self.link, self.component, self.cluster


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A model, and what it is from."""

    detector: Detector
    model: Model
    due: int
    """The tick of its pool from which on it is fitted again."""


def watch_entities(
    state: Entities, aligned: Aligned, scores: Scores, keys: list[SeriesKey], inventory: Inventory
) -> tuple[tuple[EntityScores, ...], tuple[UnusualEntity, ...]]:
    """Judge every entity from the readings of one tick, and learn from them.

    `scores`: of the readings, in their order. `keys`: the series by row, as in `Rows.keys`.
    """
    settle(state.places, state.pools, aligned, keys, inventory)
    detectors = inventory.policy.detectors
    tables = gather(state.places, state.pools, aligned.rows, scores.value)
    judged = [_judge(state, kind, table, detectors) for kind, table in enumerate(tables)]
    seen = [j.seen for j in judged[: LINK + 1]]
    table = gather_clusters(state.places, state.cluster, seen)
    judged.append(_judge(state, CLUSTER, table, detectors))
    unusual = [u for kind, j in enumerate(judged) for u in _unusual(state, kind, j)]
    return (
        tuple(
            EntityScores(kind=kind, subjects=pool.names, scores=j.score, p_values=j.p_value)
            for kind, pool, j in zip(KINDS, state.pools, judged, strict=True)
        ),
        tuple(sorted(unusual, key=lambda u: (u.p_value, -u.score, u.kind, u.subject))),
    )


def _judge(
    state: Entities, index: int, values: npt.NDArray[np.float64], detectors: Detectors
) -> Judged:
    kind = KINDS[index]
    detector: Detector = getattr(detectors, kind.value)
    judged, fitted = judge_values(state.pools[index], values, detector, state.models.get(kind))
    if fitted is not None:
        state.models[kind] = fitted
    return judged


def judge_values(
    pool: Pool,
    values: npt.NDArray[np.float64],
    detector: Detector = Detector.PCA,
    fitted: Fitted | None = None,
) -> tuple[Judged, Fitted | None]:
    """Judge n entities by their s signals in one tick, shape (n, s), NaN where not told.

    `fitted`: what the last call returned.
    """
    seen = see(pool, values)
    if detector is Detector.PCA:
        raw = whitening.distances(pool, seen.vectors)
    else:
        raw = np.full(len(values), np.nan, np.float32)
        fitted = _fitted(pool, detector, fitted)
        if fitted is not None and seen.heard.any():
            raw[seen.heard] = fitted.model.score(seen.vectors[seen.heard])
    return whitening.judge(pool, raw, seen), fitted


def _fitted(pool: Pool, detector: Detector, fitted: Fitted | None) -> Fitted | None:
    """Return the model of a kind, fitted again when it is due. None: too little was seen."""
    ticks, sampled = pool.ticks.tolist()
    fitting = fitting_of(detector)
    if fitting is None or sampled < MODEL_VECTORS:
        return None
    if fitted is not None and fitted.detector is detector and ticks < fitted.due:
        return fitted
    model = fitting.fit(pool.sample[: min(sampled, len(pool.sample))].copy())
    return Fitted(detector=detector, model=model, due=ticks + MODEL_TICKS)


def _unusual(state: Entities, index: int, judged: Judged) -> list[UnusualEntity]:
    pool = state.pools[index]
    found = np.flatnonzero(judged.p_value < whitening.UNUSUAL_P)  # NaN is not
    return [
        UnusualEntity(
            kind=KINDS[index],
            subject=pool.names[slot],
            score=float(judged.score[slot]),
            p_value=float(judged.p_value[slot]),
            signals=_main_signals(index, whitening.contributions(pool, judged, slot)),
        )
        for slot in found.tolist()
    ]


def _main_signals(index: int, parts: Floats) -> tuple[str, ...]:
    """Name the signals that contribute most; of a cluster, mean and largest count together."""
    signals = MEMBERS if index == CLUSTER else SIGNALS[KINDS[index]]
    shares = parts.reshape(-1, len(signals)).sum(axis=0) / max(float(parts.sum()), 1e-9)
    order = np.argsort(-shares, kind="stable")
    main = [i for i in order.tolist() if shares[i] >= MAIN_SHARE]
    return tuple(signals[i].value for i in main or order[:1].tolist())
