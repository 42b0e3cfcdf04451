"""The entry: an Observation becomes an Insight."""

from dataclasses import replace

from services.orient.core.assemble import assemble
from services.orient.core.incidents import follow_incidents
from services.orient.core.memory import Memory, Watched
from services.orient.core.quality import assess_quality
from services.orient.core.series import forget, judge, recall
from services.orient.core.unseen import unseen_in
from shared.messages.insight import IncidentState, Insight
from shared.messages.inventory import Freshness, is_blind
from shared.messages.observation import CoverageState, Observation


def orient(observation: Observation, memory: Memory) -> tuple[Insight, Memory]:
    """Say what an observation means, from it and from what came before it alone.

    One that could not see the fleet ends no incident and teaches nothing.
    """
    fleet = assemble(observation)
    policy = observation.inventory.policy
    anomalies, baselines = judge(observation.readings, memory.baselines)
    qualities, verdicts = assess_quality(fleet, policy, memory.verdicts)
    unseen = unseen_in(observation)
    incidents, watched = follow_incidents(fleet, anomalies, qualities, memory.watched, unseen)
    insight = Insight(
        cycle=observation.cycle,
        fleet_name=observation.fleet,
        at=observation.at,
        interval_seconds=observation.interval_seconds,
        fleet=fleet,
        policy=policy,
        qualities=qualities,
        incidents=incidents,
        coverage=tuple(c for c in observation.coverage if c.state is not CoverageState.FRESH),
        kinds=tuple(k for k in observation.inventory.kinds if k.state is not Freshness.FRESH),
        problems=observation.inventory.problems,
        outcomes=observation.outcomes,
        under_way=observation.inventory.under_way,
        stretched=observation.inventory.offloadings,
    )
    if is_blind(insight.kinds):
        going_on = tuple(w.incident for w in memory.watched if w.is_open)
        return replace(insight, incidents=going_on), memory
    next_memory = Memory(
        baselines=forget(baselines, observation.readings, unseen.hides_series),
        watched=watched,
        verdicts=verdicts,
    )
    return insight, next_memory


def remember(insight: Insight | None) -> Memory:
    """Return what can be known of the past from the newest insight, after a restart.

    Open incidents go on under their ids, measured against what was normal before them. Other
    baselines are learnt again.
    """
    if insight is None:
        return Memory()
    watched = tuple(
        Watched(incident=incident, bad_cycles=1, is_open=True)
        for incident in insight.incidents
        if incident.state is IncidentState.OPEN
    )
    anomalies = [a for w in watched for a in w.incident.anomalies]
    return Memory(baselines=recall(anomalies), watched=watched)
