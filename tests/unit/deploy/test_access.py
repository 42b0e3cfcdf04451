"""Who may do and reach what: roles and network policies."""

from urllib.parse import urlsplit

import pytest

from services.act.core import objects
from services.observe.adapters.kubernetes import PATHS
from tests.support.kustomize import (
    FOLDERS,
    Object,
    environment_of,
    of_kind,
    pod_of,
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


def test_act_may_nothing_but_with_the_kinds_it_knows() -> None:
    kinds = {(k.group, k.plural) for k in vars(objects).values() if isinstance(k, objects.Kind)}
    roles = granted("crossloop-act")
    assert {(group, resource.partition("/")[0]) for group, resource in roles} == kinds


def test_act_writes_by_patch_and_deletes_nothing() -> None:
    verbs = granted("crossloop-act")
    writers = {r for r, granted_verbs in verbs.items() if granted_verbs - {"get", "list", "watch"}}
    assert set().union(*verbs.values()) == {"get", "list", "watch", "patch", "create"}
    assert writers == {
        ("crossloop.dev", "applications/status"),
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "deployments/scale"),
        ("apps", "statefulsets/scale"),
        ("", "namespaces"),
        ("offloading.liqo.io", "namespaceoffloadings"),
    }
    creators = {r for r, granted_verbs in verbs.items() if "create" in granted_verbs}
    assert creators == {("offloading.liqo.io", "namespaceoffloadings")}


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
