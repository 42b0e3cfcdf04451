"""A placement problem from the text of an instance file (`decide-instance/1`), with its names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from services.decide.core.instance_checks import (
    InstanceError,
    Item,
    column,
    index,
    known,
    number,
    refer,
)
from services.decide.core.instance_network import network
from services.decide.core.instance_traffic import edges, flows
from services.decide.core.placing.arrays import (
    BOUNDLESS,
    NOWHERE,
    Arrays,
    Flags,
    Ints,
    edges_by_component,
    flows_by_component,
)

FORMAT = "decide-instance/1"
PLACES = {"allow_regions": "region", "allow_providers": "provider", "pin_clusters": "id"}
"""Fields of a component that rule out clusters, and the field of clusters they name."""
RESOURCES = ("cpu_m", "mem_mi", "gpu")


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
        self.hours = number(objective, "objective", "horizon_h")
        self.move_within = number(objective, "objective", "intra_cluster_move_factor")
        self.clusters = self.section("clusters")
        self.components = self.section("components")
        self.cluster_at = index(self.clusters, "clusters")
        self.component_at = index(self.components, "components")

    def section(self, name: str) -> Sequence[Item]:
        """Return the objects of a section."""
        items = self.document.get(name)
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise InstanceError(f"{name} is not a list of objects")
        return cast("Sequence[Item]", items)

    def read(self) -> Instance:
        """Return the whole."""
        nodes, order = self.nodes()
        fields_of_network = network(self.document, self.clusters, self.hours)
        allowed, problems = self.allowed()
        units = self.units([nodes[i]["id"] for i in order])
        traffic = edges(self.section("edges"), self.component_at)
        groups = flows(
            self.section("flows"),
            self.section("access_points"),
            self.components,
            self.component_at,
            len(self.clusters),
        )
        count = len(self.components)
        edges_of, edge_at = edges_by_component(
            traffic["edge_source"], traffic["edge_target"], count
        )
        flows_of, flow_at = flows_by_component(groups["path_of"], groups["path"], count)
        fields = {**fields_of_network, **self.rooms(nodes, order), **units, **traffic, **groups}
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
        index(nodes, "nodes")
        self.node_cluster = refer(nodes, "nodes", "cluster", self.cluster_at)
        return nodes, np.argsort(self.node_cluster, kind="stable")

    def rooms(self, nodes: Sequence[Item], order: NDArray[np.int64]) -> dict[str, Any]:
        """Return what nodes offer and cost."""
        cluster = self.node_cluster[order]
        ready = np.array([bool(node.get("ready", True)) for node in nodes], bool)[order]
        room = np.stack([column(nodes, "nodes", f)[order] for f in RESOURCES], axis=1)
        watts = {
            f: column(nodes, "nodes", f)[order] / 1000.0 for f in ("idle_w", "core_w", "gpu_w")
        }
        price = {
            f: column(self.clusters, "clusters", f)[cluster]
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

    def allowed(self) -> tuple[Flags, tuple[str, ...]]:
        """Return (C, K) where components may stand, and who may stand nowhere."""
        allowed = np.ones((len(self.components), len(self.clusters)), bool)
        masks: dict[tuple[str, tuple[str, ...]], Flags] = {}
        problems = []
        for row, component in enumerate(self.components):
            for field, of_cluster in PLACES.items():
                names = component.get(field)
                if names is not None:
                    key = (field, tuple(names))
                    if key not in masks:
                        masks[key] = self.mask(component, field, of_cluster)
                    allowed[row] &= masks[key]
            if not allowed[row].any():
                problems.append(
                    f"components[{component['id']}]: {', '.join(PLACES)} together leave no "
                    "cluster; it stays unplaced"
                )
        return allowed, tuple(problems)

    def mask(self, component: Item, field: str, of_cluster: str) -> Flags:
        """Return (K,) which clusters a field of a component allows. Pins have to exist."""
        names = component[field]
        if of_cluster == "id":
            for name in names:
                known(component, field, name, self.cluster_at)
        return np.array([cluster.get(of_cluster) in names for cluster in self.clusters], bool)

    def units(self, nodes: Sequence[str]) -> dict[str, Any]:
        """Return components, their replicas and where these stand. `nodes`: sorted by cluster."""
        values = {
            f: column(self.components, "components", f)
            for f in (*RESOURCES, "replicas", "migration_usd")
        }
        replicas = values["replicas"].astype(np.int64)
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
            "demand": np.stack([values[f] for f in RESOURCES], axis=1).astype(np.int64),
            "units_of": units_of,
            "unit_component": np.repeat(np.arange(len(replicas), dtype=np.int32), replicas),
            "unit_home": self.homes(nodes, units_of),
            "most_per_node": np.array([2**30 if m is None else m for m in most], np.int32),
            "movable": np.array([bool(c.get("movable", True)) for c in self.components], bool),
            "move_usd": values["migration_usd"],
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
        """Return which units may stay: on a node that is ready, where they are allowed.

        What must not move and cannot stay may go nowhere.
        """
        home, component = fields["unit_home"], fields["unit_component"]
        has_home = home >= 0
        stands = has_home.copy()
        if len(fields["node_cluster"]):
            stands &= allowed[component, fields["node_cluster"][home]]
            has_home = stands.copy()
            stands &= fields["node_room"][home].any(axis=1)
        stuck = component[has_home & ~stands & ~fields["movable"][component]]
        allowed[stuck] = False
        return {
            "unit_home": np.where(has_home, home, NOWHERE).astype(np.int32),
            "unit_stands": stands,
        }


def _without_standing(arrays: Arrays) -> Arrays:
    """Return the problem with the room of those at home taken: it stays theirs while they move."""
    room = arrays.node_room.copy()
    home = arrays.unit_stands
    np.subtract.at(room, arrays.unit_home[home], arrays.demand[arrays.unit_component[home]])
    return arrays._replace(node_room=room)
