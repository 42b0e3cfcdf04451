"""The reflex: cordon on Liqo's sign, lift it when the double run is over, and fight nobody."""

import asyncio
from typing import Any

import pytest

from services.act.board import Board
from services.act.cordoning import Cordoning
from services.act.core.emptying.cordons import MARK, REFLEX, Cordon, cordon, read_cordon
from services.act.core.ledger import Entry, Ledger
from services.act.core.ledger_json import ledger_json
from services.act.core.objects import FOREIGN_CLUSTER, NODE, POD, Object, Ref, dig
from services.act.core.telling.double_runs import DoubleRun, alerts_of_double_runs, together
from shared.messages.control import Control
from shared.messages.outcome import Status
from shared.model.names import CAPACITY, ApplicationName, ClusterName, decision_id
from shared.model.plan import Evacuate
from shared.runtime.following import Absent, Changed, Fresh, Late, Listed
from tests.support.builders import ARENA, FLEET, NOW, cycle_at, later
from tests.support.fakes_act import FakeClusterApi, a_world
from tests.support.objects_act import a_node, a_pod, an_application_object, an_insight_of

METRO = Ref(kind=NODE, name="metro")
ORDER = decision_id(cycle_at(), CAPACITY)


class Watch:
    """A reflex over a world in memory; each `look` is half a second after the one before."""

    def __init__(self, api: FakeClusterApi | None = None, autonomy: str = "auto") -> None:
        self.api = api or a_world()
        application = an_application_object(autonomy)
        workload = {"name": "render", "workload": {"name": "render"}}
        application["spec"]["components"] = [workload]
        sites = [{"metadata": {"name": name}} for name in ("home", "metro", "edge-north")]
        self.board = Board(fleet=FLEET)
        self.board.hear(Listed(objects=(application,)))
        self.board.hear_of_sites(Listed(objects=tuple(sites)))
        self.restart()

    def restart(self) -> None:
        """Start again: what was remembered is gone."""
        self.reflex = Cordoning(api=self.api, board=self.board, now=self.api.now)
        self.see()

    def see(self) -> None:
        """Tell it what there is."""
        for kind in (NODE, FOREIGN_CLUSTER):
            objects = tuple(o for r, o in self.api.objects.items() if r.kind == kind)
            self.reflex.hear(kind, Listed(objects=objects))
            self.reflex.hear(kind, Fresh())

    async def look(self, seconds: float = 0.5) -> None:
        """Let so much time pass, in looks half a second apart."""
        for _ in range(int(seconds / 0.5)):
            self.see()
            await self.reflex.look()
            self.api.at = later(0.5, self.api.at)

    def find(self, cluster: str = "metro") -> None:
        """Make Liqo say that it reaches a cluster again."""
        ref = Ref(kind=FOREIGN_CLUSTER, name=cluster)
        peer = {**self.api.objects[ref]}
        peer["status"] = {"conditions": [{"type": "APIServerStatus", "status": "Established"}]}
        self.api.put(ref, peer)

    def end_old_pods(self) -> None:
        """Let Liqo end what is Terminating on metro."""
        for ref in [r for r, o in self.api.objects.items() if r.kind == POD]:
            if dig(self.api.objects[ref], "metadata", "deletionTimestamp"):
                del self.api.objects[ref]

    def told(self) -> list[DoubleRun]:
        """Return the double runs on the board."""
        return list(self.board.double_runs)

    @property
    def metro(self) -> Object:
        """Return the virtual node of metro."""
        return self.api.objects[METRO]

    @property
    def is_cordoned(self) -> bool:
        """Tell whether metro gets nothing new."""
        return bool(dig(self.metro, "spec", "unschedulable"))

    def patch(self, spec: dict[str, Any], annotations: dict[str, str]) -> None:
        """Change the node of metro as a person would."""
        metadata = {**self.metro["metadata"], "annotations": annotations}
        self.api.put(METRO, {**self.metro, "metadata": metadata, "spec": spec})


async def lost(**options: Any) -> Watch:
    """Return a watch that cordoned metro when it was lost, with an old pod Terminating there."""
    watch = Watch(**options)
    await watch.look()
    watch.api.lose("metro")
    await watch.look(2)
    old = a_pod("render-old", "metro", terminating=True)
    watch.api.put(Ref(kind=POD, namespace="xr", name="render-old"), old)
    return watch


async def test_a_cluster_that_liqo_does_not_reach_is_cordoned_at_the_third_look() -> None:
    watch = Watch()
    await watch.look(5)
    watch.api.lose("metro")
    await watch.look(1)
    assert not watch.is_cordoned

    await watch.look(0.5)

    assert watch.is_cordoned
    reason = "Liqo does not reach its API server"
    assert read_cordon(watch.metro) == Cordon(by=REFLEX, reason=reason)
    assert len(watch.api.written(NODE)) == 1


async def test_a_sign_that_goes_within_a_second_does_nothing() -> None:
    watch = Watch()
    watch.api.lose("metro")
    await watch.look(1)
    watch.find()
    await watch.look(1)
    watch.api.lose("metro")
    await watch.look(1)

    assert watch.api.writes == []


async def test_where_nothing_changes_nothing_is_asked() -> None:
    watch = Watch()
    watch.api.calls = 0
    await watch.look(60)
    assert watch.api.calls == 0

    watch.api.lose("metro")
    await watch.look(60)

    assert watch.api.calls == 1


@pytest.mark.parametrize("autonomy", ["approve", "advise", "shadow"])
async def test_without_an_application_in_auto_there_is_no_reflex(autonomy: str) -> None:
    watch = Watch(autonomy=autonomy)
    watch.api.lose("metro")

    await watch.look(5)

    assert watch.api.writes == []


async def test_a_paused_loop_has_no_reflex_until_it_is_resumed() -> None:
    watch = Watch()
    watch.board.control = Control(fleet=FLEET, paused=True, by="ann", reason="", at=NOW)
    watch.api.lose("metro")
    await watch.look(5)
    assert watch.api.writes == []

    watch.board.control = None
    await watch.look()

    assert watch.is_cordoned


async def test_a_cluster_without_a_site_in_this_fleet_is_let_be() -> None:
    watch = Watch()
    del watch.board.sites[ClusterName("metro")]
    watch.api.lose("metro")

    await watch.look(5)

    assert watch.api.writes == []


async def test_a_persons_own_cordon_is_neither_marked_nor_lifted() -> None:
    watch = Watch()
    watch.patch({"unschedulable": True}, {})
    watch.api.lose("metro")
    await watch.look(5)
    watch.find()
    await watch.look(60)

    assert watch.is_cordoned
    assert watch.api.writes == []


async def test_it_is_lifted_when_all_was_well_for_a_while_and_the_double_run_is_over() -> None:
    watch = await lost()
    watch.find()
    await watch.look(60)
    assert watch.is_cordoned
    watch.end_old_pods()

    await watch.look(3)

    assert not watch.is_cordoned
    assert MARK not in watch.metro["metadata"]["annotations"]


async def test_it_is_not_lifted_before_the_node_was_ready_for_fifteen_seconds() -> None:
    watch = await lost()
    watch.end_old_pods()
    watch.find()
    unready = a_node("metro", "metro", ready=False)["status"]
    watch.api.put(METRO, {**watch.metro, "status": unready})
    await watch.look(60)
    assert watch.is_cordoned

    watch.api.put(METRO, {**watch.metro, "status": a_node("metro", "metro")["status"]})
    await watch.look(15)
    assert watch.is_cordoned
    await watch.look(3)

    assert not watch.is_cordoned


async def test_an_act_that_started_again_lifts_what_its_forerunner_set() -> None:
    watch = await lost()
    watch.find()
    watch.restart()
    await watch.look(20)
    assert watch.is_cordoned
    watch.end_old_pods()
    await watch.look(3)

    assert not watch.is_cordoned


async def test_what_a_person_uncordons_during_the_loss_stays_so_and_is_tidied_up_after_it() -> None:
    watch = await lost()
    watch.patch({}, watch.metro["metadata"]["annotations"])
    before = len(watch.api.writes)
    await watch.look(10)
    assert not watch.is_cordoned
    assert len(watch.api.writes) == before

    watch.find()
    await watch.look(1)
    assert read_cordon(watch.metro) is None
    watch.api.lose("metro")
    await watch.look(2)

    assert watch.is_cordoned


async def test_the_cordon_of_an_order_stays_when_the_cluster_is_back() -> None:
    watch = Watch()
    ours = cordon(watch.metro, Cordon(by=ORDER, reason="metro is evacuated"))
    await watch.api.write(ours)
    watch.api.lose("metro")
    await watch.look(5)
    watch.find()
    await watch.look(60)

    assert watch.is_cordoned
    mark = read_cordon(watch.metro)
    assert mark is not None
    assert mark.by == ORDER


async def test_while_an_evacuation_is_under_way_the_node_is_its_own() -> None:
    watch = Watch()
    action = Evacuate(cluster=ClusterName("metro"))
    entry = Entry(action=action, status=Status.RUNNING, started_at=NOW)
    watch.board.sites[ClusterName("metro")] = a_site_with(entry)
    watch.api.lose("metro")

    await watch.look(5)

    assert watch.api.writes == []


async def test_a_site_whose_ledger_is_damaged_is_cordoned_all_the_same() -> None:
    watch = Watch()
    damaged = {"metadata": {"name": "metro"}, "status": {"plan": {"phase": "odd"}}}
    watch.board.sites[ClusterName("metro")] = damaged
    watch.api.lose("metro")

    await watch.look(2)

    assert watch.is_cordoned


async def test_while_nothing_can_be_seen_nothing_counts_as_lasting() -> None:
    watch = await lost()
    watch.end_old_pods()
    watch.find()
    await watch.look(14)
    watch.reflex.hear(NODE, Late(reason="the watch broke"))
    watch.reflex.hear(FOREIGN_CLUSTER, Absent(reason="not ours to read"))
    await watch.reflex.look()
    watch.reflex.hear(NODE, Changed(object=a_node("home-node-1", "home")))
    watch.reflex.hear(NODE, Changed(object=watch.metro))
    watch.api.at = later(60, watch.api.at)
    await watch.look(5)
    assert watch.is_cordoned

    await watch.look(15)

    assert not watch.is_cordoned


async def test_a_write_that_is_denied_is_not_tried_again_for_the_same_node() -> None:
    watch = Watch()
    watch.api.refusals[METRO] = "nodes is forbidden"
    watch.api.lose("metro")
    await watch.look(5)
    assert not watch.is_cordoned

    watch.api.refusals.clear()
    await watch.look(5)
    assert not watch.is_cordoned
    watch.api.put(METRO, dict(watch.metro))
    await watch.look()

    assert watch.is_cordoned


async def test_a_write_without_answer_is_tried_again() -> None:
    watch = Watch()
    watch.api.silences = 2
    watch.api.lose("metro")

    await watch.look(5)

    assert watch.is_cordoned


async def test_a_double_run_is_on_the_board_until_the_old_pods_are_gone() -> None:
    watch = await lost()
    assert watch.told() == []
    watch.find()
    await watch.look(1)
    first = watch.told()
    assert [(run.cluster, run.application, run.pods) for run in first] == [("metro", ARENA, 1)]
    await watch.look(10)
    assert watch.told() == first

    watch.end_old_pods()
    await watch.look(3)

    assert watch.told() == []


async def test_pods_of_no_application_count_for_their_namespace() -> None:
    watch = await lost()
    watch.board.applications.clear()
    watch.find()
    await watch.look(1)

    assert [run.application for run in watch.told()] == ["xr"]


async def test_a_double_run_is_told_by_the_component_that_runs_the_workload() -> None:
    watch = await lost()
    components = watch.board.applications[ARENA]["spec"]["components"]
    components.insert(0, {"name": "ingest", "workload": {"name": "ingest"}})
    other = an_application_object()
    other["metadata"] = {"name": "a", "namespace": "elsewhere"}
    other["spec"]["components"] = [{"name": "render", "workload": {"name": "render"}}]
    watch.board.applications[ApplicationName("elsewhere/a")] = other
    watch.find()
    await watch.look(1)

    assert [run.application for run in watch.told()] == [ARENA]


async def test_a_node_that_goes_takes_its_double_run_along() -> None:
    watch = await lost()
    watch.find()
    await watch.look(1)
    assert watch.told()
    watch.reflex.hear(NODE, Changed(object=watch.metro, gone=True))

    await watch.reflex.look()

    assert watch.told() == []


async def test_nodes_of_one_cluster_are_told_together_in_one_alert_with_steady_labels() -> None:
    metro, other = ClusterName("metro"), ApplicationName("xr/b")
    runs = [
        DoubleRun(cluster=metro, application=ARENA, pods=2, since=NOW),
        DoubleRun(cluster=metro, application=ARENA, pods=1, since=later(5)),
        DoubleRun(cluster=metro, application=other, pods=1, since=NOW),
    ]

    first, second = alerts_of_double_runs(together(runs), FLEET, ends_at=later(90))

    assert dict(first.labels) == {
        "alertname": "DoubleRun",
        "application": "xr/arena",
        "cluster": "metro",
        "fleet": FLEET,
        "incident": "double_run:metro",
        "severity": "warning",
    }
    assert first.summary == "xr/arena may run twice: old pods on metro are not gone"
    assert first.description.startswith("3 pods are Terminating there")
    assert first.starts_at == NOW
    assert dict(second.labels)["application"] == "xr/b"


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"by": "x"}', "null"])
def test_a_mark_that_cannot_be_read_counts_as_none(text: str) -> None:
    assert read_cordon({"metadata": {"annotations": {MARK: text}}}) is None


async def test_it_follows_nodes_and_foreign_clusters_of_its_own_accord() -> None:
    watch = Watch()
    reflex = Cordoning(api=watch.api, board=watch.board, now=watch.api.now)
    watch.board.insight = None
    watch.board.learn(an_insight_of(at=NOW))
    task = asyncio.create_task(reflex.run(0.001))
    await asyncio.sleep(0.02)
    watch.api.lose("metro")
    await asyncio.sleep(0.02)
    watch.api.at = later(2, watch.api.at)
    for _ in range(200):
        await asyncio.sleep(0.005)
        if watch.is_cordoned:
            break
    task.cancel()
    await asyncio.wait({task})

    assert watch.is_cordoned


def a_site_with(entry: Entry) -> Object:
    """Return the Site metro with an order under way."""
    ledger = Ledger(
        decision=ORDER,
        cycle=cycle_at(),
        application=CAPACITY,
        status=Status.RUNNING,
        started_at=NOW,
        deadline_at=later(120),
        updated_at=NOW,
        entries=(entry,),
        site=ClusterName("metro"),
    )
    return {"metadata": {"name": "metro"}, "status": {"plan": ledger_json(ledger)}}
