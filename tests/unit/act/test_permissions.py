"""What each action needs, where, and what is refused where it lacks."""

import asyncio
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

import pytest

from services.act.board import Board
from services.act.checking import CHECK_SECONDS, PAUSE_SECONDS, SelfCheck, checking
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import DEPLOYMENT
from services.act.core.permitting.needs import (
    Land,
    Need,
    all_needs,
    needs_of,
    question_about,
    why_forbidden,
)
from services.act.core.permitting.permissions import ACTIONS, DUTIES, permissions
from services.act.core.permitting.roles import WHERE, Permission, Role
from services.act.intake import Intake
from services.act.outbox import Outbox
from services.act.ports import UnreachableError
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import (
    Action,
    CreateCluster,
    DeleteCluster,
    Evacuate,
    GrowCluster,
    OffloadNamespace,
    Peer,
    Unpeer,
)
from shared.runtime.following import Listed
from tests.support import virtual_time
from tests.support.builders import ARENA, FLEET, NOW
from tests.support.executing_act import APPLICATION_REF, admitted, awake, good, seen
from tests.support.fakes_act import a_ground, a_world
from tests.support.objects_act import a_decision, a_move, an_insight_of

HOME, METRO, EDGE = ClusterName("home"), ClusterName("metro"), ClusterName("edge-north")
GROW = GrowCluster(
    cluster=METRO,
    namespace="capi",
    machine_deployment="metro-md-0",
    nodes_before=1,
    nodes=2,
    expected_minutes=5.0,
)


def a_site(**spec: Any) -> dict[str, Any]:
    """Return a Site that declares something."""
    return {"metadata": {"name": METRO}, "spec": spec}


def a_land(**spec: Any) -> Land:
    """Return where Act works, with the Site of metro."""
    return Land(home=HOME, namespace="crossloop", sites={METRO: a_site(**spec)})


SECRET = {"namespace": "ways", "name": "metro"}
EVERYTHING = {
    "growth": {"namespace": "capi", "machineDeployment": "metro-md-0", "maxNodes": 3},
    "template": {"name": "kubeadm", "mayDelete": True},
    "kubeconfigSecret": SECRET,
    "peerings": [{"consumer": "home"}],
}


def lacking(*sentences: str) -> dict[str, tuple[Need, ...]]:
    """Return the needs that are told as, to lack: `delete pods`, `get secrets in capi`."""
    found = {
        purpose: tuple(n for n in sorted(needs) if _told(n) in sentences)
        for purpose, needs in all_needs(a_land(**EVERYTHING)).items()
    }
    return {purpose: needs for purpose, needs in found.items() if needs}


def _told(need: Need) -> str:
    return f"{need.permission} in {need.namespace}".removesuffix(" in ")


def test_each_kind_of_action_has_its_needs_and_they_are_all_in_some_role() -> None:
    kinds = {f.default for a in get_args(Action) for f in fields(a) if f.name == "kind"}
    assert ACTIONS.keys() == kinds
    assert {p.role for p in permissions()} == set(Role) == WHERE.keys()


def test_a_fleet_whose_sites_declare_nothing_needs_nothing_for_clusters() -> None:
    needs = all_needs(Land(home=HOME, namespace="crossloop", sites={METRO: a_site()}))
    assert needs.keys() == {*DUTIES, "offload_namespace", "move", "scale", "evacuate"}
    assert {n.permission.role for of_one in needs.values() for n in of_one} == {Role.ALWAYS}


def test_what_sites_declare_tells_what_is_needed_and_where() -> None:
    needs = all_needs(a_land(**EVERYTHING))
    places = {
        kind: {n.namespace for n in needs[kind] if n.permission.role is Role.CLUSTERS}
        for kind in ("grow_cluster", "create_cluster", "delete_cluster", "peer")
    }
    assert needs.keys() == {*DUTIES, *ACTIONS}
    assert places == {
        "grow_cluster": {"capi"},
        "create_cluster": {"default"},
        "delete_cluster": {"default"},
        "peer": {"ways"},
    }


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (a_move(), "move"),
        (GROW, "grow_cluster"),
        (CreateCluster(site=METRO, template="kubeadm", expected_minutes=9.0), "create_cluster"),
        (DeleteCluster(site=METRO), "delete_cluster"),
        (Peer(consumer=HOME, provider=METRO), "peer"),
        (Unpeer(consumer=HOME, provider=METRO), "unpeer"),
    ],
)
def test_an_action_needs_what_was_asked_for_at_the_start(action: Action, kind: str) -> None:
    land = a_land(**EVERYTHING)
    assert needs_of(action, land) == all_needs(land)[kind]


def test_an_evacuation_needs_what_its_moves_need() -> None:
    land = a_land()
    assert needs_of(a_move(), land) <= needs_of(Evacuate(cluster=METRO, moves=(a_move(),)), land)


def test_a_peering_of_two_other_clusters_needs_no_role_at_home_but_for_kubeconfigs() -> None:
    needs = needs_of(Peer(consumer=EDGE, provider=METRO), a_land(kubeconfigSecret=SECRET))
    assert {(n.permission.role, n.namespace) for n in needs} == {
        (Role.CLUSTERS, "ways"),
        (Role.NOTES, "crossloop"),
    }


def test_what_lacks_is_told_with_what_grants_it() -> None:
    land = a_land(**EVERYTHING)
    assert why_forbidden(a_move(), land, {}) == ""
    assert why_forbidden(a_move(), land, lacking("patch nodes")) == ""
    assert why_forbidden(a_move(), land, lacking("delete pods")) == (
        "Act may not delete pods: deploy/kubernetes/base grants it (role crossloop-act)"
    )
    assert why_forbidden(
        GROW,
        land,
        lacking(
            "patch machinedeployments.cluster.x-k8s.io/scale in capi",
            "list machines.cluster.x-k8s.io in capi",
        ),
    ) == (
        "Act may not patch machinedeployments.cluster.x-k8s.io/scale in namespace capi: "
        "deploy/kubernetes/components/cluster-api grants it (role crossloop-act-clusters)"
        "; and 1 more lack"
    )


class FakeAccess:
    """An `AccessReview` that grants all but some permissions."""

    def __init__(self, *denied: str) -> None:
        self.denied = set(denied)
        self.denials = 0
        self.asked: list[Need] = []
        self.silences = 0

    async def may(self, need: Need) -> bool:
        """Answer, and count."""
        if self.silences:
            self.silences -= 1
            raise UnreachableError("no answer")
        self.asked.append(need)
        return _told(need) not in self.denied


def a_board(**spec: Any) -> Board:
    """Return a board that knows the arena and metro's Site."""
    board = Board(fleet=FLEET, sites_listed=True, insight=an_insight_of(at=NOW))
    board.hear(Listed(objects=(a_world().objects[APPLICATION_REF],)))
    board.sites[METRO] = a_site(**spec)
    return board


def a_check(*denied: str, **spec: Any) -> SelfCheck:
    """Return the check of an Act that is denied some permissions."""
    return SelfCheck(access=FakeAccess(*denied), board=a_board(**spec), ground=a_ground())


async def test_everything_is_asked_once_and_what_lacks_is_put_on_the_board() -> None:
    check = a_check("delete pods", "watch nodes", **EVERYTHING)

    await check.check()

    assert isinstance(check.access, FakeAccess)
    assert len(check.access.asked) == len(set(check.access.asked))
    assert check.board.lacking.keys() == {"move", "cordon lost clusters"}
    assert check.board.checked


async def test_before_the_sites_are_known_it_is_checked_and_nothing_is_begun() -> None:
    check = a_check()
    check.board.sites_listed, check.board.checked = False, False

    await check.check()

    assert isinstance(check.access, FakeAccess)
    assert check.access.asked
    assert not check.board.checked


def on_virtual_time(story: Callable[[SelfCheck], Any], *denied: str) -> None:
    """Run a check for as long as a story lasts."""

    async def told() -> None:
        check = a_check(*denied)
        async with checking(check.access, check.board, check.ground):
            await story(check)

    virtual_time.run(told())


def test_where_all_is_granted_it_is_asked_again_now_and_then() -> None:
    async def story(check: SelfCheck) -> None:
        assert isinstance(check.access, FakeAccess)
        await asyncio.sleep(1)
        once = len(check.access.asked)
        await asyncio.sleep(CHECK_SECONDS - 2)
        assert len(check.access.asked) == once
        await asyncio.sleep(2)
        assert len(check.access.asked) == 2 * once

    on_virtual_time(story)


def test_what_lacks_and_what_is_denied_is_asked_again_soon() -> None:
    async def story(check: SelfCheck) -> None:
        assert isinstance(check.access, FakeAccess)
        await asyncio.sleep(1)
        assert check.board.lacking.keys() == {"move"}
        check.access.denied.clear()
        await asyncio.sleep(PAUSE_SECONDS)
        assert check.board.lacking == {}
        check.access.denied, check.access.denials = {"delete pods"}, 1
        await asyncio.sleep(PAUSE_SECONDS)
        assert check.board.lacking.keys() == {"move"}

    on_virtual_time(story, "delete pods")


def test_a_site_that_asks_for_more_is_checked_soon() -> None:
    async def story(check: SelfCheck) -> None:
        await asyncio.sleep(1)
        check.board.sites[METRO] = a_site(**EVERYTHING)
        await asyncio.sleep(PAUSE_SECONDS)
        assert "create_cluster" in check.board.lacking

    on_virtual_time(story, "get secrets in default")


def test_an_api_server_that_does_not_answer_is_asked_again() -> None:
    async def story(check: SelfCheck) -> None:
        assert isinstance(check.access, FakeAccess)
        check.access.silences = 1
        await asyncio.sleep(5)
        assert check.board.checked

    on_virtual_time(story)


def test_act_without_insights_is_checked_and_once_more_when_it_has_them() -> None:
    async def story(check: SelfCheck) -> None:
        check.board.sites_listed = False
        await asyncio.sleep(5)
        assert check.board.lacking.keys() == {"move"}
        assert not check.board.checked
        check.board.sites_listed = True
        check.board.touch()
        await asyncio.sleep(1)
        assert check.board.checked

    on_virtual_time(story, "delete pods")


async def test_an_action_that_lacks_something_is_refused_at_admission_and_others_go_on() -> None:
    api, board = a_world(), a_board()
    board.lacking = lacking("delete pods")
    intake = Intake(api=api, board=board, outbox=Outbox(board), now=api.now, ground=a_ground())
    offload = OffloadNamespace(application=ARENA, clusters=(METRO,))

    await intake.take(a_decision())
    refused = board.outcomes[ARENA, None]
    await intake.take(a_decision(offload, at=NOW.replace(second=15)))

    assert (refused.status, api.written(DEPLOYMENT)) == (Status.REFUSED, ())
    assert refused.message.startswith("Act may not delete pods: deploy/kubernetes/base grants it")
    assert board.outcomes[ARENA, None].status is Status.PENDING


async def test_an_admitted_action_that_lacks_something_is_refused_before_its_first_step() -> None:
    api = admitted(a_world(), a_decision())
    executor = awake(api)
    executor.board.lacking = lacking("delete pods")
    executor.board.learn(seen(api, good))

    await executor.advance_all()

    ledger = read_ledger(api.objects[APPLICATION_REF])
    assert ledger is not None
    assert (ledger.status, api.written(DEPLOYMENT)) == (Status.REFUSED, ())


def test_a_permission_is_told_as_people_write_it() -> None:
    scale = Permission(role=Role.ALWAYS, group="apps", resource="deployments/scale", verb="patch")
    assert str(scale) == "patch deployments.apps/scale"
    assert str(replace(scale, group="", resource="pods")) == "patch pods"


def test_the_api_server_is_asked_for_no_more_than_is_needed() -> None:
    scale = Permission(role=Role.ALWAYS, group="apps", resource="deployments/scale", verb="patch")
    named = Permission(role=Role.NOTES, group="", resource="configmaps", verb="get", name="a")

    asked = [
        question_about(need)["spec"]["resourceAttributes"]
        for need in (Need(permission=scale), Need(permission=named, namespace="crossloop"))
    ]

    assert asked == [
        {"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale"},
        {"namespace": "crossloop", "verb": "get", "resource": "configmaps", "name": "a"},
    ]


def test_which_side_of_a_peering_is_at_home_tells_which_role_is_needed() -> None:
    consuming = needs_of(Peer(consumer=HOME, provider=METRO), a_land())
    providing = needs_of(Peer(consumer=METRO, provider=HOME), a_land())

    assert {n.permission.role for n in consuming} == {Role.ALWAYS, Role.PEERING, Role.NOTES}
    assert {n.permission.role for n in providing} == {Role.PROVIDING, Role.NOTES}
