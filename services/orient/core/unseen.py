"""What cannot be seen in a cycle: no incident is over because nothing is heard of it."""

from dataclasses import dataclass

from services.orient.core.series.rows import SeriesKey
from shared.messages.incident import Incident, SubjectKind
from shared.messages.insight import Quality
from shared.messages.observation import CoverageState, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Where the data of a cycle have gaps."""

    rows: frozenset[tuple[str, str]] = frozenset()
    """Cluster and signal of which the data are not fresh."""
    applications: frozenset[str] = frozenset()
    """Those that cannot be read, as while a metric of theirs does not answer."""

    def hides_series(self, key: SeriesKey) -> bool:
        """Tell whether a series may be there and is just not told."""
        signal, cluster, _ = key
        return (cluster, signal) in self.rows

    def hides(self, incident: Incident, qualities: tuple[Quality, ...]) -> bool:
        """Tell whether an incident might go on without being seen: no end that saw it tells now."""
        owner, _, part = incident.subject.rpartition("/")
        match incident.kind:
            case SubjectKind.GROUP:
                of_group = [q for q in qualities if (q.application, q.group) == (owner, part)]
                return owner in self.applications or any(q.is_met is None for q in of_group)
            case SubjectKind.COMPONENT:
                return owner in self.applications
            case SubjectKind.LINK | SubjectKind.NODE | SubjectKind.GATEWAY | SubjectKind.CLUSTER:
                seen_by = {(anomaly.cluster, anomaly.signal) for anomaly in incident.anomalies}
                return bool(seen_by) and seen_by <= self.rows


NOTHING = Unseen()


def unseen_in(observation: Observation) -> Unseen:
    """Return the gaps of an observation."""
    return Unseen(
        rows=frozenset(
            (row.cluster, row.signal)
            for row in observation.coverage
            if row.state is not CoverageState.FRESH
        ),
        applications=frozenset(
            problem.name
            for problem in observation.inventory.problems
            if problem.kind == "Application"
        ),
    )
