"""Who may do and reach what: roles and network policies."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest

from services.act.core.permitting.permissions import permissions
from services.act.core.permitting.roles import WHERE, Permission, Role
from services.observe.adapters.kubernetes import PATHS
from tests.support.kustomize import (
    COMPONENTS,
    FOLDERS,
    KUBERNETES,
    Object,
    environment_of,
    of_kind,
    pod_of,
    rendered,
    selects,
    workloads,
)

each_folder = pytest.mark.parametrize("folder", FOLDERS)


@each_folder
def test_only_the_two_ends_have_a_token_and_a_role(folder: str) -> None:
    with_token = {
        name
        for name, workload in workloads(folder).items()
        if pod_of(workload)["automountServiceAccountToken"]
    }
    bound = {
        subject["name"]
        for binding in of_kind(folder, "ClusterRoleBinding", "RoleBinding").values()
        for subject in binding["subjects"]
    }
    assert with_token == bound == {"observe", "act"}
    for name, workload in workloads(folder).items():
        assert pod_of(workload)["serviceAccountName"] == name
    assert set(of_kind(folder, "ServiceAccount")) == set(workloads(folder))


def granted(role: str) -> dict[tuple[str, str], set[str]]:
    """Return the verbs of a role by group and resource."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in of_kind("base", "ClusterRole")[role]["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def test_observe_may_list_and_watch_exactly_what_it_lists_and_watches() -> None:
    listed = set()
    for path in PATHS.values():
        *_, group, _, plural = path.split("/")
        listed.add(("" if group == "api" else group, plural))
    assert granted("crossloop-observe") == {resource: {"list", "watch"} for resource in listed}


def permissions_in(folder: str) -> set[Permission]:
    """Return what the roles for Act in a folder grant, taken apart."""
    return {
        Permission(role=Role(name), group=group, resource=resource, verb=verb, name=only)
        for name, role in of_kind(folder, "ClusterRole", "Role").items()
        if name.startswith("crossloop-act")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for only in rule.get("resourceNames", [""])
    }


@pytest.mark.parametrize("folder", ["base", *COMPONENTS])
def test_the_roles_grant_what_the_table_of_permissions_says_and_no_more(folder: str) -> None:
    at = f"deploy/kubernetes/{folder}"
    assert permissions_in(folder) == {p for p in permissions() if WHERE[p.role] == at}


def test_without_components_act_reads_no_secret_and_creates_nothing_but_offloadings() -> None:
    base = permissions_in("base")
    assert {p.resource for p in base if p.verb == "create"} == {"namespaceoffloadings"}
    assert {p.resource for p in base if p.verb == "delete"} == {"pods"}
    assert not {"secrets", "configmaps", "*"} & {p.resource for p in base}


@pytest.mark.parametrize("folder", COMPONENTS)
def test_a_component_grants_to_act_alone(folder: str) -> None:
    bindings = of_kind(folder, "RoleBinding", "ClusterRoleBinding")
    assert {b["roleRef"]["name"] for b in bindings.values()} == set(
        of_kind(folder, "Role", "ClusterRole")
    )
    for binding in bindings.values():
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "act", "namespace": "crossloop"}
        ]
    for manifest in rendered(folder):
        kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_an_overlay_with_the_components_binds_each_role_where_it_belongs(tmp_path: Path) -> None:
    def there(folder: str) -> str:
        return os.path.relpath(KUBERNETES / folder, tmp_path)

    overlay = {"resources": [there("base")], "components": [there(c) for c in COMPONENTS]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(overlay))
    bound = {
        (o["roleRef"]["name"], o["metadata"].get("namespace"))
        for o in rendered(str(tmp_path))
        if o["kind"] in ("RoleBinding", "ClusterRoleBinding")
    }
    assert bound == {
        ("crossloop-observe", None),
        ("crossloop-act", None),
        ("crossloop-act-clusters", "default"),
        ("crossloop-act-peering", None),
        ("crossloop-act-providing", None),
        ("crossloop-act-notes", "crossloop"),
    }


def allowed(folder: str, name: str, direction: str) -> list[Object]:
    """Return what network policies allow a workload, as one rule per entry."""
    key = direction.lower()
    return [
        rule
        for policy in of_kind(folder, "NetworkPolicy").values()
        if selects(policy["spec"]["podSelector"], workloads(folder)[name])
        for rule in policy["spec"].get(key, ())
    ]


def ports_of(rules: list[Object]) -> set[int]:
    """Return all ports of some rules."""
    return {port["port"] for rule in rules for port in rule["ports"]}


@each_folder
def test_what_is_not_named_is_denied(folder: str) -> None:
    deny = of_kind(folder, "NetworkPolicy")["nothing"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@each_folder
@pytest.mark.parametrize(
    ("name", "ports"),
    [
        ("observe", {53, 4222, 10902, 443, 6443}),
        ("orient", {53, 4222}),
        ("decide", {53, 4222}),
        ("act", {53, 4222, 9093, 443, 6443}),
        ("nats", {53, 6222}),
    ],
)
def test_each_pod_speaks_to_what_it_needs_and_nothing_else(
    folder: str, name: str, ports: set[int]
) -> None:
    assert ports_of(allowed(folder, name, "Egress")) == ports


@each_folder
def test_only_the_api_server_is_not_named_by_a_selector(folder: str) -> None:
    for name in workloads(folder):
        anywhere = [rule for rule in allowed(folder, name, "Egress") if "to" not in rule]
        assert ports_of(anywhere) == ({443, 6443} if name in ("observe", "act") else set())


@each_folder
def test_services_are_spoken_to_only_for_their_metrics_and_the_bus_only_by_them(
    folder: str,
) -> None:
    for service in of_kind(folder, "Deployment"):
        assert ports_of(allowed(folder, service, "Ingress")) == {8080}
    assert ports_of(allowed(folder, "nats", "Ingress")) == {4222, 6222}


@each_folder
@pytest.mark.parametrize(
    ("service", "variable"),
    [("observe", "CROSSLOOP_THANOS_URL"), ("act", "CROSSLOOP_ALERTMANAGER_URLS")],
)
def test_a_service_may_speak_to_the_addresses_it_is_given(
    folder: str, service: str, variable: str
) -> None:
    addresses = environment_of(folder, of_kind(folder, "Deployment")[service])[variable]
    rules = [r for r in allowed(folder, service, "Egress") if "to" in r]
    reachable = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in rules
        for peer in rule["to"]
        if "namespaceSelector" in peer
        for port in rule["ports"]
    }
    for address in addresses.split(","):
        url = urlsplit(address)
        assert url.hostname is not None
        assert (url.hostname.rpartition(".")[2], url.port) in reachable
