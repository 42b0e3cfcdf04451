"""The simulator's exporters and query API over HTTP: they cannot disagree."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from services.observe.core.coverage import OF_PODS
from services.observe.core.queries import QUERIES
from shared.messages.readings import Signal
from simulator.prometheus import Thanos, exporters_app
from simulator.world import World
from tests.support.builders import NOW, later
from tests.support.worlds import a_world, run


@dataclass(slots=True)
class Metrics:
    """A world that stands still, and both ways to ask for its metrics."""

    world: World
    thanos: Any
    exporters: Any
    seconds: float = 0.0

    def run(self, seconds: float) -> None:
        """Let the world run on; one second of it is one of wall time."""
        run(self.world, seconds)
        self.seconds = self.world.wall_seconds()

    async def ask(self, query: str, **parameters: str) -> tuple[int, dict[str, Any]]:
        answer = await self.thanos.get("/api/v1/query", params={"query": query, **parameters})
        return answer.status, await answer.json()

    async def values(self, signal: Signal) -> dict[tuple[str, ...], float]:
        """Return cluster and subject to value."""
        query = QUERIES[signal]
        _, body = await self.ask(query.promql)
        return {
            (row["metric"]["cluster"], row["metric"][query.subject]): float(row["value"][1])
            for row in body["data"]["result"]
        }

    async def shown(self, cluster: str, metric: str, **labels: str) -> list[float]:
        """Return the values an exporter shows."""
        answer = await self.exporters.get(f"/exporters/{cluster}/metrics")
        return [
            sample.value
            for family in text_string_to_metric_families(await answer.text())
            for sample in family.samples
            if sample.name == metric and labels.items() <= sample.labels.items()
        ]


@pytest.fixture
async def metrics() -> AsyncIterator[Metrics]:
    async for running in _serving(a_world("thanos-partial")):
        yield running


@pytest.fixture
async def losing() -> AsyncIterator[Metrics]:
    async for running in _serving(a_world("cluster-lost")):
        yield running


async def _serving(world: World) -> AsyncIterator[Metrics]:
    running = Metrics(world, None, None)
    thanos = Thanos(world, wall_clock=lambda: running.seconds, clock=lambda: later(running.seconds))
    exporters = exporters_app(world, lambda: running.seconds)
    async with (
        TestClient(TestServer(thanos.application())) as running.thanos,
        TestClient(TestServer(exporters)) as running.exporters,
    ):
        yield running


async def test_every_query_of_the_table_is_answered_for_every_cluster(metrics: Metrics) -> None:
    metrics.run(30)
    for signal, query in QUERIES.items():
        clusters = {cluster for cluster, _ in await metrics.values(signal)}
        needed = set(metrics.world.scenario.fleet.clusters)
        if signal in OF_PODS:
            needed = {"home", "metro"}  # no pod stands elsewhere
        assert clusters == needed, signal
        _, body = await metrics.ask(query.freshness)
        fresh = {row["metric"]["cluster"]: row["value"][1] for row in body["data"]["result"]}
        assert set(fresh) == needed, signal
        assert {float(at) for at in fresh.values()} == {later(30).timestamp()}


async def test_exposition_and_queries_agree(metrics: Metrics) -> None:
    metrics.run(30)
    (rtt,) = await metrics.shown("home", "crossloop_probe_rtt_seconds", cluster_id="metro")
    values = await metrics.values(Signal.LINK_RTT_MS)
    assert values["home", "metro"] == pytest.approx(rtt * 1e3)
    requests = await metrics.shown(
        "metro", "kube_pod_container_resource_requests", node="metro-1", resource="cpu"
    )
    assert (await metrics.values(Signal.NODE_REQUESTED_CORES))["metro", "metro-1"] == sum(requests)


async def test_memory_and_throttling_are_told_as_the_exporters_show_them(
    metrics: Metrics,
) -> None:
    metrics.run(30)
    (total,) = await metrics.shown("metro", "node_memory_MemTotal_bytes", node="metro-1")
    (left,) = await metrics.shown("metro", "node_memory_MemAvailable_bytes", node="metro-1")
    used = (await metrics.values(Signal.NODE_USED_BYTES))["metro", "metro-1"]
    assert used == total - left
    (held,) = await metrics.shown(
        "metro", "container_memory_working_set_bytes", pod="render-metro-1"
    )
    assert (await metrics.values(Signal.POD_USED_BYTES))["metro", "render-metro-1"] == held
    assert held < used < 2 * held
    throttled = (await metrics.values(Signal.POD_THROTTLED_RATIO)).values()
    assert all(0 < ratio < 0.05 for ratio in throttled)


async def test_a_rate_is_what_its_counter_grows_by_in_a_second(metrics: Metrics) -> None:
    metrics.run(30)
    metric, peer = "liqo_peer_transmit_bytes_total", {"cluster_id": "home"}
    (before,) = await metrics.shown("metro", metric, **peer)
    metrics.seconds += 0.5
    (after,) = await metrics.shown("metro", metric, **peer)
    used = (await metrics.values(Signal.LINK_USED_MBPS))["metro", "home"]
    assert used == pytest.approx((after - before) / 0.5 * 8 / 1e6)
    assert used == pytest.approx(12_050)


async def test_every_metric_has_its_type_and_an_offloaded_pod_its_remote_namespace(
    metrics: Metrics,
) -> None:
    answer = await metrics.exporters.get("/exporters/metro/metrics")
    families = {f.name: f for f in text_string_to_metric_families(await answer.text())}
    counters = {
        *("liqo_peer_transmit_bytes", "liqo_peer_receive_bytes", "node_cpu_seconds"),
        *("container_cpu_usage_seconds", "container_cpu_cfs_periods"),
        *("container_cpu_cfs_throttled_periods", "kube_pod_container_status_restarts"),
    }
    assert {name for name, family in families.items() if family.type == "counter"} == counters
    assert all(family.type == "gauge" for name, family in families.items() if name not in counters)
    requests = families["kube_pod_container_resource_requests"].samples
    assert {sample.labels["namespace"] for sample in requests} == {"xr-home"}


async def test_the_example_application_tells_where_its_users_are(metrics: Metrics) -> None:
    _, body = await metrics.ask('sum by (site) (xr_users{group="north"})')
    sites = {row["metric"]["site"]: float(row["value"][1]) for row in body["data"]["result"]}
    assert sites == {"venue-north": 120.0, "venue-south": 0.0, "venue-coast": 0.0}


async def test_a_query_may_be_posted(metrics: Metrics) -> None:
    query = {"query": QUERIES[Signal.LINK_UP].promql, "time": "2026-11-24T07:00:00Z"}
    answer = await metrics.thanos.post("/api/v1/query", data=query)
    body = await answer.json()
    assert len(body["data"]["result"]) == 20
    assert body["data"]["result"][0]["value"] == [NOW.timestamp(), "1.0"]


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"query": "up"}, "only knows the query table of services/observe/core/queries.py"),
        ({"query": ""}, "unknown position: parse error: no expression found in input"),
        ({"query": "up", "dedup": "maybe"}, "'dedup' parameter: strconv.ParseBool"),
        ({"query": "up", "time": "now"}, "invalid parameter"),
        ({"query": "up", "timeout": "soon"}, "to a valid duration"),
    ],
)
async def test_bad_input_is_refused_as_the_real_one_does(
    metrics: Metrics, parameters: dict[str, str], complaint: str
) -> None:
    status, body = await metrics.ask(**parameters)
    assert (status, body["status"], body["errorType"]) == (400, "error", "bad_data")
    assert complaint in body["error"]


async def test_a_lost_sidecar_is_warned_of_for_six_seconds_and_then_not_a_word(
    metrics: Metrics,
) -> None:
    query = QUERIES[Signal.NODE_READY].promql
    metrics.run(60)
    status, body = await metrics.ask(query)
    assert (status, len(body["warnings"])) == (200, 1)
    assert 'cluster="metro"' in body["warnings"][0]
    assert {row["metric"]["cluster"] for row in body["data"]["result"]} == {
        *("home", "edge-north", "edge-south", "cloud")
    }
    status, body = await metrics.ask(query, partial_response="false")
    assert (status, body["errorType"]) == (422, "execution")
    metrics.run(7)
    status, body = await metrics.ask(query, partial_response="false")
    assert (status, "warnings" in body, len(body["data"]["result"])) == (200, False, 8)


async def test_the_list_of_stores_goes_on_telling_of_a_lost_sidecar(metrics: Metrics) -> None:
    async def errors() -> dict[str, str | None]:
        body = await (await metrics.thanos.get("/api/v1/stores")).json()
        return {s["labelSets"][0]["cluster"]: s["lastError"] for s in body["data"]["sidecar"]}

    assert set((await errors()).values()) == {None}
    metrics.run(67)
    assert "connection refused" in str((await errors())["metro"])
    metrics.run(300 + 14 - 67)
    assert set((await errors()).values()) == {None}
    assert ("metro", "metro-1") in await metrics.values(Signal.NODE_READY)


async def test_of_a_dead_cluster_only_the_loss_on_its_links_is_left(losing: Metrics) -> None:
    losing.run(75)
    answer = await losing.exporters.get("/exporters/metro/metrics")
    assert answer.status == 503
    assert ("home", "metro") not in await losing.values(Signal.LINK_RTT_MS)
    assert (await losing.values(Signal.LINK_LOSS_RATIO))["home", "metro"] == 1.0
    assert (await losing.values(Signal.LINK_UP))["home", "metro"] == 0.0
