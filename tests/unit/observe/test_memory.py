from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.observe.core.memory import OUTCOMES_KEPT, remember_outcomes
from services.observe.core.observe import Cycle
from shared.messages.outcome import Outcome, Status
from shared.model.names import decision_id
from tests.support.builders import ARENA, FLEET, NOW, cycle_at, later


def an_outcome(decision: int, seconds: float, status: Status = Status.RUNNING) -> Outcome:
    cycle = cycle_at(later(decision))
    return Outcome(
        decision=decision_id(cycle, ARENA),
        cycle=cycle,
        fleet=FLEET,
        application=ARENA,
        at=later(seconds),
        status=status,
    )


def test_the_newest_outcome_of_a_decision_is_kept() -> None:
    running, done = an_outcome(1, 10), an_outcome(1, 20, Status.SUCCEEDED)
    other = an_outcome(2, 15)
    assert remember_outcomes((running,), (done, other), at=later(30)) == (other, done)


def test_an_outcome_that_comes_late_replaces_nothing() -> None:
    running, done = an_outcome(1, 10), an_outcome(1, 10, Status.SUCCEEDED)
    assert remember_outcomes((done,), (running,), at=later(30)) == (done,)


def test_outcomes_are_forgotten_after_a_day_and_never_too_many() -> None:
    old = an_outcome(0, 0)
    assert remember_outcomes((old,), (), at=later(24 * 3600)) == (old,)
    assert remember_outcomes((old,), (), at=later(24 * 3600 + 1)) == ()
    many = [an_outcome(n, n) for n in range(OUTCOMES_KEPT + 5)]
    assert remember_outcomes((), many, at=later(5000)) == tuple(many[5:])


PIECES = st.lists(
    st.builds(an_outcome, st.integers(0, 3), st.integers(0, 50), st.sampled_from(list(Status))),
    max_size=8,
)


@given(first=PIECES, second=PIECES)
def test_outcomes_may_come_twice(first: Sequence[Outcome], second: Sequence[Outcome]) -> None:
    once = remember_outcomes(first, second, at=later(60))
    assert remember_outcomes(once, second, at=later(60)) == once
    assert len({o.decision for o in once}) == len(once)
    assert list(once) == sorted(once, key=lambda o: (o.at, o.decision))


def test_a_cycle_is_named_by_its_instant() -> None:
    cycle = Cycle(
        fleet=FLEET,
        at=NOW + timedelta(microseconds=45_999),
        interval=timedelta(seconds=15),
        max_age=timedelta(seconds=45),
    )
    assert cycle.id == "20261124T070000045Z"
