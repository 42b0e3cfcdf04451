"""What Act tells the owner of a cluster that it may not change, and what it waits for."""

import json
from dataclasses import replace

from services.act.core.ledger import Entry
from services.act.core.objects import CONFIG_MAP, NAMESPACE, SECRET, Object, Ref
from services.act.core.peering.kinds import (
    CONFIGURATION,
    GATEWAY_CLIENT,
    GATEWAY_SERVER,
    PUBLIC_KEY,
    REPLICATED,
    RESOURCE_SLICE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    TENANT,
)
from services.act.core.steps import goes_back
from shared.messages.outcome import Status
from shared.model.plan import Peer
from tests.support.builders import later
from tests.support.peers_act import EDGE, HERE, HOME, Act

NOTES = Ref(kind=CONFIG_MAP, namespace="crossloop", name="peering-home-edge")
THEIRS = {"kubeconfigSecret": None}
KINDS = (
    NAMESPACE,
    SECRET,
    CONFIGURATION,
    GATEWAY_CLIENT,
    GATEWAY_SERVER,
    PUBLIC_KEY,
    RESOURCE_SLICE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    TENANT,
)


def notes(act: Act, name: str = "peering-home-edge") -> dict[str, str]:
    ref = Ref(kind=CONFIG_MAP, namespace="crossloop", name=name)
    return dict(act.api.objects[ref]["data"])


def kinds(text: str) -> list[str]:
    return [item["kind"] for item in json.loads(text)["items"]]


def hand_over(act: Act, text: str, at: str) -> None:
    """Apply manifests as their owner does."""
    known = {kind.name: kind for kind in KINDS}
    for item in json.loads(text)["items"]:
        metadata = item["metadata"]
        ref = Ref(
            kind=known[item["kind"]],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            cluster=EDGE if at == EDGE else HERE,
        )
        if ref not in act.api.objects:
            act.api.put(ref, item)


async def waiting(act: Act) -> None:
    """Let Act go on until it waits for the owner."""
    await act.go_on(lambda: act.entry.message != "" and len(act.waited_for) > 0)


async def test_the_owner_gets_what_to_apply_and_what_to_hand_back() -> None:
    act = Act(spec=THEIRS)
    await waiting(act)

    told = notes(act)
    assert set(told) == {"README", "edge.json", "hand-back.json"}
    assert kinds(told["edge.json"]) == [
        "Namespace",
        "Configuration",
        "GatewayServer",
        "ServiceAccount",
        "Secret",
        "RoleBinding",
        "Tenant",
    ]
    assert kinds(told["hand-back.json"]) == [
        "Configuration",
        "GatewayClient",
        "PublicKey",
        "Secret",
    ]
    assert act.entry.message == (
        "Configuration liqo-tenant-edge/edge has to come from the owner of edge; what the owner of "
        "edge has to do is in ConfigMap crossloop/peering-home-edge"
    )
    assert [str(w.ref) for w in act.api.writes] == ["Namespace liqo-tenant-edge", str(NOTES)]


async def test_no_secret_is_told() -> None:
    act = Act(spec=THEIRS)
    await waiting(act)

    whole = "".join(notes(act).values())
    for ref, secret in act.api.objects.items():
        if ref.kind == SECRET:
            assert not [value for value in secret.get("data", {}).values() if value in whole]


async def test_what_is_handed_back_lets_it_go_on() -> None:
    act = Act(spec=THEIRS)
    await waiting(act)
    hand_over(act, notes(act)["edge.json"], EDGE)
    hand_over(act, notes(act)["hand-back.json"], HOME)
    await act.go_on(lambda: "PublicKey" in kinds(notes(act)["edge.json"]))
    assert "hand-back.json" in notes(act)
    hand_over(act, notes(act)["edge.json"], EDGE)
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    written = [str(w.ref) for w in act.api.writes]
    assert [ref for ref in written if ref.endswith(" on edge")] == []


async def test_people_have_a_month() -> None:
    act = Act(spec=THEIRS)
    await waiting(act)
    act.api.at = later(29 * 86400, act.api.at)
    await act.look()
    assert act.entry.status is Status.RUNNING
    act.api.at = later(2 * 86400, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert "what was applied on edge is its owner's to delete" in entry.message
    assert NOTES not in act.api.objects
    assert act.api.names() == set()


async def test_a_consumer_that_is_not_ours_is_told_too() -> None:
    act = Act(spec=THEIRS)
    act.entry = Entry(action=Peer(consumer=EDGE, provider=HOME))
    grounds = act.grounds
    way = {"kubeconfigSecret": {"namespace": "crossloop", "name": "edge-kubeconfig"}}
    home: Object = {"metadata": {"name": HOME}, "spec": {"home": True, **way}}
    sites = {**grounds.sites, HOME: home}
    for _ in range(20):
        await act.look(replace(grounds, sites=sites))
        act.api.tick()

    told = notes(act, "peering-edge-home")
    assert kinds(told["edge.json"])[-2:] == ["Secret", "ResourceSlice"]
    assert "ask Act's operator for it" in told["edge.json"]
    assert kinds(told["hand-back.json"]) == ["Configuration", "PublicKey"]

    act.entry = goes_back(act.entry, act.api.at, "a person wants it so").entry
    for _ in range(20):
        if not act.entry.status.is_final:
            await act.look(replace(grounds, sites=sites))
        act.api.tick()
    assert act.entry.status is Status.REVERTED
    assert act.api.names() == set()


async def test_of_a_consumer_that_is_not_ours_the_provider_alone_tells_the_end() -> None:
    act = Act(spec=THEIRS, wishes={"network": False})
    act.entry = Entry(action=Peer(consumer=EDGE, provider=HOME))
    way = {"kubeconfigSecret": {"namespace": "crossloop", "name": "edge-kubeconfig"}}
    wish = {"peerings": [{"consumer": EDGE, "network": False}]}
    home: Object = {"metadata": {"name": HOME}, "spec": {"home": True, **way, **wish}}
    grounds = replace(act.grounds, sites={**act.grounds.sites, HOME: home})
    while len(act.waited_for) == 0:
        await act.look(grounds)
        act.api.tick()
    assert "home has not accepted what edge asks for yet" in act.waited_for[0]

    labels = {"liqo.io/remote-cluster-id": EDGE, REPLICATED: "true"}
    told = [{"type": of, "status": "Accepted"} for of in ("Authentication", "Resources")]
    asked = Ref(kind=RESOURCE_SLICE, namespace="liqo-tenant-edge", name="home")
    metadata = {"name": "home", "labels": labels}
    act.api.put(asked, {"metadata": metadata, "status": {"conditions": told}})
    await act.look(grounds)

    assert act.entry.status is Status.SUCCEEDED
    assert act.entry.message == "home granted it; what edge made of that is not seen from here"
