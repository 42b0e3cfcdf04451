"""Sites become values, and what is wrong with one is told and harms no other."""

import pytest

from services.observe.core.inventory import read_inventory
from shared.messages.inventory import Inventory, Problem
from shared.model.names import ClusterName
from shared.model.resources import Resources
from shared.model.site import Peering
from tests.support.builders import FLEET
from tests.support.fakes_observe import Raw, raw_site, some_lists, some_objects


def read(**kinds: list[Raw]) -> Inventory:
    return read_inventory(some_lists({**some_objects("metro"), **kinds}), FLEET)


def test_a_site_says_all_that_its_operator_declared() -> None:
    site = raw_site(
        "metro",
        region="north",
        owner="them",
        leaseEndsAt="2026-12-01T00:00:00+01:00",
        prices={"coreHourUsd": 0.05, "egressGbUsd": 0.02},
        gatewayMbps=10000,
        maxCores=32,
        growth={"namespace": "capi", "machineDeployment": "md", "minNodes": 1, "maxNodes": 3},
        template={"name": "edge", "node": {"cores": 8, "memoryGib": 32, "gpus": 1}},
        peerings=[{"consumer": "home", "milliseconds": 2, "mbps": 1000}],
    )
    (_, metro) = read(Site=[raw_site("home", home=True), site]).sites
    assert metro.lease_ends_at is not None
    assert metro.lease_ends_at.isoformat() == "2026-11-30T23:00:00+00:00"
    assert (metro.prices.core_hour, metro.prices.gb_egress, metro.max_cores) == (0.05, 0.02, 32)
    assert metro.growth is not None
    assert metro.growth.max_nodes == 3
    assert metro.template is not None
    assert metro.template.node == Resources(cpu_cores=8.0, memory_bytes=32 * 2**30, gpus=1.0)
    assert (metro.template.nodes, metro.template.expected_minutes) == (1, 30.0)
    assert metro.peerings == (Peering(consumer=ClusterName("home"), latency_ms=2.0, mbps=1000.0),)
    assert metro.access_ms("venue") == 2.0


@pytest.mark.parametrize(
    ("site", "field"),
    [
        (raw_site("metro", tier="moon"), "spec.tier"),
        (raw_site("metro", leaseEndsAt="soon"), "spec.leaseEndsAt"),
        (raw_site("metro", gatewayMbps=0), "spec.gatewayMbps"),
        (raw_site("metro", access=[{"from": "venue", "milliseconds": -1}]),
         "spec.access[0].milliseconds"),
        (raw_site("metro", access=[{"from": "v", "milliseconds": 1}] * 2), "spec.access[1].from"),
        (raw_site("metro", growth={"minNodes": 3, "maxNodes": 1}), "spec.growth.maxNodes"),
        (raw_site("metro", template={"name": "edge", "nodes": 0}), "spec.template.nodes"),
        (raw_site("metro", template={"name": "edge", "node": {"cores": 8}}),
         "spec.template.node.memoryGib"),
        (raw_site("metro", peerings=[{"consumer": "home", "milliseconds": 1}] * 2),
         "spec.peerings[1].consumer"),
        (raw_site("metro", prices=7), "spec.prices"),
        (raw_site("metro", home="yes"), "spec.home"),
        (raw_site("metro", home=True), "spec.home"),
        ({"metadata": {}}, "metadata.name"),
    ],
)  # fmt: skip
def test_a_bad_site_is_a_problem_of_its_own(site: Raw, field: str) -> None:
    inventory = read(Site=[raw_site("home", home=True), site])
    assert [s.name for s in inventory.sites] == ["home"]
    assert [(p.kind, p.field) for p in inventory.problems] == [("Site", field)]
    assert [a.name for a in inventory.applications] == ["xr/arena"]


def test_a_peering_with_what_is_no_other_site_is_told_and_the_site_is_kept() -> None:
    wishes = [{"consumer": name, "milliseconds": 1} for name in ("home", "mars", "metro")]
    inventory = read(Site=[raw_site("home", home=True), raw_site("metro", peerings=wishes)])
    assert [s.name for s in inventory.sites] == ["home", "metro"]
    assert [(p.name, p.field, p.message) for p in inventory.problems] == [
        ("metro", "spec.peerings", "mars is no other Site of the fleet"),
        ("metro", "spec.peerings", "metro is no other Site of the fleet"),
    ]


def test_a_fleet_needs_a_home() -> None:
    (problem,) = read(Site=[raw_site("metro")]).problems
    assert problem == Problem(
        kind="Site", name="metro", field="spec.home", message="no Site says that it is home"
    )
