"""Values that Applications leave to metrics: processing times, flows, where users attach.

A metric that does not answer is stood in for by its newest answer while that is no older than data
may be. After that the Application has a problem and is held: deciding on it would be guessing.
While data are missing somewhere (a cluster fell silent, the answer is said to be partial), users
are not believed to have left a site that merely is no longer told; what is told is believed.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.observe.core.answers import Answer, Answers, Question, Sample
from services.observe.core.check_application import Surroundings, check_user_site
from services.observe.core.memory import Measured
from services.observe.core.stores import PROMQL_NOTE, shortened
from shared.messages.inventory import Problem
from shared.messages.readings import Reading, Signal
from shared.model.application import Application, Component, Flow, UserGroup

SITE_LABEL = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The applications with their measured values, and what came with them."""

    applications: tuple[Application, ...]
    """Only those of which every metric is known."""
    problems: tuple[Problem, ...]
    readings: tuple[Reading, ...]
    measured: tuple[Measured, ...]


def application_questions(
    applications: tuple[Application, ...], *, max_age: timedelta
) -> tuple[Question, ...]:
    """Return what applications want to have asked, each question once."""
    questions = (q for a in applications for q in _questions(a, max_age))
    return tuple(dict.fromkeys(questions))


def _questions(application: Application, max_age: timedelta) -> Iterator[Question]:
    for component in application.components:
        if component.processing_metric:
            yield _number(component.processing_metric, max_age)
    for flow in application.flows:
        if flow.mbps_metric:
            yield _number(flow.mbps_metric, max_age)
    for group in application.users:
        if group.site_metric:
            yield _place(group.site_metric, max_age)


def _number(promql: str, max_age: timedelta) -> Question:
    return Question(promql=promql, lookback=max_age)


def _place(promql: str, max_age: timedelta) -> Question:
    return Question(promql=promql, labels=(SITE_LABEL,), lookback=max_age)


@dataclass(slots=True, kw_only=True)
class _Meter:
    """Looks answers up, and collects what is found and what is wrong."""

    answers: Mapping[Question, Answer]
    remembered: Mapping[str, Measured]
    around: Surroundings
    blind: str
    at: datetime
    max_age: timedelta
    found: dict[str, Measured] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    complaints: list[tuple[str, str]] = field(default_factory=list)

    def measure(self, question: Question, path: str) -> Measured | None:
        """Return the value of a metric: told now, or lately. None: a complaint was noted."""
        known = self.remembered.get(question.promql)
        told, trouble = self._told(question, known)
        if told is None and known and self.at - known.at <= self.max_age:
            told = known
        if told is None:
            self.complaints.append((path, f"the metric {trouble}"))
        remember = told or known
        if remember is not None:
            self.found[question.promql] = remember
        return told

    def read(self, signal: Signal, subject: str, measured: Measured) -> None:
        """Note a measured value as a reading."""
        age = (self.at - measured.at).total_seconds()
        self.readings.append(Reading(signal, "", subject, measured.value, age))

    def count(self, question: Question, subject: str) -> None:
        """Note how many users all sites together tell of; nothing while some may be missing."""
        answer = self.answers.get(question)
        known = self.remembered.get(question.promql)
        if answer is None or answer.failure or self._doubt(answer, known.label if known else ""):
            return
        total = math.fsum(sample.value for sample in _usable(answer))
        self.readings.append(Reading(Signal.USERS, "", subject, total, 0.0))

    def _told(self, question: Question, known: Measured | None) -> tuple[Measured | None, str]:
        """Return what is told now, or why that cannot be used."""
        answer = self.answers.get(question, Answer(question=question, failure="it was not asked"))
        if answer.failure:
            return None, f"could not be asked: {answer.failure}"
        good = _usable(answer)
        if not good:
            wanted = f"with label {SITE_LABEL}" if question.labels else "with a number"
            return None, f"gives nothing {wanted}"
        before = known.label if known else ""
        doubt = self._doubt(answer, before) if question.labels else ""
        if doubt and before not in {s.labels[0] for s in good}:
            return None, f"says nothing of {before or 'where users were'} now, and {doubt}"
        best = _largest(good, before)
        if best.value < 0:
            return None, f"gives a negative number: {best.value:g}"
        label = best.labels[0] if best.labels else ""
        return Measured(promql=question.promql, label=label, value=best.value, at=self.at), ""

    def _doubt(self, answer: Answer, before: str) -> str:
        """Return why the user site of before may be missing from an answer, or an empty text."""
        partial = [w for w in answer.warnings if not w.startswith(PROMQL_NOTE)]
        if partial:
            return f"it is answered in part: {shortened(partial[0])}"
        return self.blind if before else ""


def _usable(answer: Answer) -> list[Sample]:
    return [s for s in answer.samples if math.isfinite(s.value) and all(s.labels)]


def _largest(samples: list[Sample], before: str) -> Sample:
    """Return the sample with the largest value; of equal ones that of before, then by name."""
    return min(samples, key=lambda s: (-s.value, s.labels[:1] != (before,), s.labels))


def measure_applications(
    applications: tuple[Application, ...],
    answers: Answers,
    remembered: tuple[Measured, ...],
    around: Surroundings,
    *,
    blind: str,
    at: datetime,
    max_age: timedelta,
) -> Measurement:
    """Put the values of the metrics into the applications that declare some.

    `blind`: the sentence that some cluster is silent, or empty. Then a user site that vanishes
    from an answer is not believed to be left: its data may just be missing.
    """
    meter = _Meter(
        answers={answer.question: answer for answer in answers.answers},
        remembered={m.promql: m for m in remembered},
        around=around,
        blind=blind,
        at=at,
        max_age=max_age,
    )
    good, problems = [], []
    for application in applications:
        meter.complaints = []
        measured = _measure(application, meter)
        if meter.complaints:
            problems += [
                Problem(kind="Application", name=application.name, field=path, message=message)
                for path, message in meter.complaints
            ]
        else:
            good.append(measured)
    return Measurement(
        applications=tuple(good),
        problems=tuple(problems),
        readings=tuple(meter.readings),
        measured=tuple(meter.found[promql] for promql in sorted(meter.found)),
    )


def _measure(application: Application, meter: _Meter) -> Application:
    return replace(
        application,
        components=tuple(
            _component(application, component, f"spec.components[{index}].processing.metric", meter)
            for index, component in enumerate(application.components)
        ),
        flows=tuple(
            _flow(application, flow, f"spec.flows[{index}].mbpsMetric", meter)
            for index, flow in enumerate(application.flows)
        ),
        users=tuple(
            _group(application, group, f"spec.users[{index}].siteMetric", meter)
            for index, group in enumerate(application.users)
        ),
    )


def _component(
    application: Application, component: Component, path: str, meter: _Meter
) -> Component:
    if component.processing_metric is None:
        return component
    measured = meter.measure(_number(component.processing_metric, meter.max_age), path)
    if measured is None:
        return component
    meter.read(Signal.PROCESSING_MS, f"{application.name}/{component.name}", measured)
    return replace(component, processing_ms=measured.value)


def _flow(application: Application, flow: Flow, path: str, meter: _Meter) -> Flow:
    if flow.mbps_metric is None:
        return flow
    measured = meter.measure(_number(flow.mbps_metric, meter.max_age), path)
    if measured is None:
        return flow
    meter.read(Signal.FLOW_MBPS, f"{application.name}/{flow.source}/{flow.target}", measured)
    return replace(flow, mbps=measured.value)


def _group(application: Application, group: UserGroup, path: str, meter: _Meter) -> UserGroup:
    if group.site_metric is None:
        return group
    question = _place(group.site_metric, meter.max_age)
    measured = meter.measure(question, path)
    if measured is None:
        return group
    meter.count(question, f"{application.name}/{group.name}")
    placed = replace(group, site=measured.label)
    meter.complaints.extend(check_user_site(placed, path, meter.around))
    return placed
