"""How the consumer's Liqo enters the provider: an account there, and a kubeconfig that holds it."""

import base64
import binascii
import re
from typing import Any

from services.act.core.objects import NAMESPACE, SECRET, Kind, Object, Ref, dig, name_of
from services.act.core.peering.kinds import ROLE_BINDING, SERVICE_ACCOUNT, TENANT
from services.act.core.peering.manifests import (
    IDENTITY_TYPE,
    account_body,
    account_name,
    binding_body,
    control_plane_body,
    kubeconfig_of_token,
    space_body,
    tenant_body,
    token_body,
    token_name,
)
from services.act.core.peering.scene import Scene
from services.act.core.peering.wants import Fact, Item, want

_SERVER = re.compile(r"""(?<![\w-])["']?server["']?\s*:\s*["']?([^\s"',}]+)""")
"""Finds the address in a kubeconfig, be it YAML or JSON; the core reads no YAML."""
_AUTHORITY = re.compile(r"""["']?certificate-authority-data["']?\s*:\s*["']?([A-Za-z0-9+/=]+)""")


def space_items(scene: Scene) -> tuple[Item, ...]:
    """Return the tenant namespaces: one on each cluster, all of the peering is in them."""
    return tuple(
        want(side, side.ref(NAMESPACE, scene.space(side)), space_body(side), scene.spaces(side))
        for side in scene.pair.sides
    )


def credential_items(scene: Scene) -> tuple[Item, ...]:
    """Return what lets the consumer's Liqo ask for resources, in its order."""
    provider, consumer = scene.pair.provider, scene.pair.consumer
    space, control = scene.space(provider), f"kubeconfig-controlplane-{provider.name}"
    kubeconfig = _kubeconfig(scene)
    secret = control_plane_body(consumer, space, kubeconfig.value)
    return (
        _own(scene, SERVICE_ACCOUNT, account_name(provider), account_body(provider)),
        _own(scene, SECRET, token_name(provider), token_body(provider)),
        _own(scene, ROLE_BINDING, account_name(provider), binding_body(provider, space)),
        want(
            provider,
            provider.ref(TENANT, provider.peer, space),
            tenant_body(provider),
            scene.about(provider, TENANT),
        ),
        want(
            consumer,
            consumer.ref(SECRET, control, scene.space(consumer)),
            secret,
            control_planes(scene),
            kubeconfig,
        ),
    )


def control_planes(scene: Scene) -> tuple[Object, ...]:
    """Return the Secrets by which the consumer's Liqo enters the provider."""
    found = scene.about(scene.pair.consumer, SECRET)
    return tuple(s for s in found if dig(s, "metadata", "labels", IDENTITY_TYPE) == "ControlPlane")


def why_no_address(scene: Scene) -> str:
    """Say why the consumer could not be told where the provider's API server is, or nothing."""
    pair = scene.pair
    if not pair.provider.is_ours:
        return ""
    if pair.kubeconfig is None:
        site = f"Site {pair.provider.name}"
        return f"{site} names no spec.kubeconfigSecret: where others reach it is not known"
    where = f"Secret {pair.kubeconfig.namespace}/{pair.kubeconfig.name}"
    servers = _servers(scene)
    if len(servers) != 1:
        return f"{where}: its kubeconfig has to name one server, and names {len(servers)}"
    return ""


def _own(scene: Scene, kind: Kind, name: str, body: Object) -> Item:
    """Return what Act makes on the provider under a name of its own."""
    provider = scene.pair.provider
    found = tuple(o for o in scene.about(provider, kind) if name_of(o) == name)
    return want(provider, provider.ref(kind, name, scene.space(provider)), body, found)


def _kubeconfig(scene: Scene) -> Fact:
    """Return the kubeconfig for the consumer's Liqo, in base64."""
    provider, consumer = scene.pair.provider, scene.pair.consumer
    told = f"token in Secret {scene.space(provider)}/{token_name(provider)} on {provider.name}"
    if not provider.is_ours:
        return Fact(value=f"<base64 of a kubeconfig with the {told}>", by_owner=True)
    if not consumer.is_ours:
        return Fact(value=f"<base64 of a kubeconfig with the {told}: ask Act's operator for it>")
    tokens = (s for s in scene.about(provider, SECRET) if name_of(s) == token_name(provider))
    data: Object = next((dig(s, "data") or {} for s in tokens), {})
    servers, token = _servers(scene), _decoded(data.get("token"))
    if not token or len(servers) != 1:
        return Fact(lacks=f"{provider.name} has not made the token of {told} yet")
    (server,) = servers
    cluster: dict[str, Any] = {"server": server}
    if server.startswith("https://"):
        cluster["certificate-authority-data"] = _authority(scene) or data.get("ca.crt") or ""
    return Fact(value=kubeconfig_of_token(provider.name, cluster, token))


def _servers(scene: Scene) -> set[str]:
    """Return the API servers that the provider's kubeconfig names."""
    return set(_SERVER.findall(_text(scene)))


def _authority(scene: Scene) -> str:
    """Return the certificate authority that the provider's kubeconfig trusts, where there is one.

    It need not be the cluster's own: a load balancer may stand before the API server.
    """
    found = set(_AUTHORITY.findall(_text(scene)))
    return found.pop() if len(found) == 1 else ""


def _text(scene: Scene) -> str:
    """Return the provider's kubeconfig: YAML or JSON."""
    where = scene.pair.kubeconfig
    if where is None:
        return ""
    secret = scene.one(Ref(kind=SECRET, namespace=where.namespace, name=where.name))
    return _decoded(dig(secret, "data", where.key))


def _decoded(value: object) -> str:
    try:
        return base64.b64decode(str(value or ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
