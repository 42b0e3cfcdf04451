"""The network of an instance file as matrices between clusters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.decide.core.instance_checks import InstanceError, Item, column
from services.decide.core.money import GB_PER_HOUR
from services.decide.core.placing.arrays import NOWHERE, Floats


def network(document: Item, clusters: Sequence[Item], hours: float) -> dict[str, Any]:
    """Return the matrices between clusters."""
    count = len(clusters)
    rows = _links(document, clusters)
    a, b = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)

    def matrix(column: Floats, *, apart: float, inside: Floats | float = 0.0) -> Floats:
        full = np.full((count, count), apart)
        full[a, b] = full[b, a] = column
        np.fill_diagonal(full, inside)
        return full

    link = np.full((count, count), NOWHERE, np.int32)
    link[a, b] = link[b, a] = np.arange(len(rows), dtype=np.int32)
    usd = rows[:, 5] * GB_PER_HOUR * hours
    return {
        "latency_ms": matrix(
            rows[:, 2],
            apart=math.inf,
            inside=column(clusters, "clusters", "intra_latency_ms"),
        ),
        "loss_ratio": matrix(rows[:, 4], apart=0.0),
        "jitter_ms": np.zeros((count, count)),
        "carries_udp": matrix(rows[:, 6], apart=1.0, inside=1.0) > 0.0,
        "link": link,
        "traffic_usd": matrix(usd, apart=0.0),
        "link_mbps": np.ascontiguousarray(rows[:, 3]),
        "link_taken_mbps": np.zeros(len(rows)),
        "gateway_mbps": np.full(count, math.inf),
        "gateway_taken_mbps": np.zeros(count),
    }


def _links(document: Item, clusters: Sequence[Item]) -> Floats:
    """Return the rows of links, (L, 7), checked."""
    links = document.get("links")
    rows = links.get("rows") if isinstance(links, Mapping) else None
    if not isinstance(rows, list):
        raise InstanceError("links.rows is missing")
    columns = ("a", "b", "latency_ms", "bandwidth_mbps", "loss", "usd_per_gb", "udp")
    try:
        table = np.array(rows, np.float64).reshape(-1, len(columns))
    except (TypeError, ValueError) as error:
        raise InstanceError(f"links.rows: each row has {len(columns)} numbers") from error
    for index, name in enumerate(columns):
        bad = np.flatnonzero(~(np.isfinite(table[:, index]) & (table[:, index] >= 0.0)))
        if len(bad):
            value = table[bad[0], index]
            raise InstanceError(f"links.rows[{bad[0]}].{name} is {value}, not 0 or more")
    ends = table[:, :2]
    strange = (ends >= len(clusters)).any(1) | (ends[:, 0] == ends[:, 1])
    if strange.any():
        row = int(np.argmax(strange))
        raise InstanceError(
            f"links.rows[{row}] joins {ends[row].tolist()}: two different clusters of "
            f"0..{len(clusters) - 1} are needed"
        )
    return table
