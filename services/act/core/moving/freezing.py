"""A pause in the middle of a rollout: it is stopped where it is, with two copies and not none."""

from dataclasses import replace

from services.act.core.moving.case import Case
from services.act.core.moving.pinning import write_mark
from services.act.core.moving.stateful import frozen
from services.act.core.moving.workloads import is_rolled_out
from services.act.core.objects import dig
from services.act.core.steps import Next, Step, Wait


def next_in_pause(case: Case) -> Next:
    """Return what becomes of a move while the loop is paused.

    A rollout under way is frozen, once: if somebody else lets it go on, that is their wish. Copies
    that are starting go on to start; none is taken away.
    """
    paused = f"the loop is paused by {case.context.paused_by}"
    if case.mark.frozen:
        return Wait(reason=f"{paused}; the rollout of {case.move.component} stands still")
    if is_rolled_out(case.workload) or dig(case.workload, "spec", "paused"):
        return Wait(reason=paused)
    if case.is_set and (step := frozen(case.exchange)):
        return step
    mark = replace(case.mark, frozen=True)
    write = write_mark(case.move, case.workload, mark, home=case.live.home)
    return Step(write=write, even_paused=True)


def thaw(case: Case) -> Step:
    """Return the step by which a rollout that was frozen goes on."""
    going = replace(case.mark, frozen=False, resumed_at=case.now)
    write = write_mark(case.move, case.workload, going, home=case.live.home)
    purpose = f"let the rollout of {case.move.component} go on"
    return Step(write=replace(write, purpose=purpose))
