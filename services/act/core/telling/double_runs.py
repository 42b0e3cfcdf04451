"""Double runs: old pods on a cluster that was lost and is back, while new ones serve elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.act.core.emptying.remains import is_of, remains_of
from services.act.core.objects import Object, dig
from services.act.core.telling.alerts import Alert
from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.names import ApplicationName, ClusterName, FleetName


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleRun:
    """Pods of an application that are Terminating there, and run until Liqo has ended them."""

    cluster: ClusterName
    application: ApplicationName
    pods: int
    since: datetime
    """When it was first seen."""


def double_runs(
    cluster: ClusterName,
    pods: Iterable[Object],
    applications: Mapping[ApplicationName, Object],
    *,
    before: Iterable[DoubleRun] = (),
    now: datetime,
) -> tuple[DoubleRun, ...]:
    """Return the double runs on a cluster that answers again, from all pods that are bound to it.

    Pods of no Application count for their namespace.
    """
    known = {(run.cluster, run.application): run.since for run in before}
    counts: dict[ApplicationName, int] = {}
    for pod in remains_of(pods).going:
        name = _application_of(pod, applications)
        counts[name] = counts.get(name, 0) + 1
    return tuple(
        DoubleRun(
            cluster=cluster, application=name, pods=count, since=known.get((cluster, name), now)
        )
        for name, count in sorted(counts.items())
    )


def together(runs: Iterable[DoubleRun]) -> tuple[DoubleRun, ...]:
    """Return one double run for each cluster and application: a cluster can have several nodes."""
    found: dict[tuple[str, str], DoubleRun] = {}
    for run in runs:
        key = (run.cluster, run.application)
        other = found.get(key)
        if other is not None:
            since = min(run.since, other.since)
            run = replace(run, pods=run.pods + other.pods, since=since)  # noqa: PLW2901
        found[key] = run
    return tuple(run for _, run in sorted(found.items()))


def alerts_of_double_runs(
    runs: Iterable[DoubleRun], fleet: FleetName, *, ends_at: datetime
) -> tuple[Alert, ...]:
    """Return one alert for each cluster and application."""
    return tuple(
        Alert(
            labels=(
                ("alertname", "DoubleRun"),
                ("application", run.application),
                ("cluster", run.cluster),
                ("fleet", fleet),
                ("incident", f"double_run:{run.cluster}"),
                ("severity", "warning"),
            ),
            summary=f"{run.application} may run twice: old pods on {run.cluster} are not gone",
            description=f"{run.pods} pods are Terminating there since the cluster was lost. Liqo "
            "ends them by itself, within minutes; nothing is placed there until then.",
            starts_at=run.since,
            ends_at=ends_at,
        )
        for run in runs
    )


def _application_of(pod: Object, applications: Mapping[ApplicationName, Object]) -> ApplicationName:
    for name, obj in sorted(applications.items()):
        for component in dig(obj, "spec", "components") or ():
            if is_of(pod, name, _workload_of(component)):
                return name
    return ApplicationName(str(dig(pod, "metadata", "namespace")))


def _workload_of(component: Object) -> WorkloadRef:
    kind = dig(component, "workload", "kind") or WorkloadKind.DEPLOYMENT
    return WorkloadRef(kind=WorkloadKind(kind), name=str(dig(component, "workload", "name")))
