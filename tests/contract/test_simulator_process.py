"""The simulator as a process: what it says is ready is ready, and its world reacts."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from console.real.http import post
from console.stack import simulator_child
from shared.runtime.clock import monotonic
from shared.runtime.kubernetes import KubernetesApi, Object, connect
from simulator.objects import ACT, path_of, path_of_object
from tests.support.processes import Child, running, wait_until

T = TypeVar("T")

HOME = {"key": "liqo.io/type", "operator": "NotIn", "values": ["virtual-node"]}
RENDER: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "render", "namespace": "xr"},
}
RENDER_PATH = path_of_object(RENDER)


@dataclass(slots=True)
class Running:
    """A simulator that is ready."""

    child: Child
    endpoints: dict[str, Any]
    api: KubernetesApi
    session: aiohttp.ClientSession

    async def truth(self) -> dict[str, Any]:
        async with self.session.get(self.endpoints["state"]) as answer:
            state: dict[str, Any] = await answer.json()
            return state

    async def live(self, kind: str, name: str, version: str = "v1", namespace: str = "") -> Object:
        return await self.api.get(path_of(version, kind, namespace=namespace, name=name))


@contextmanager
def started(directory: Path, scenario: str, speed: float) -> Iterator[tuple[Child, dict[str, Any]]]:
    child = simulator_child(directory, scenario=scenario, speed=speed)
    file = directory / "endpoints.json"
    with running(child):
        wait_until(file.exists, what="the simulator", seconds=20, children=[child])
        yield child, json.loads(file.read_text())


@asynccontextmanager
async def simulated(directory: Path, scenario: str, speed: float) -> AsyncIterator[Running]:
    with started(directory, scenario, speed) as (child, endpoints):
        async with connect(endpoints["kubeconfig"]) as api, aiohttp.ClientSession() as session:
            assert api.url == endpoints["kubernetes"]
            post(endpoints["start"])
            yield Running(child, endpoints, api, session)


async def until(
    look: Callable[[], Awaitable[T]], good: Callable[[T], bool], *, what: str, seconds: float = 10
) -> T:
    """Look until it is good."""
    deadline = monotonic() + seconds
    while not good(value := await look()):
        assert monotonic() < deadline, f"not within {seconds:g} s: {what}; it is {value}"
        await asyncio.sleep(0.05)
    return value


def condition(obj: Object, kind: str) -> str:
    """Return the status of one condition of an object."""
    (found,) = (c["status"] for c in obj["status"]["conditions"] if c["type"] == kind)
    return str(found)


async def test_when_it_is_ready_the_demo_stands_where_it_begins(tmp_path: Path) -> None:
    async with simulated(tmp_path, "calm", 20) as run:
        truth = await run.truth()
        assert truth["placement"]["xr/arena"] == {
            **{name: {"home": 2} for name in ("ingest", "track", "encode", "sync")},
            "render": {"metro": 2},
        }
        assert {group["within"] for group in truth["groups"].values()} == {True}
        assert all(workload["below"] == [] for workload in truth["workloads"].values())
        render = await run.api.get(RENDER_PATH)
        managers = {m["manager"]: m["operation"] for m in render["metadata"]["managedFields"]}
        assert {**managers, "platform-team": "Apply", "crossloop-act": "Apply"} == managers
        metro = await run.live("ForeignCluster", "metro", "core.liqo.io/v1beta1")
        assert condition(metro, "APIServerStatus") == "Established"
        application = await run.live("Application", "arena", "crossloop.dev/v1alpha1", "xr")
        assert application["spec"]["limits"] == {"movesPerHour": 120, "cooldownSeconds": 15}


async def test_render_moved_home_restores_the_quality_and_no_replica_is_missing(
    tmp_path: Path,
) -> None:
    async with simulated(tmp_path, "link-degrades", 40) as run:
        await until(
            run.truth,
            lambda truth: not truth["groups"]["xr/arena/north"]["within"],
            what="the link is bad",
        )
        terms = {"nodeSelectorTerms": [{"matchExpressions": [HOME]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        template = {"spec": {"affinity": {"nodeAffinity": required}}}
        moved = {**RENDER, "spec": {"template": template}}
        await run.api.apply(RENDER_PATH, moved, manager=ACT)
        truth = await until(
            run.truth,
            lambda truth: truth["placement"]["xr/arena"]["render"] == {"home": 2},
            what="render is at home",
        )
        assert {group["within"] for group in truth["groups"].values()} == {True}
        assert truth["workloads"]["xr/render"]["min_ready"] == 2
        assert truth["events_left"] == 0


LOST_AND_BACK = """
about: Metro dies and returns.
events:
  - {at: 10, kind: cluster-dies, cluster: metro}
  - {at: 120, kind: cluster-returns, cluster: metro}
"""


async def test_a_lost_cluster_is_a_black_hole_for_a_minute_and_comes_back(tmp_path: Path) -> None:
    async def peer() -> Object:
        return await run.live("ForeignCluster", "metro", "core.liqo.io/v1beta1")

    async def node() -> Object:
        return await run.live("Node", "metro")

    scenario = tmp_path / "lost-and-back.yaml"
    scenario.write_text(LOST_AND_BACK)
    async with simulated(tmp_path, str(scenario), 40) as run:
        await until(peer, lambda fc: condition(fc, "APIServerStatus") == "Error", what="FC Error")
        assert condition(await node(), "Ready") == "True"
        assert (await run.api.get(RENDER_PATH))["status"]["readyReplicas"] == 2
        assert (await run.truth())["workloads"]["xr/render"]["ready"] == 0
        await until(node, lambda n: condition(n, "Ready") == "Unknown", what="Node Unknown")
        taints = {taint["key"] for taint in (await node())["spec"]["taints"]}
        assert "node.kubernetes.io/unreachable" in taints
        await until(peer, lambda fc: condition(fc, "APIServerStatus") == "Established", what="back")
        assert condition(await node(), "Ready") == "Unknown"
        await until(node, lambda n: condition(n, "Ready") == "True", what="Node Ready")
        await until(
            run.truth, lambda t: t["groups"]["xr/arena/north"]["within"], what="render serves again"
        )


async def test_asked_to_stop_it_ends_in_good_order(tmp_path: Path) -> None:
    with started(tmp_path, "calm", 20) as (child, _):
        child.stop()
        assert child.exit_code == 0
    assert not (tmp_path / "endpoints.json").exists()
    assert "Traceback" not in child.last_words()
