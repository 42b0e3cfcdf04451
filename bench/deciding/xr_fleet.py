"""XR services over twelve clusters, made up and seeded, as documents of `decide-instance/1`.

A service is five components: cameras are taken in, poses tracked, pictures rendered and encoded,
and a session keeps its users together; the way of a user leads there and back in 15 ms. Raw and
volumetric video takes up to 30 Gbit/s between two of them, so that few links carry it.
"""

import math
from random import Random
from typing import Any

Item = dict[str, Any]

PARTS = ("ingest", "tracking", "rendering", "encoding", "session")
BUDGET_MS = 15.0
TIERS = ("edge",) * 5 + ("metro",) * 4 + ("cloud",) * 3
NODES = {"edge": (1, 3), "metro": (2, 4), "cloud": (3, 5)}
CORES = {"edge": (8, 16), "metro": (16, 24, 32), "cloud": (32, 48)}
GPUS = {"edge": (0, 0, 0, 1), "metro": (0, 1, 2), "cloud": (0, 2, 4)}
USD_CORE_H = {"edge": 0.06, "metro": 0.04, "cloud": 0.02}
MBPS_OF_LINKS = (1_000, 10_000, 10_000, 25_000, 40_000, 100_000)
RAW_MBPS = (200, 1_000, 3_000, 8_000, 12_000, 30_000)
"""Of what is not encoded: tracked features at the least, volumetric video at the most."""
ENCODED_MBPS = (50, 200, 400, 1_000)
SIDE_MS = 5.0
"""From one side of the region to the other, one way."""
SMALL_SHARE = 0.4
"""Of the fleets that have room for few components at each cluster."""


def document(seed: int, services: int = 1) -> Item:
    """Return a fleet and so many services that want a place on it. It may have none for them."""
    dice = Random(f"xr {seed} {services}")
    clusters = [_cluster(dice, i, tier) for i, tier in enumerate(TIERS)]
    parts, edges, flows = list[Item](), list[Item](), list[Item]()
    points = [_access(dice, i, clusters) for i in range(3)]
    for index in range(services):
        _add_service(dice, f"xr{index}", parts, edges, flows, points)
    return {
        "format": "decide-instance/1",
        "objective": {
            "horizon_h": 1.0,
            "w_unplaced": 1e7,
            "w_qos": 1e4,
            "intra_cluster_move_factor": 0.2,
        },
        "clusters": clusters,
        "nodes": _nodes(dice, clusters, services),
        "links": {"rows": _links(dice, clusters)},
        "access_points": points,
        "components": parts,
        "edges": edges,
        "flows": flows,
        "current": None,
    }


def _cluster(dice: Random, index: int, tier: str) -> Item:
    price = USD_CORE_H[tier] * dice.uniform(0.8, 1.25)
    return {
        "id": f"{tier}{index:02}",
        "tier": tier,
        "region": dice.choice(("east", "west")),
        "provider": dice.choice(("city", "operator")),
        "place": (dice.random(), dice.random()),
        "intra_latency_ms": 0.1,
        "usd_core_h": price,
        "usd_gib_h": price / 8.0,
        "usd_gpu_h": 15.0 * price,
        "usd_kwh": 0.2,
    }


def _nodes(dice: Random, clusters: list[Item], services: int) -> list[Item]:
    """Return the nodes; what a fleet has grows with its services, but by less."""
    times = 1 if services == 1 else 2 + (dice.random() < 0.5)
    part = 0.4 if dice.random() < SMALL_SHARE else 1.0
    nodes = list[Item]()
    for cluster in clusters:
        tier = cluster["tier"]
        for index in range(times * dice.randint(*NODES[tier])):
            cores = max(4, round(part * dice.choice(CORES[tier])))
            nodes.append(
                {
                    "id": f"{cluster['id']}-{index}",
                    "cluster": cluster["id"],
                    "cpu_m": 1000 * cores,
                    "mem_mi": 1024 * 4 * cores,
                    "gpu": dice.choice(GPUS[tier]),
                    "ready": dice.random() > 0.03,
                    "idle_w": 100.0,
                    "core_w": 5.0,
                    "gpu_w": 150.0,
                }
            )
    return nodes


def _links(dice: Random, clusters: list[Item]) -> list[list[float]]:
    rows = list[list[float]]()
    for a, one in enumerate(clusters):
        for b in range(a + 1, len(clusters)):
            if dice.random() < 0.1:
                continue  # no peering
            far = "cloud" in (one["tier"], clusters[b]["tier"])
            ms = 0.2 + SIDE_MS * math.dist(one["place"], clusters[b]["place"]) + 1.5 * far
            mbps = float(dice.choice(MBPS_OF_LINKS))
            loss = dice.choice((0.0, 0.0005, 0.002, 0.02))
            carries_udp = float(dice.random() > 0.15)
            rows.append([a, b, round(ms, 3), mbps, loss, 0.01, carries_udp])
    return rows


def _access(dice: Random, index: int, clusters: list[Item]) -> Item:
    here = (dice.random(), dice.random())
    rows = [
        [at, round(0.8 + SIDE_MS * math.dist(here, cluster["place"]), 3)]
        for at, cluster in enumerate(clusters)
        if dice.random() > 0.1
    ]
    return {"id": f"ap{index}", "latency_ms": rows}


def _add_service(
    dice: Random,
    name: str,
    parts: list[Item],
    edges: list[Item],
    flows: list[Item],
    points: list[Item],
) -> None:
    ingest, tracking, rendering, encoding, session = names = [f"{name}.{part}" for part in PARTS]
    parts += [_part(dice, name, part) for part in PARTS]
    edges += [
        _edge(dice, ingest, tracking, dice.choice(RAW_MBPS)),
        _edge(dice, tracking, rendering, dice.choice(RAW_MBPS)),
        _edge(dice, rendering, encoding, dice.choice(RAW_MBPS)),
        _edge(dice, encoding, session, dice.choice(ENCODED_MBPS)),
        _edge(dice, session, ingest, dice.choice(ENCODED_MBPS)),
    ]
    if dice.random() < 0.5:
        edges.append(_edge(dice, ingest, rendering, dice.choice(RAW_MBPS)))
    way = [*names, ingest] if dice.random() < 0.5 else [ingest, tracking, rendering, encoding]
    flows.extend(
        {
            "id": f"{name}.users{index}",
            "service": name,
            "ap": dice.choice(points)["id"],
            "path": way,
            "return": True,
            "budget_ms": BUDGET_MS,
            "mbps": 100.0,
            "weight": 1,
        }
        for index in range(dice.choice((1, 1, 2)))
    )


def _part(dice: Random, service: str, part: str) -> Item:
    wants_gpu = part == "rendering" or (part == "encoding" and dice.random() < 0.4)
    cores = (
        dice.choice((2, 4, 6, 8)) if part in {"rendering", "tracking"} else dice.choice((1, 2, 4))
    )
    return {
        "id": f"{service}.{part}",
        "service": service,
        "cpu_m": 1000 * cores,
        "mem_mi": 1024 * dice.choice((1, 2, 4)) * cores,
        "gpu": int(wants_gpu),
        "replicas": 1,
        "proc_ms": round(dice.uniform(0.2, 1.8), 3),
        "state_mb": 0,
        "migration_usd": 0.05,
        "max_per_node": None,
        "movable": True,
        "allow_regions": [dice.choice(("east", "west"))] if dice.random() < 0.08 else None,
        "allow_providers": [dice.choice(("city", "operator"))] if dice.random() < 0.08 else None,
        "pin_clusters": None,
    }


def _edge(dice: Random, u: str, v: str, mbps: int) -> Item:
    return {
        "u": u,
        "v": v,
        "mbps": float(mbps),
        "max_latency_ms": dice.choice((2.0, 4.0, 6.0, 10.0)),
        "max_loss": dice.choice((0.001, 0.005, 0.05)),
        "udp": dice.random() < 0.7,
    }
