"""What cannot be: why a candidate is no candidate at all, each rule its own function."""

from collections.abc import Iterator

from services.decide.core.ground import stale_nodes
from services.decide.core.headroom import put
from services.decide.core.problem import Candidate, Objection, Problem
from services.decide.core.standing import Standing
from shared.messages.decision import Reason
from shared.messages.readings import Signal
from shared.model.names import ClusterName


def ruled_out(problem: Problem, standing: Standing, candidate: Candidate) -> Objection | None:
    """Return the first rule that a candidate breaks, or None."""
    return (
        reject_immovable(problem, candidate)
        or reject_forbidden(problem, candidate)
        or problem.clusters[candidate.cluster].closed
        or stale_nodes(candidate.cluster, problem.stale)
        or reject_unmeasured(problem, standing, candidate)
        or reject_without_access(problem, candidate)
        or reject_without_room(problem, standing, candidate)
    )


def reject_immovable(problem: Problem, candidate: Candidate) -> Objection | None:
    """Leave what must not move where it is. It may be scaled."""
    component = problem.components[candidate.component].component
    if component.movable or candidate.is_scale:
        return None
    return Objection(reason=Reason.NOT_MOVABLE, detail=f"{component.name} must not move")


def reject_forbidden(problem: Problem, candidate: Candidate) -> Objection | None:
    """Keep to the regions, owners and clusters that a component may use."""
    return problem.components[candidate.component].forbidden.get(candidate.cluster)


def reject_unmeasured(
    problem: Problem, standing: Standing, candidate: Candidate
) -> Objection | None:
    """Use no link that is not there, or of which something that matters cannot be believed."""
    if candidate.is_scale:
        return None
    here = candidate.cluster
    for talk in problem.talks:
        pairs: list[tuple[ClusterName, ClusterName]] = []
        if talk.source == candidate.component:
            pairs = [(here, there) for there, _ in standing.spreads[talk.target]]
        elif talk.target == candidate.component:
            pairs = [(there, here) for there, _ in standing.spreads[talk.source]]
        for source, target in pairs:
            objection = link_objection(problem, source, target, talk.signals)
            if objection is not None:
                return objection
    return None


def link_objection(
    problem: Problem, source: ClusterName, target: ClusterName, signals: tuple[Signal, ...]
) -> Objection | None:
    """Say why a link cannot be used by what needs these measurements, or None."""
    if source == target:
        return None
    link, name = problem.links.get((source, target)), f"{source}>{target}"
    if link is None and (source, Signal.LINK_RTT_MS) in problem.stale:
        return Objection(reason=Reason.NOT_FRESH, detail=f"nothing is known of the link {name}")
    if link is None or not link.is_up:
        state = "is down" if link else "does not exist"
        return Objection(reason=Reason.NO_LINK, detail=f"the link {name} {state}")
    for signal in signals:
        if link.measured(signal) is None:
            coverage = problem.stale.get((source, signal))
            state = coverage.state.value if coverage else "not measured"
            return Objection(reason=Reason.NOT_FRESH, detail=f"{signal} of {name} is {state}")
    return None


def reject_without_access(problem: Problem, candidate: Candidate) -> Objection | None:
    """Put the ends of a user path only where the way from the users is known.

    A user site that no cluster knows rules nothing out: it would be unknown everywhere.
    """
    for group in problem.groups:
        at_an_end = candidate.component in (group.path[0], group.path[-1])
        known = any(latency_ms is not None for latency_ms in group.access_ms.values())
        if at_an_end and known and group.access_ms[candidate.cluster] is None:
            site = group.group.site
            detail = f"no access latency between {site} and {candidate.cluster} is known"
            return Objection(reason=Reason.NO_LINK, detail=detail)
    return None


def reject_without_room(
    problem: Problem, standing: Standing, candidate: Candidate
) -> Objection | None:
    """Let new copies fit on real nodes while the old ones still stand."""
    request = problem.components[candidate.component].component.requests
    replicas = _new_copies(standing, candidate)
    _, homeless = put(standing.rooms[candidate.cluster], request, replicas)
    if not homeless:
        return None
    cluster = problem.clusters[candidate.cluster]
    _, without_promises = put(cluster.unpromised, request, replicas)
    size = f"{replicas} x {request.cpu_cores:g} cores, {request.memory_bytes / 2**30:.1f} GiB"
    if cluster.headroom != cluster.unpromised and not without_promises:
        detail = f"{size} would fit on {candidate.cluster}, but the room is promised"
        return Objection(reason=Reason.PROMISED, detail=detail)
    detail = f"{homeless} of {size} find no node on {candidate.cluster}"
    return Objection(reason=Reason.NO_CAPACITY, detail=detail)


def _new_copies(standing: Standing, candidate: Candidate) -> int:
    there = sum(n for _, n in standing.spreads[candidate.component])
    return max(0, candidate.replicas - there) if candidate.is_scale else candidate.replicas


def doubts(problem: Problem, standing: Standing) -> Iterator[Objection]:
    """Yield why what an application stands on now cannot be judged. Lost clusters are no doubt."""
    hosts = {cluster for spread in standing.spreads for cluster, _ in spread}
    for cluster in sorted(hosts):
        objection = stale_nodes(cluster, problem.stale)
        if objection is not None:
            yield objection
    for talk in problem.talks:
        for source, _ in standing.spreads[talk.source]:
            for target, _ in standing.spreads[talk.target]:
                objection = link_objection(problem, source, target, talk.signals)
                if objection is not None and objection.reason is Reason.NOT_FRESH:
                    yield objection
