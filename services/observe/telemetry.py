"""Everything Observe tells operators."""

from collections import Counter
from collections.abc import Iterable

from shared.messages.inventory import Freshness, KindFreshness
from shared.messages.observation import Coverage, CoverageState, Observation
from shared.model.names import ClusterName
from shared.runtime import logs, metrics

_log = logs.get("observe")
_observations = metrics.counter("observe_observations_total", "Does Observe keep turning?")
_missed = metrics.counter("observe_missed_cycles_total", "How many cycles were left out?")
_seconds = metrics.histogram(
    "observe_cycle_seconds",
    "How long does it take to gather and publish what is the case?",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0),
)
_coverage = metrics.gauge(
    "observe_coverage_signals", "How much of what ought to be known is?", ("site", "state")
)
_kinds = metrics.gauge("observe_kinds", "Are the lists of Kubernetes up to date?", ("state",))
_problems = metrics.gauge("observe_problems", "How many declared objects are unusable?", ("kind",))

_WORST_FIRST = (CoverageState.ABSENT, CoverageState.PARTIAL, CoverageState.LATE)


def metrics_lost(reason: str) -> None:
    """Tell that the metrics source answers nothing. It is asked again each cycle."""
    _log.error("metrics_lost", reason=reason)


def metrics_found() -> None:
    """Tell that the metrics source answers again."""
    _log.info("metrics_found")


def cycles_missed(count: int) -> None:
    """Tell that a cycle took so long that the next ones were left out."""
    _missed.inc(count)
    _log.warning("cycles_missed", count=count)


def inventory_delayed(waited_seconds: float) -> None:
    """Tell that the loop begins without knowing all kinds of objects."""
    _log.warning("inventory_delayed", waited_seconds=waited_seconds)


def observation_published(
    observation: Observation, before: Observation | None, *, seconds: float
) -> None:
    """Tell one cycle: its length, and what changed since the one before."""
    _observations.inc()
    _seconds.observe(seconds)
    _tell_coverage(observation.coverage, before.coverage if before else ())
    _tell_kinds(observation, before)
    _tell_problems(observation, before)
    _log.debug(
        "observation_published", seconds=round(seconds, 3), readings=len(observation.readings)
    )


def _tell_coverage(now: tuple[Coverage, ...], before: tuple[Coverage, ...]) -> None:
    # labelled `site`: Thanos puts the cluster that was scraped in the place of a `cluster`
    _coverage.clear()
    for (name, state), count in Counter((c.cluster, c.state) for c in now).items():
        _coverage.labels(name, state).set(count)
    known, worst = _worst(before), _worst(now)
    alike: dict[tuple[CoverageState, str], list[ClusterName]] = {}
    for cluster, row in worst.items():
        if cluster not in known or known[cluster].state is not row.state:
            alike.setdefault((row.state, row.reason), []).append(cluster)
    for (state, reason), clusters in alike.items():
        _log.warning("clusters_not_covered", clusters=clusters, state=state, reason=reason)
    if known.keys() - worst.keys():
        _log.info("clusters_covered", clusters=sorted(known.keys() - worst.keys()))


def _worst(coverage: Iterable[Coverage]) -> dict[ClusterName, Coverage]:
    """Return per cluster the worst row; none where all is fresh."""
    worst: dict[ClusterName, Coverage] = {}
    for row in coverage:
        if row.state is CoverageState.FRESH:
            continue
        known = worst.get(row.cluster)
        if known is None or _WORST_FIRST.index(row.state) < _WORST_FIRST.index(known.state):
            worst[row.cluster] = row
    return worst


def _tell_kinds(observation: Observation, before: Observation | None) -> None:
    _kinds.clear()
    for each, count in Counter(k.state for k in observation.inventory.kinds).items():
        _kinds.labels(each).set(count)
    known = {k.kind: k.state for k in before.inventory.kinds} if before else {}
    changed: dict[Freshness, list[KindFreshness]] = {}
    for kind in observation.inventory.kinds:
        if known.get(kind.kind, Freshness.FRESH) is not kind.state:
            changed.setdefault(kind.state, []).append(kind)
    for state, kinds in changed.items():
        names = [kind.kind for kind in kinds]
        if state is Freshness.FRESH:
            _log.info("kinds_found", kinds=names)
        else:
            _log.warning("kinds_lost", kinds=names, state=state, reason=kinds[0].reason)


def _tell_problems(observation: Observation, before: Observation | None) -> None:
    _problems.clear()
    now = observation.inventory.problems
    for of_kind, count in Counter(p.kind for p in now).items():
        _problems.labels(of_kind).set(count)
    known = {(p.kind, p.name, p.field): p for p in (before.inventory.problems if before else ())}
    for problem in now:
        if known.pop((problem.kind, problem.name, problem.field), None) is None:
            _log.warning(
                "problem_found",
                kind=problem.kind,
                name=problem.name,
                field=problem.field,
                message=problem.message,
            )
    for kind, name, field in known:
        _log.info("problem_gone", kind=kind, name=name, field=field)
