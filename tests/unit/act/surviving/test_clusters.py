"""Evacuate, Peer and Unpeer, with Act killed at every call, and every call gone wrong."""

import asyncio
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import pytest

from services.act.core.objects import APPLICATION, DEPLOYMENT, NODE, SITE, Manner, Ref, dig
from shared.messages.outcome import Status
from shared.model.names import CAPACITY, ClusterName, decision_id
from shared.model.plan import Evacuate, FleetAction
from tests.support.fakes_act import FakeClusterApi, a_world
from tests.support.faulty import KILLS, Fault
from tests.support.objects_act import a_decision, a_move
from tests.support.peers_act import EDGE, PEER, UNPEER, Act, TwoClusters
from tests.support.surviving import EVERY_FAULT, Run, every_run, planned

METRO, EDGE_SITE = Ref(kind=SITE, name="metro"), Ref(kind=SITE, name=EDGE)


def ordered(world: FakeClusterApi, action: FleetAction, site: Ref) -> FakeClusterApi:
    """Return the world with the approved order in the ledger of a Site."""
    order = a_decision(
        action,
        id=decision_id(a_decision().cycle, CAPACITY),
        application=CAPACITY,
        expectations=(),
    )
    return planned(world, order, site)


def a_full_cluster() -> FakeClusterApi:
    """Return the world in which metro, where all stands, is to be emptied."""
    evacuate = Evacuate(cluster=ClusterName("metro"), moves=(a_move(),))
    return ordered(a_world(), evacuate, METRO)


def two_clusters(world: TwoClusters, action: FleetAction) -> FakeClusterApi:
    """Return two clusters with their Sites, and the order."""
    for name, site in Act().grounds.sites.items():
        world.put(Ref(kind=SITE, name=name), {**site})
    application = {"metadata": {"name": "arena", "namespace": "xr"}, "spec": {}}
    world.put(Ref(kind=APPLICATION, namespace="xr", name="arena"), application)
    return ordered(world, action, EDGE_SITE)


@cache
def _peered() -> bytes:
    with ThreadPoolExecutor(1) as thread:  # a loop of its own: a test has one already
        return pickle.dumps(thread.submit(asyncio.run, Act().peered()).result().api)


def strangers() -> FakeClusterApi:
    """Return two clusters that are to be peered."""
    return two_clusters(TwoClusters(), PEER)


def friends() -> FakeClusterApi:
    """Return two clusters whose peering is to end."""
    world: TwoClusters = pickle.loads(_peered())
    world.writes.clear()
    return two_clusters(world, UNPEER)


class Case(NamedTuple):
    """A scene, the Site that keeps its plan, and what is to be seen at the end."""

    scene: Callable[[], FakeClusterApi]
    keeper: Ref
    shown: Callable[[FakeClusterApi], object]


def standing(world: FakeClusterApi) -> object:
    """Return where the pods stand."""
    return sorted(world.cluster_of(pod) for pod in world.pods())


def peering(world: FakeClusterApi) -> object:
    """Return what there is of a peering."""
    assert isinstance(world, TwoClusters)
    return world.names()


CASES = {
    "evacuate": Case(a_full_cluster, METRO, standing),
    "peer": Case(strangers, EDGE_SITE, peering),
    "unpeer": Case(friends, EDGE_SITE, peering),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@every_case
async def test_act_killed_at_any_call_ends_as_if_it_had_not_been(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    plain, *killed = await every_run(case.scene, case.keeper, KILLS)

    assert plain.ledger.status is Status.SUCCEEDED
    for run in killed:
        assert run.ledger.status is Status.SUCCEEDED, run.told
        assert case.shown(run.world) == case.shown(plain.world), run.told
        assert effects(run) == effects(plain), run.told
        assert_none_lost(run)
    record_property("runs", len(killed))


@every_case
@pytest.mark.parametrize("fault", EVERY_FAULT)
async def test_a_call_gone_wrong_ends_as_planned_or_at_the_start(
    case: Case, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    start = case.shown(case.scene())

    plain, *runs = await every_run(case.scene, case.keeper, (fault,))

    for run in runs:
        end = case.shown(run.world)
        if run.ledger.status is Status.SUCCEEDED:
            assert end == case.shown(plain.world), run.told
        else:
            assert run.ledger.message, run.told
            assert end in (start, case.shown(plain.world)), (run.told, run.ledger.message)
        assert_none_lost(run)
    record_property("runs", len(runs))


def effects(run: Run) -> list[str]:
    """Return the writes that would do harm if they were made twice."""
    return sorted(
        f"{write.manner} {write.ref}"
        for write in run.world.writes
        if write.manner is Manner.DELETE or write.ref.kind in (DEPLOYMENT, NODE)
    )


def assert_none_lost(run: Run) -> None:
    """Assert that no replica was missing at any time, and that nobody made a second workload."""
    assert run.world.least_ready in (None, 3), run.told
    kinds = [ref.kind for ref in run.world.objects]
    assert kinds.count(DEPLOYMENT) <= 1, run.told
    assert all(dig(o, "metadata", "name") for o in run.world.objects.values()), run.told
