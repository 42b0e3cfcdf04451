"""Whole lives of simulated clusters, one for each template: made, available, deleted, gone."""

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pytest
import yaml

from simulator.kubernetes.objects import Object, condition_of, name_of
from simulator.kubernetes.resources import SECRETS
from simulator.kubernetes.store import Change
from tests.support.cluster_api import CORE, TEMPLATES
from tests.support.cluster_api_lab import Lab, became_true, in_lab

each_template = pytest.mark.parametrize("template", TEMPLATES)

STEPS = ("BootstrapConfigReady", "InfrastructureReady", "NodeReady", "Ready", "Available")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All that happened to a cluster `one` of two workers, and what was left of it."""

    changes: tuple[Change, ...]
    cluster: Object
    """As it was when it was available."""
    machines: dict[str, str]
    """The names of its Machines by what they are: `first` or `worker`."""
    deletion_seconds: float
    left: list[str]

    def of(self, kind: str) -> list[Object]:
        """Return what objects of a kind were like, in order."""
        return [change.last for change in self.changes if change.last["kind"] == kind]


@cache
def life(template: str) -> Life:
    """Let a cluster live. The lives are long, so that tests share them."""
    lives: list[Life] = []

    @in_lab
    async def story(fleet: Lab) -> None:
        fleet.apply(*TEMPLATES[template]("one", workers=2))
        await fleet.until_true("Cluster", "one", "Available")
        workers = {name_of(machine) for machine in fleet.workers()}
        names = {name_of(machine) for machine in fleet.all("Machine")}
        cluster, begun = fleet.get("Cluster", "one"), fleet.seconds
        fleet.delete("Cluster", "one")
        await fleet.until(lambda: fleet.find("Cluster", "one") is None)
        seconds = fleet.seconds - begun
        await fleet.settle()
        kinds = {m["kind"] for m in TEMPLATES[template]("one")} | {"Machine", "MachineSet"}
        left = [name_of(obj) for kind in sorted(kinds) for obj in fleet.all(kind)]
        left += map(name_of, fleet.api.store.all(SECRETS.key))
        lives.append(
            Life(
                changes=fleet.api.store.since(1),
                cluster=cluster,
                machines={"first": min(names - workers), "worker": min(workers)},
                deletion_seconds=seconds,
                left=left,
            )
        )

    story()
    return lives[0]


def in_order(happened: list[tuple[str, str]], *wanted: str) -> bool:
    """Tell whether these (`name condition`) happened in that order, whatever was between them."""
    left = (" ".join(each) for each in happened)
    return all(each in left for each in wanted)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@each_template
def test_a_cluster_becomes_available_whatever_it_is_made_of(template: str) -> None:
    status = life(template).cluster["status"]
    generation = life(template).cluster["metadata"]["generation"]
    assert status["phase"] == "Provisioned"
    assert status["initialization"] == {
        "infrastructureProvisioned": True,
        "controlPlaneInitialized": True,
    }
    assert status["workers"]["desiredReplicas"] == status["workers"]["readyReplicas"] == 2
    assert status["observedGeneration"] == generation
    assert {c["observedGeneration"] for c in status["conditions"]} == {generation}


@each_template
def test_what_must_come_first_comes_first(template: str) -> None:
    happened, names = became_true(life(template).changes), life(template).machines
    first, worker = names["first"], names["worker"]
    assert in_order(happened, "one InfrastructureReady", *(f"{first} {step}" for step in STEPS))
    assert in_order(
        happened,
        f"{first} InfrastructureReady",
        "one ControlPlaneInitialized",
        *(f"{worker} {step}" for step in STEPS),
        "one-md-0 Available",
        "one WorkersAvailable",
        "one Available",
    )


@each_template
def test_phases_follow_each_other(template: str) -> None:
    clusters = [c["status"]["phase"] for c in life(template).of("Cluster") if c.get("status")]
    wanted = ["Pending", "Provisioning", "Provisioned", "Deleting"]
    assert list(dict.fromkeys(clusters)) == wanted
    machines: dict[str, list[str]] = {}
    for machine in life(template).of("Machine"):
        if "status" in machine:
            machines.setdefault(name_of(machine), []).append(machine["status"]["phase"])
    assert len(machines) == 3
    for phases in machines.values():
        told = list(dict.fromkeys(phases))
        assert told == [p for p in (*wanted, "Running") if p in told and p != "Deleting"] + [
            "Deleting"
        ]
        assert {"Pending", "Running"} < set(told)


def test_kubeadm_is_available_before_its_node_is_ready_and_k3s_with_it() -> None:
    for template in TEMPLATES:
        first = life(template).machines["first"]
        order = ["one ControlPlaneAvailable", f"{first} NodeReady"]
        k_threes = template.startswith("k3s")
        assert in_order(
            became_true(life(template).changes), *(reversed(order) if k_threes else order)
        )


@each_template
def test_the_kubeconfig_is_there_long_before_the_api_server(template: str) -> None:
    secrets = life(template).of("Secret")
    secret = next(each for each in secrets if name_of(each) == "one-kubeconfig")
    assert secret["type"] == "cluster.x-k8s.io/secret"
    assert secret["metadata"]["labels"] == {f"{CORE}/cluster-name": "one"}
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["name"], owner["controller"]) == ("one-cp", True)
    config = yaml.safe_load(b64decode(secret["data"]["value"]))
    assert config["clusters"][0]["cluster"]["server"] == "https://one.fleet.invalid:6443"
    assert config["current-context"] == "one-admin@one"
    answered = condition_of(life(template).cluster, "RemoteConnectionProbe")
    waited = instant(answered["lastTransitionTime"]) - instant(
        secret["metadata"]["creationTimestamp"]
    )
    assert waited.total_seconds() > 50


@each_template
def test_a_deleted_cluster_goes_in_order_and_leaves_nothing(template: str) -> None:
    told = [condition_of(cluster, "Deleting") for cluster in life(template).of("Cluster")]
    assert list(dict.fromkeys(c["reason"] for c in told if c and c["status"] == "True")) == [
        "WaitingForWorkersDeletion",
        "WaitingForControlPlaneDeletion",
        "WaitingForInfrastructureDeletion",
    ]
    assert 8 < life(template).deletion_seconds < 16
    assert life(template).left == []
    gone = [change.last["kind"] for change in life(template).changes if change.after is None]
    assert gone.index("MachineDeployment") < gone.index("Cluster")
