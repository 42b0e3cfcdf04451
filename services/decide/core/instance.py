"""A placement problem from the text of an instance file (`decide-instance/1`), with its names."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from services.decide.core.placing.arrays import (
    BOUNDLESS,
    NOWHERE,
    Arrays,
    Flags,
    Floats,
    Ints,
    Longs,
    edges_by_component,
    flows_by_component,
)

FORMAT = "decide-instance/1"
GB_PER_HOUR = 0.45
"""GB that 1 Mbit/s makes in an hour."""
RESOURCES = ("cpu_m", "mem_mi", "gpu")

Item = Mapping[str, Any]


class InstanceError(ValueError):
    """The file cannot be planned on: says which object and field, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A problem and the names of what it is made of."""

    arrays: Arrays
    clusters: tuple[str, ...]
    nodes: tuple[str, ...]
    """Sorted by cluster, as in the arrays."""
    components: tuple[str, ...]
    problems: tuple[str, ...]
    """Components that can stand nowhere, a sentence each; the others are planned."""

    def placement(self, nodes: Ints) -> dict[str, list[str | None]]:
        """Return the node of every replica (None: nowhere), by component. `nodes`: (R,)."""
        offsets = self.arrays.units_of
        names = [self.nodes[n] if n >= 0 else None for n in nodes.tolist()]
        return {
            name: names[offsets[index] : offsets[index + 1]]
            for index, name in enumerate(self.components)
        }


def read_instance(document: Any, *, is_home_free: bool = False) -> Instance:
    """Return the problem of a parsed instance file.

    `is_home_free`: plan make-before-break, so that old and new copies both take room. Raises
    InstanceError at the first thing that cannot be.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise InstanceError(f'the file does not say "format": "{FORMAT}"')
    return _Reader(document, is_home_free=is_home_free).read()


class _Reader:
    """Reads section by section; what later sections refer to stays at hand."""

    def __init__(self, document: Item, *, is_home_free: bool) -> None:
        self.document = document
        self.is_home_free = is_home_free
        objective = document.get("objective")
        if not isinstance(objective, Mapping):
            raise InstanceError("objective is missing")
        self.hours = _number(objective, "objective", "horizon_h")
        self.move_within = _number(objective, "objective", "intra_cluster_move_factor")
        self.clusters = self.section("clusters")
        self.components = self.section("components")
        self.cluster_at = _index(self.clusters, "clusters")
        self.component_at = _index(self.components, "components")

    def section(self, name: str) -> Sequence[Item]:
        """Return the objects of a section."""
        items = self.document.get(name)
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise InstanceError(f"{name} is not a list of objects")
        return cast("Sequence[Item]", items)

    def read(self) -> Instance:
        """Return the whole."""
        nodes, order = self.nodes()
        network = self.network()
        allowed, problems = self.allowed()
        units = self.units([nodes[i]["id"] for i in order])
        traffic = self.traffic()
        flows = self.flows()
        count = len(self.components)
        edges_of, edge_at = edges_by_component(
            traffic["edge_source"], traffic["edge_target"], count
        )
        flows_of, flow_at = flows_by_component(flows["path_of"], flows["path"], count)
        fields = {**network, **self.rooms(nodes, order), **units, **traffic, **flows}
        fields.update(self.standing(fields, allowed))
        arrays = Arrays(
            **fields,
            allowed=allowed,
            is_home_free=self.is_home_free,
            move_within=self.move_within,
            edges_of=edges_of,
            edge_at=edge_at,
            flows_of=flows_of,
            flow_at=flow_at,
        )
        return Instance(
            arrays=_without_standing(arrays) if self.is_home_free else arrays,
            clusters=tuple(self.cluster_at),
            nodes=tuple(nodes[i]["id"] for i in order),
            components=tuple(self.component_at),
            problems=problems,
        )

    def nodes(self) -> tuple[Sequence[Item], NDArray[np.int64]]:
        """Return the nodes and the order that sorts them by cluster."""
        nodes = self.section("nodes")
        _index(nodes, "nodes")
        self.node_cluster = self.refer(nodes, "nodes", "cluster", self.cluster_at)
        return nodes, np.argsort(self.node_cluster, kind="stable")

    def rooms(self, nodes: Sequence[Item], order: NDArray[np.int64]) -> dict[str, Any]:
        """Return what nodes offer and cost."""
        cluster = self.node_cluster[order]
        ready = np.array([bool(node.get("ready", True)) for node in nodes], bool)[order]
        room = np.stack([_column(nodes, "nodes", f)[order] for f in RESOURCES], axis=1)
        watts = {
            f: _column(nodes, "nodes", f)[order] / 1000.0 for f in ("idle_w", "core_w", "gpu_w")
        }
        price = {
            f: _column(self.clusters, "clusters", f)[cluster]
            for f in ("usd_core_h", "usd_gib_h", "usd_gpu_h", "usd_kwh")
        }
        usd = np.stack(
            (
                (price["usd_core_h"] + watts["core_w"] * price["usd_kwh"]) / 1000.0,
                price["usd_gib_h"] / 1024.0,
                price["usd_gpu_h"] + watts["gpu_w"] * price["usd_kwh"],
            ),
            axis=1,
        )
        count = len(self.clusters)
        nodes_of = np.zeros(count + 1, np.int32)
        np.cumsum(np.bincount(cluster, minlength=count), out=nodes_of[1:])
        return {
            "nodes_of": nodes_of,
            "node_cluster": cluster.astype(np.int32),
            "node_room": np.where(ready[:, None], room, 0.0).astype(np.int64),
            "node_usd": np.ascontiguousarray(usd * self.hours),
            "node_idle_usd": watts["idle_w"] * price["usd_kwh"] * self.hours,
            "cluster_millicores": np.full(count, BOUNDLESS, np.int64),
        }

    def network(self) -> dict[str, Any]:
        """Return the matrices between clusters."""
        count = len(self.clusters)
        rows = self.links()
        a, b = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)

        def matrix(column: Floats, *, apart: float, inside: Floats | float = 0.0) -> Floats:
            full = np.full((count, count), apart)
            full[a, b] = full[b, a] = column
            np.fill_diagonal(full, inside)
            return full

        link = np.full((count, count), NOWHERE, np.int32)
        link[a, b] = link[b, a] = np.arange(len(rows), dtype=np.int32)
        usd = rows[:, 5] * GB_PER_HOUR * self.hours
        return {
            "latency_ms": matrix(
                rows[:, 2],
                apart=math.inf,
                inside=_column(self.clusters, "clusters", "intra_latency_ms"),
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

    def links(self) -> Floats:
        """Return the rows of links, (L, 7), checked."""
        links = self.document.get("links")
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
        strange = (ends >= len(self.clusters)).any(1) | (ends[:, 0] == ends[:, 1])
        if strange.any():
            row = int(np.argmax(strange))
            raise InstanceError(
                f"links.rows[{row}] joins {ends[row].tolist()}: two different clusters of "
                f"0..{len(self.clusters) - 1} are needed"
            )
        return table

    def allowed(self) -> tuple[Flags, tuple[str, ...]]:
        """Return (C, K) where components may stand, and who may stand nowhere."""
        regions, providers = (
            np.array([str(cluster.get(f, "")) for cluster in self.clusters])
            for f in ("region", "provider")
        )
        allowed = np.ones((len(self.components), len(self.clusters)), bool)
        problems = []
        for row, component in enumerate(self.components):
            named = component.get("allow_regions"), component.get("allow_providers")
            pins = component.get("pin_clusters")
            if named == (None, None) and pins is None:
                continue
            for names, column in zip(named, (regions, providers), strict=True):
                if names is not None:
                    allowed[row] &= np.isin(column, names)
            if pins is not None:
                pinned = [self.known(component, "pin_clusters", p, self.cluster_at) for p in pins]
                allowed[row] &= np.isin(np.arange(len(self.clusters)), pinned)
            if not allowed[row].any():
                problems.append(
                    f"components[{component['id']}]: allow_regions, allow_providers and "
                    "pin_clusters together leave no cluster; it stays unplaced"
                )
        return allowed, tuple(problems)

    def known(self, item: Item, field: str, name: object, where: Mapping[str, int]) -> int:
        """Return the index of a name that has to exist."""
        index = where.get(name) if isinstance(name, str) else None
        if index is None:
            raise InstanceError(f"{_label(item)}.{field} names {name!r}, which does not exist")
        return index

    def refer(
        self, items: Sequence[Item], section: str, field: str, where: Mapping[str, int]
    ) -> Ints:
        """Return a column of names as indices."""
        try:
            return np.array([where[item[field]] for item in items], np.int32)
        except (KeyError, TypeError):
            for item in items:
                _present(item, section, field)
                self.known(item, field, item[field], where)
            raise

    def units(self, nodes: Sequence[str]) -> dict[str, Any]:
        """Return components, their replicas and where these stand. `nodes`: sorted by cluster."""
        column = {
            f: _column(self.components, "components", f)
            for f in (*RESOURCES, "replicas", "migration_usd")
        }
        replicas = column["replicas"].astype(np.int64)
        units_of = np.zeros(len(self.components) + 1, np.int32)
        np.cumsum(replicas, out=units_of[1:])
        services: dict[str, int] = {}
        for component in self.components:
            services.setdefault(str(component.get("service", component["id"])), len(services))
        most = [component.get("max_per_node") for component in self.components]
        return {
            "service": np.array(
                [services[str(c.get("service", c["id"]))] for c in self.components], np.int32
            ),
            "demand": np.stack([column[f] for f in RESOURCES], axis=1).astype(np.int64),
            "units_of": units_of,
            "unit_component": np.repeat(np.arange(len(replicas), dtype=np.int32), replicas),
            "unit_home": self.homes(nodes, units_of),
            "most_per_node": np.array([2**30 if m is None else m for m in most], np.int32),
            "movable": np.array([bool(c.get("movable", True)) for c in self.components], bool),
            "move_usd": column["migration_usd"],
        }

    def homes(self, nodes: Sequence[str], units_of: Ints) -> Ints:
        """Return the node of each unit, NOWHERE where it stands on none that is listed."""
        homes = np.full(int(units_of[-1]), NOWHERE, np.int32)
        current = self.document.get("current")
        if current is None:
            return homes
        if not isinstance(current, Mapping):
            raise InstanceError("current is neither null nor an object of components")
        node_at = {name: index for index, name in enumerate(nodes)}
        for name, standing in current.items():
            component = self.component_at.get(name)
            if component is None:
                raise InstanceError(f"current names {name!r}, which does not exist")
            first, end = int(units_of[component]), int(units_of[component + 1])
            found = [node_at[node] for node in standing if node in node_at][: end - first]
            homes[first : first + len(found)] = found
        return homes

    def standing(self, fields: Item, allowed: Flags) -> dict[str, Any]:
        """Return which units may stay: on a node that is ready, where they are allowed."""
        home, component = fields["unit_home"], fields["unit_component"]
        cluster = fields["node_cluster"][home]
        may_stay = (home >= 0) & allowed[component, cluster] if len(home) else home >= 0
        room = fields["node_room"][home].any(axis=1) if len(home) else home >= 0
        return {
            "unit_home": np.where((home >= 0) & ~may_stay, NOWHERE, home).astype(np.int32),
            "unit_stands": may_stay & room,
        }

    def traffic(self) -> dict[str, Any]:
        """Return the edges."""
        edges = self.section("edges")
        source = self.refer(edges, "edges", "u", self.component_at)
        target = self.refer(edges, "edges", "v", self.component_at)
        loops = np.flatnonzero(source == target)
        if len(loops):
            raise InstanceError(f"{_label(edges[loops[0]])} joins a component to itself")
        return {
            "edge_source": source,
            "edge_target": target,
            "edge_mbps": _column(edges, "edges", "mbps"),
            "edge_latency_ms": _column(edges, "edges", "max_latency_ms"),
            "edge_loss_ratio": _column(edges, "edges", "max_loss"),
            "edge_jitter_ms": np.full(len(edges), math.inf),
            "edge_udp": np.array([bool(edge.get("udp")) for edge in edges], bool),
        }

    def flows(self) -> dict[str, Any]:
        """Return the user groups and how far access points are."""
        flows, points = self.section("flows"), self.section("access_points")
        point_at = _index(points, "access_points")
        paths = [_present(flow, "flows", "path") for flow in flows]
        lengths = np.array([len(path) for path in paths], np.int64)
        if len(flows) and not lengths.all():
            raise InstanceError(f"{_label(flows[int(np.argmin(lengths))])}.path is empty")
        path_of = np.zeros(len(flows) + 1, np.int32)
        np.cumsum(lengths, out=path_of[1:])
        try:
            path = np.array([self.component_at[n] for p in paths for n in p], np.int32)
        except (KeyError, TypeError):
            for flow in flows:
                for name in flow["path"]:
                    self.known(flow, "path", name, self.component_at)
            raise
        processing = _column(self.components, "components", "proc_ms")
        whole = np.add.reduceat(processing[path], path_of[:-1]) if len(flows) else np.zeros(0)
        return {
            "path_of": path_of,
            "path": path,
            "flow_access": self.refer(flows, "flows", "ap", point_at),
            "flow_returns": np.array([bool(flow.get("return")) for flow in flows], bool),
            "flow_processing_ms": whole,
            "flow_budget_ms": _column(flows, "flows", "budget_ms"),
            "flow_weight": _column(flows, "flows", "weight"),
            "access_ms": self.access(points),
        }

    def access(self, points: Sequence[Item]) -> Floats:
        """Return (A, K) how far clusters are from access points."""
        table = np.full((len(points), len(self.clusters)), math.inf)
        for row, point in enumerate(points):
            pairs = np.array(_present(point, "access_points", "latency_ms"), np.float64)
            pairs = pairs.reshape(-1, 2)
            at = pairs[:, 0].astype(np.int64)
            if len(at) and (at.min() < 0 or at.max() >= len(self.clusters)):
                raise InstanceError(f"{_label(point)}.latency_ms names a cluster that is not there")
            if not (pairs[:, 1] >= 0.0).all():
                raise InstanceError(f"{_label(point)}.latency_ms holds one that is not 0 or more")
            table[row, at] = pairs[:, 1]
        return table


def _without_standing(arrays: Arrays) -> Arrays:
    """Return the problem with the room of those at home taken: it stays theirs while they move."""
    room = arrays.node_room.copy()
    home = arrays.unit_stands
    np.subtract.at(room, arrays.unit_home[home], arrays.demand[arrays.unit_component[home]])
    return arrays._replace(node_room=room)


def _label(item: Item) -> str:
    if "id" in item:
        return f"[{item['id']}]"
    return f"edges[{item.get('u')}->{item.get('v')}]"


def _present(item: Item, section: str, field: str) -> Any:
    if field not in item:
        raise InstanceError(f"{section}{_label(item)}.{field} is missing")
    return item[field]


def _number(item: Item, section: str, field: str) -> float:
    value = item.get(field)
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InstanceError(f"{section}.{field} is {value!r}, not a number of 0 or more")
    return float(value)


def _column(items: Sequence[Item], section: str, field: str) -> Floats:
    """Return a column of numbers of 0 or more."""
    try:
        column = np.array([item[field] for item in items], np.float64)
    except (KeyError, TypeError, ValueError):
        column = np.full(len(items), math.nan)
    good = np.isfinite(column) & (column >= 0.0)
    if not good.all():
        for item in items:
            _present(item, section, field)
            _number(item, f"{section}{_label(item)}", field)
    return column


def _index(items: Iterable[Item], section: str) -> dict[str, int]:
    """Return where each id stands. Ids are texts, each there once."""
    index: dict[str, int] = {}
    for position, item in enumerate(items):
        name = item.get("id")
        if not isinstance(name, str):
            raise InstanceError(f"{section}[{position}].id is {name!r}, not a text")
        if name in index:
            raise InstanceError(f"{section}[{name}] is there twice")
        index[name] = position
    return index


__all__ = ["FORMAT", "Instance", "InstanceError", "Longs", "read_instance"]
