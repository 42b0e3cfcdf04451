"""Raw samples become typed readings: whose they are, what they are about, and how old."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.observe.core.answers import Answer, Answers, Question
from services.observe.core.queries import CLUSTER_LABEL, QUERIES
from shared.messages.readings import Reading, Readings, Signal
from shared.messages.texts import as_texts

UNKNOWN_AGE = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one signal brought, from all clusters."""

    signal: Signal
    values: Mapping[str, Mapping[str, float]]
    """By cluster and subject; NaN where the source said no finite number."""
    ages_seconds: Mapping[str, float]
    """By cluster, of its newest sample; negative where its clock is ahead of ours."""
    warnings: tuple[str, ...] = ()
    failure: str = ""
    """Why the values could not be asked."""
    age_failure: str = ""
    """Why the ages could not be asked."""
    nameless: bool = False
    """Whether samples came that do not say their cluster."""

    def measured(self, cluster: str) -> set[str]:
        """Return the subjects of which the cluster told a number."""
        return {s for s, value in self.values.get(cluster, {}).items() if not math.isnan(value)}


def values_question(signal: Signal) -> Question:
    """Return the question of the values of a signal."""
    query = QUERIES[signal]
    return Question(promql=query.promql, labels=(CLUSTER_LABEL, query.subject))


def freshness_question(signal: Signal) -> Question:
    """Return the question of the ages of a signal."""
    return Question(promql=QUERIES[signal].freshness, labels=(CLUSTER_LABEL,))


def signal_questions() -> tuple[Question, ...]:
    """Return all there is to ask about clusters."""
    return tuple(
        question
        for signal in QUERIES
        for question in (values_question(signal), freshness_question(signal))
    )


def hear(answers: Answers, *, at: datetime) -> dict[Signal, Heard]:
    """Sort what was answered by signal."""
    by_question = {answer.question: answer for answer in answers.answers}
    return {signal: _hear(signal, by_question, at) for signal in QUERIES}


def _hear(signal: Signal, answers: Mapping[Question, Answer], at: datetime) -> Heard:
    values_asked, ages_asked = values_question(signal), freshness_question(signal)
    unasked = "it was not asked"
    values = answers.get(values_asked, Answer(question=values_asked, failure=unasked))
    ages = answers.get(ages_asked, Answer(question=ages_asked, failure=unasked))
    by_cluster: dict[str, dict[str, float]] = {}
    for sample in values.samples:
        cluster, subject = sample.labels
        if cluster and subject:
            number = sample.value if math.isfinite(sample.value) else math.nan
            by_cluster.setdefault(cluster, {})[subject] = number
    return Heard(
        signal=signal,
        values=by_cluster,
        ages_seconds={
            sample.labels[0]: at.timestamp() - sample.value
            for sample in ages.samples
            if math.isfinite(sample.value)
        },
        warnings=values.warnings + ages.warnings,
        failure=values.failure,
        age_failure=ages.failure,
        nameless=any(not sample.labels[0] for sample in values.samples),
    )


def collect(heard: Iterable[Heard], clusters: Iterable[str], more: Iterable[Reading]) -> Readings:
    """Return the readings of these clusters, and `more`, as columns. Equal input, equal order.

    The age of a reading is that of its cluster's newest sample; NaN where it cannot be told.
    """
    wanted = sorted(clusters)
    rows = [
        (signal.signal.value, cluster, subject, value, _age(signal, cluster))
        for signal in heard
        for cluster in wanted
        for subject, value in sorted(signal.values.get(cluster, {}).items())
    ]
    rows += [(r.signal.value, r.cluster, r.subject, r.value, r.age_seconds) for r in more]
    columns = tuple(zip(*rows, strict=True)) or ((),) * 5
    return Readings(
        signals=as_texts(columns[0]),
        clusters=as_texts(columns[1]),
        subjects=as_texts(columns[2]),
        values=np.array(columns[3], dtype=np.float64),
        ages_seconds=np.array(columns[4], dtype=np.float64),
    )


def _age(heard: Heard, cluster: str) -> float:
    return max(heard.ages_seconds.get(cluster, UNKNOWN_AGE), 0.0)
