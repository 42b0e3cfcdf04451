"""The objects of the demo as their owners wrote them, cloned and sped up for a run."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.model.application import Application, Component, Flow, UserGroup, WorkloadRef
from shared.model.names import ApplicationName, ComponentName, GroupName
from simulator.kubernetes.objects import Object

DEPLOY = Path(__file__).parent.parent / "deploy"
NAMESPACE = "xr"

SHORTEST = {"moveTimeoutSeconds": 15.0, "decisionLifetimeSeconds": 10.0}
"""Real processes have to react within these, however fast the world turns."""
PER_HOUR = ("movesPerHour", "fleetMovesPerHour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What stands in `deploy/examples`, ready to apply."""

    fleet: tuple[Object, ...]
    """Sites and the FleetPolicy."""
    arenas: tuple[Object, ...]
    """Per copy of the application: its namespace, workloads, services, Application."""

    def access_ms(self) -> dict[tuple[str, str], float]:
        """Return the one-way access latencies: (user site, cluster) to milliseconds."""
        return {
            (access["from"], site["metadata"]["name"]): float(access["milliseconds"])
            for site in self.fleet
            if site["kind"] == "Site"
            for access in site["spec"].get("access", ())
        }

    def applications(self) -> tuple[Application, ...]:
        """Return the applications as the physics needs them."""
        return tuple(_application(obj) for obj in self.arenas if obj["kind"] == "Application")


def declared(*, copies: int, speed: float, folder: Path = DEPLOY) -> Declared:
    """Read the examples. FileNotFoundError: they are not there (an image without them)."""
    examples = folder / "examples"
    fleet = (*_objects(examples / "sites.yaml"), *_objects(examples / "fleetpolicy.yaml"))
    arena = _objects(examples / "arena.yaml")
    return Declared(
        fleet=tuple(sped_up(obj, speed) for obj in fleet),
        arenas=tuple(
            sped_up(
                _in_namespace(obj, NAMESPACE if number == 1 else f"{NAMESPACE}-{number}"), speed
            )
            for number in range(1, copies + 1)
            for obj in arena
        ),
    )


def custom_resources(folder: Path = DEPLOY) -> tuple[Object, ...]:
    """Read our CustomResourceDefinitions. FileNotFoundError: there are none."""
    files = sorted((folder / "kubernetes" / "crds").glob("*.yaml"))
    found = tuple(o for f in files for o in _objects(f) if o["kind"] == "CustomResourceDefinition")
    if not found:
        raise FileNotFoundError(f"no CustomResourceDefinition stands in {folder}/kubernetes/crds")
    return found


def sped_up(obj: Object, speed: float) -> Object:
    """Return the object with its durations divided, and its rates multiplied, by the speed.

    The horizon of money stays: a horizon is a weight, not a wait.
    """
    if obj["kind"] not in ("Application", "FleetPolicy") or speed == 1.0:
        return obj
    result = copy.deepcopy(obj)
    result["spec"] = _sped_up(result["spec"], speed)
    return result


def _sped_up(value: Any, speed: float) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _sped_up_field(key, entry, speed) for key, entry in value.items()}


def _sped_up_field(key: str, value: Any, speed: float) -> Any:
    if key.endswith("Seconds"):
        return max(value / speed, SHORTEST.get(key, 0.0))
    if key in PER_HOUR:
        return max(1, round(value * speed))
    return _sped_up(value, speed)


def _objects(file: Path) -> tuple[Object, ...]:
    return tuple(obj for obj in yaml.safe_load_all(file.read_text()) if obj)


def _in_namespace(obj: Object, namespace: str) -> Object:
    metadata = dict(obj["metadata"])
    metadata["name" if obj["kind"] == "Namespace" else "namespace"] = namespace
    return {**obj, "metadata": metadata}


def _application(obj: Mapping[str, Any]) -> Application:
    metadata, spec = obj["metadata"], obj["spec"]
    return Application(
        name=ApplicationName(f"{metadata['namespace']}/{metadata['name']}"),
        components=tuple(
            Component(
                name=ComponentName(part["name"]),
                workload=WorkloadRef(name=part["workload"]["name"]),
                min_replicas=part["replicas"]["min"],
                processing_ms=float(part["processing"]["milliseconds"]),
            )
            for part in spec["components"]
        ),
        flows=tuple(
            Flow(
                source=ComponentName(flow["from"]),
                target=ComponentName(flow["to"]),
                mbps=float(flow["mbps"]),
            )
            for flow in spec["flows"]
        ),
        users=tuple(_group(group) for group in spec["users"]),
    )


def _group(group: Mapping[str, Any]) -> UserGroup:
    return UserGroup(
        name=GroupName(group["group"]),
        site=group.get("site", ""),
        site_metric=group.get("siteMetric"),
        path=_names(group["path"]),
        back=_names(group.get("back", ())),
        budget_ms=float(group["budgetMs"]),
    )


def _names(names: Iterable[str]) -> tuple[ComponentName, ...]:
    return tuple(ComponentName(name) for name in names)
