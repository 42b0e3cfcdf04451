"""What becomes of an action whose objects, or whose steps, the API server denies."""

from dataclasses import replace

from services.act.core.act import BLIND, after_denied_look, after_denied_step
from services.act.core.ledger import Entry
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import POD, Manner, Ref, Write
from services.act.core.steps import Progress, Step
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import Evacuate
from tests.support.builders import NOW, later
from tests.support.executing_act import APPLICATION_REF, admitted
from tests.support.fakes_act import a_world
from tests.support.objects_act import a_decision

LEDGER = read_ledger(admitted(a_world(), a_decision()).objects[APPLICATION_REF])
assert LEDGER is not None
WRITE = Write(ref=Ref(kind=POD, name="a"), manner=Manner.DELETE, body={}, purpose="delete it")


def test_an_application_is_looked_at_again_for_a_while() -> None:
    assert LEDGER is not None
    assert after_denied_look(LEDGER, "403 Forbidden", now=NOW + BLIND) is None

    progress = after_denied_look(LEDGER, "403 Forbidden", now=later(1, NOW + BLIND))

    assert progress is not None
    assert progress.entry.status is Status.FAILED
    assert progress.entry.message == (
        "not to be seen for 10 minutes: 403 Forbidden; it is left where it stands"
    )


def test_an_order_that_was_not_begun_is_refused() -> None:
    assert LEDGER is not None
    order = Entry(action=Evacuate(cluster=ClusterName("metro")))

    progress = after_denied_look(replace(LEDGER, entries=(order,)), "403 Forbidden", now=NOW)

    assert progress is not None
    assert progress.entry.status is Status.REFUSED


def test_a_denial_that_is_met_again_is_told_once() -> None:
    assert LEDGER is not None
    (entry,) = LEDGER.entries
    step = Step(write=WRITE, otherwise=Progress(entry=entry))

    once = after_denied_step(LEDGER, step, "could not delete it: no", now=NOW).entry
    again = replace(step, otherwise=Progress(entry=once))

    assert once.warnings == ("could not delete it: no",)
    assert after_denied_step(LEDGER, again, "could not delete it: not now", now=NOW).entry == once
