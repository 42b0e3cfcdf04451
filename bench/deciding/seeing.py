"""What Thanos answers about a simulated world, with all that may be wrong with measurements."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.observe.core.answers import Answer, Answers, Question, Sample, Store
from simulator.families import Family
from simulator.prometheus import Sidecar, sidecar_of
from simulator.queries import answer
from simulator.samples import families_of
from simulator.world import World

CLUSTER = "cluster"

Scrapes = dict[str, tuple[Family, ...]]


@dataclass(slots=True, kw_only=True)
class Sight:
    """What is wrong with the measurements, beside what is wrong with the clusters."""

    world: World
    is_silent: bool = False
    """Thanos answers nothing at all."""
    stale: dict[str, tuple[float, tuple[Family, ...]]] = field(default_factory=dict)
    """Clusters whose samples stand still: since which second, and what they were."""
    off_ms: dict[frozenset[str], Callable[[], float]] = field(default_factory=dict)
    """By how much the next measurement of a link's latency will be off, one way."""

    def freeze(self, cluster: str) -> None:
        """Have the samples of a cluster stand still from now on."""
        self.stale[cluster] = (self.world.seconds, self._scrape(cluster))

    def ask(self, questions: Iterable[Question], at: datetime) -> Answers:
        """Return the answers of now."""
        if self.is_silent:
            why = "Thanos does not answer: connection refused"
            return Answers(answers=tuple(Answer(question=q, failure=why) for q in questions))
        for ends, off_ms in self.off_ms.items():
            self.world.links[ends].odd.delay_ms = off_ms()  # until the next step
        clusters = sorted(self.world.scenario.fleet.clusters)
        wall = self.world.wall_seconds()
        states = {c: sidecar_of(self.world, c, wall) for c in clusters}
        scrapes = {c: self._scrape(c) for c, s in states.items() if s is Sidecar.UP}
        warnings = tuple(
            f'fetch series for {{cluster="{c}"}}: rpc error: code = Unavailable'
            for c, state in states.items()
            if state is Sidecar.FAILING
        )
        return Answers(
            answers=tuple(self._answer(q, scrapes, warnings, at) for q in questions),
            stores=tuple(
                Store(
                    name=f"{c}.sidecar.invalid:10901",
                    clusters=(c,),
                    last_error="connection refused" if state is Sidecar.DROPPED else "",
                )
                for c, state in states.items()
            ),
        )

    def _scrape(self, cluster: str) -> tuple[Family, ...]:
        if cluster in self.stale:
            return self.stale[cluster][1]
        return families_of(self.world, cluster, self.world.wall_seconds())

    def _answer(
        self, question: Question, scrapes: Scrapes, warnings: tuple[str, ...], at: datetime
    ) -> Answer:
        now = at.timestamp()
        vector = answer(question.promql, scrapes, at=now)
        samples = []
        for labels, value in vector.items():
            told = dict(labels)
            since = self.stale.get(told.get(CLUSTER, ""))
            if since and question.labels == (CLUSTER,):  # the question of how old it is
                value = now - (self.world.seconds - since[0])  # noqa: PLW2901
            samples.append(Sample(tuple(told.get(name, "") for name in question.labels), value))
        return Answer(question=question, samples=tuple(samples), warnings=warnings)
