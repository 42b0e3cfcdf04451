"""Cluster API's schemas take what the simulator writes and what clusters are made from.

The schemas are the real ones; so is one of the two API servers, with its CEL rules.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.controllers.cluster_api.kinds import NO_ROOM
from simulator.controllers.cluster_api.machines import PRE_DRAIN, PRE_TERMINATE
from simulator.kubernetes.objects import Object, is_going, name_of
from tests.support.cluster_api import TEMPLATES, definitions
from tests.support.cluster_api_lab import Lab, in_lab
from tests.support.kubernetes_api import Server

each_template = pytest.mark.parametrize("template", TEMPLATES)

GIVEN = ("name", "labels", "annotations", "finalizers", "ownerReferences")
"""Metadata that a writer gives, and not the server."""


def life(template: str) -> list[Object]:
    """Return all that was stored during the life of a cluster: made, grown, shrunk, deleted."""
    stored: list[Object] = []

    @in_lab
    async def story(fleet: Lab) -> None:
        fleet.apply(*TEMPLATES[template]("one", workers=1))
        await fleet.until_true("Cluster", "one", "Available")
        fleet.annotate("MachineDeployment", "one-md-0", **{NO_ROOM: "true"})
        fleet.scale("MachineDeployment", "one-md-0", 2)
        await asyncio.sleep(100)
        found = fleet.get("MachineDeployment", "one-md-0")["spec"]["template"]
        changed = {**found, "spec": {**found["spec"], "failureDomain": "nova"}}
        fleet.patch("MachineDeployment", "one-md-0", template=changed)
        await asyncio.sleep(100)
        for machine in fleet.workers():
            hooks = {f"{PRE_DRAIN}/a": "", f"{PRE_TERMINATE}/b": ""}
            fleet.annotate("Machine", name_of(machine), **hooks)
        fleet.scale("MachineDeployment", "one-md-0", 0)
        await asyncio.sleep(100)
        for hook in (f"{PRE_DRAIN}/a", f"{PRE_TERMINATE}/b"):
            for machine in filter(is_going, fleet.workers()):
                fleet.annotate("Machine", name_of(machine), **{hook: None})
            await asyncio.sleep(100)
        fleet.patch("Cluster", "one", paused=True)
        await asyncio.sleep(10)
        fleet.patch("Cluster", "one", paused=False)
        fleet.delete("Cluster", "one")
        await fleet.until(lambda: fleet.find("Cluster", "one") is None)
        stored.extend(change.last for change in fleet.api.store.since(1))

    story()
    return stored


@pytest.fixture(scope="module")
def lives() -> dict[str, list[Object]]:
    return {template: life(template) for template in TEMPLATES}


@pytest.fixture
async def server(api: Server) -> Server:
    """The API server with Cluster API's kinds."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for crd in definitions():
        assert (await api.post(crds, crd)).status in (201, 409)
    for kind, (plural, _) in plurals().items():
        group = f"{kind[0]}/{kind[1]}"
        await api.until(api.path(plural, group=group), lambda answer: answer.status == 200)
    return api


def plurals() -> dict[tuple[str, str, str], tuple[str, bool]]:
    """Return the plural of each served group, version and kind, and whether it has a status."""
    return {
        (crd["spec"]["group"], version["name"], crd["spec"]["names"]["kind"]): (
            crd["spec"]["names"]["plural"],
            "status" in (version.get("subresources") or {}),
        )
        for crd in definitions()
        for version in crd["spec"]["versions"]
        if version["served"]
    }


def path_of(server: Server, obj: Object, name: str = "") -> str:
    group, _, version = obj["apiVersion"].partition("/")
    plural, _ = plurals()[group, version, obj["kind"]]
    return server.path(plural, name, group=obj["apiVersion"])


def of_cluster_api(stored: list[Object]) -> Iterator[Object]:
    for obj in stored:
        if obj["apiVersion"].partition("/")[0].endswith("cluster.x-k8s.io"):
            yield obj


def written(obj: Object) -> Object:
    """Return an object as its writer gave it."""
    metadata = {key: obj["metadata"][key] for key in GIVEN if key in obj["metadata"]}
    kept: Object = {k: obj[k] for k in ("apiVersion", "kind", "spec") if k in obj}
    return {**kept, "metadata": metadata}


def distinct(objects: Iterator[Any]) -> list[Any]:
    """Return each value once, in order."""
    return list({json.dumps(obj, sort_keys=True): obj for obj in objects}.values())


@each_template
async def test_manifests_are_taken(server: Server, template: str) -> None:
    for manifest in TEMPLATES[template]("one", namespace=server.space):
        strict = {"dryRun": "All", "fieldValidation": "Strict"}
        answer = await server.post(path_of(server, manifest), manifest, **strict)
        assert answer.status == 201, answer.body


@each_template
async def test_what_controllers_write_is_taken(
    server: Server, lives: dict[str, list[Object]], template: str
) -> None:
    strict = {"dryRun": "All", "fieldValidation": "Strict"}
    stored = list(of_cluster_api(lives[template]))
    for obj in distinct(map(written, stored)):
        answer = await server.post(path_of(server, obj), obj, **strict)
        assert answer.status == 201, answer.body
    for kind, name in sorted({(obj["kind"], name_of(obj)) for obj in stored}):
        own = [obj for obj in stored if (obj["kind"], name_of(obj)) == (kind, name)]
        body = {**written(own[0]), "metadata": {"name": name}}
        assert (await server.post(path_of(server, body), body)).status == 201
        path = path_of(server, body, name)
        for status in distinct(obj["status"] for obj in own if obj.get("status")):
            answer = await server.merge(f"{path}/status", {"status": status}, **strict)
            assert answer.status == 200, (kind, answer.body)
            assert answer.body["status"].items() >= status.items(), kind
        assert (await server.call("DELETE", path)).status == 200


async def test_the_histories_are_worth_looking_at(lives: dict[str, list[Object]]) -> None:
    for stored in lives.values():
        kinds = {obj["kind"] for obj in of_cluster_api(stored) if obj.get("status")}
        assert {"Cluster", "Machine", "MachineDeployment", "MachineSet"} < kinds
        reasons = {
            condition.get("reason")
            for obj in stored
            for condition in (obj.get("status") or {}).get("conditions") or ()
        }
        assert {"InstanceCreateFailed", "WaitingForPreDrainHook", "Paused", "RollingOut"} < reasons
