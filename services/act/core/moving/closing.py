"""The end of a move: the old replicas are gone, nothing reaches them, and it is proven."""

from services.act.core.moving.case import Case
from services.act.core.moving.endpoints import why_not_reached, why_old_reached
from services.act.core.moving.giving_up import given_up
from services.act.core.moving.proof import Finding, judge
from services.act.core.moving.stateful import hurry, next_exchange
from services.act.core.moving.workloads import is_rolled_out, replicas_of
from services.act.core.steps import Next, Step, Wait, ended, goes_back
from shared.messages.outcome import Status


def next_of_set(case: Case) -> Step | None:
    """Exchange the next pod; one that is lost is given up where that is allowed."""
    lost = [pod for pod in case.pods if case.is_on_lost(pod)]
    if not lost or not case.context.insight.policy.allow_double_run:
        return next_exchange(case.exchange, case.live)
    hurried = None if case.mark.back else hurry(case.exchange, case.live)
    return hurried or given_up(lost, case.live)


def next_to_end(case: Case) -> Next:
    """Wait until the old replicas are gone, then prove the new ones."""
    move, within_reach = case.move, case.within_reach
    if case.is_set and (step := next_of_set(case)):
        return case.guarded(step)
    there = case.serving_there
    are_alone = is_rolled_out(case.workload) and len(there) == len(within_reach)
    missed = why_not_reached(case.workload, case.live)
    old = why_old_reached(case.workload, case.live)
    if are_alone and not missed and not old:
        return _give_up_old(case) or _prove(case)
    waits = f"the old replicas of {move.component} on {move.source} are going"
    if not case.is_overdue(case.entry.serving_at, times=2):
        return Wait(reason=(missed or old) if are_alone else waits)
    if len(there) < replicas_of(case.workload):
        return case.retreat(f"its replicas on {move.target} do not stay ready")
    if missed:
        return case.retreat(missed)
    stuck = f"it serves on {move.target}, but " + (
        old if are_alone else "its old replicas do not go away"
    )
    return ended(case.entry, Status.FAILED, case.now, stuck)


def _give_up_old(case: Case) -> Step | None:
    """Give up old replicas that end on a lost cluster, where the policy allows a double run."""
    if not case.context.insight.policy.allow_double_run:
        return None
    return given_up(filter(case.is_beyond_reach, case.pods), case.live)


def _prove(case: Case) -> Next:
    """End the move by what the insights say.

    Missing data hold it where it is: the new replicas serve, and going back would be another move,
    made blind. When the data stay away for twice the time a move may take, it counts as done, with
    a note.
    """
    serving_at = case.entry.serving_at
    assert serving_at is not None
    judgement = judge(case.move, serving_at, case.context)
    if judgement.finding is Finding.GOOD:
        return case.end(Status.SUCCEEDED, _left_behind(case))
    if judgement.finding is Finding.WORSE:
        if not (lost := case.lost(case.move.source)):
            return goes_back(case.entry, case.now, judgement.reason)
        return case.end(Status.SUCCEEDED, f"{judgement.reason}, but there is no way back: {lost}")
    if case.is_overdue(serving_at, times=2):
        return case.end(Status.SUCCEEDED, f"not proven: {judgement.reason}")
    return Wait(reason=judgement.reason, for_insight=True)


def _left_behind(case: Case) -> str:
    """Tell of old replicas on a lost cluster: left Terminating, or given up."""
    source = case.move.source
    left = sum(map(case.is_beyond_reach, case.pods))
    if left:
        return f"{left} old replicas stay Terminating until {source} answers"
    if case.lost(source) and case.context.insight.policy.allow_double_run:
        return f"its old replicas were given up; they may run on until {source} answers"
    return ""
