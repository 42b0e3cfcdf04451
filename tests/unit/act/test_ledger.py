"""The ledger survives its way into Kubernetes and back."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.core.ledger import Entry, Ledger
from services.act.core.ledger_json import ledger_json, read_ledger
from shared.errors import PermanentError
from shared.messages.decision import Expectation
from shared.messages.outcome import Status
from shared.model.application import WorkloadRef
from shared.model.names import ClusterName, ComponentName, GroupName
from shared.model.plan import Action, OffloadNamespace, Scale
from tests.support.builders import ARENA, NOW
from tests.support.objects_act import a_decision, a_move, an_application_object

OFFLOAD = OffloadNamespace(application=ARENA, clusters=(ClusterName("metro"), ClusterName("cloud")))
SCALE = Scale(
    application=ARENA,
    component=ComponentName("render"),
    workload=WorkloadRef(name="render"),
    replicas_before=2,
    replicas=3,
)
actions: st.SearchStrategy[Action] = st.sampled_from([a_move(), OFFLOAD, SCALE])
instants = st.timedeltas(timedelta(days=-900), timedelta(days=900)).map(lambda d: NOW + d)
latencies = st.none() | st.floats(min_value=0, max_value=1e3)
entries = st.builds(
    Entry,
    action=actions,
    status=st.sampled_from(Status),
    started_at=st.none() | instants,
    serving_at=st.none() | instants,
    back_at=st.none() | instants,
    finished_at=st.none() | instants,
    message=st.text(max_size=20),
)
expectations = st.builds(
    Expectation,
    group=st.sampled_from([GroupName("north"), GroupName("south")]),
    budget_ms=st.floats(min_value=1, max_value=100),
    before_ms=latencies,
    after_ms=latencies,
)
ledgers = st.builds(
    Ledger,
    decision=st.just(a_decision().id),
    cycle=st.just(a_decision().cycle),
    application=st.just(ARENA),
    status=st.sampled_from(Status).filter(lambda status: status.is_final),
    started_at=instants,
    deadline_at=instants,
    updated_at=instants,
    message=st.text(max_size=20),
    by=st.text(max_size=20),
    entries=st.lists(entries, max_size=3).map(tuple),
    expectations=st.lists(expectations, max_size=2).map(tuple),
)


@given(ledgers)
def test_a_ledger_written_is_the_ledger_read(ledger: Ledger) -> None:
    plan = json.loads(json.dumps(ledger_json(ledger)))

    assert read_ledger(an_application_object(plan=plan)) == ledger


def test_an_application_that_had_no_plan_has_no_ledger() -> None:
    assert read_ledger(an_application_object()) is None


@pytest.mark.parametrize(
    "plan", [{"phase": "running"}, {"decision": 7}, "moved", {"actions": [{"kind": "dance"}]}]
)
def test_a_damaged_ledger_is_told_with_its_application(plan: object) -> None:
    with pytest.raises(PermanentError, match=r"status\.plan of xr/arena cannot be read"):
        read_ledger(an_application_object(plan=plan))


def test_a_plan_under_way_has_something_left_to_do() -> None:
    done = Entry(action=a_move(), status=Status.SUCCEEDED)

    with pytest.raises(ValueError, match="nothing is left to do"):
        Ledger(
            decision=a_decision().id,
            cycle=a_decision().cycle,
            application=ARENA,
            status=Status.RUNNING,
            started_at=NOW,
            deadline_at=NOW + timedelta(minutes=2),
            updated_at=NOW,
            entries=(done,),
        )
