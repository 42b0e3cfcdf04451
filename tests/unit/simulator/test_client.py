import json
from pathlib import Path
from typing import Any

from simulator.client import Access, path_of, path_of_object


def a_kubeconfig(file: Path, server: str, user: dict[str, Any]) -> Path:
    config = {
        "current-context": "mine",
        "contexts": [
            {"name": "other", "context": {"cluster": "nowhere", "user": "nobody"}},
            {"name": "mine", "context": {"cluster": "here", "user": "me"}},
        ],
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user}],
    }
    file.write_text(json.dumps(config))
    return file


def test_the_current_context_of_a_kubeconfig_counts(tmp_path: Path) -> None:
    file = a_kubeconfig(tmp_path / "config", "https://127.0.0.1:6443/", {"token": "secret"})
    access = Access.from_kubeconfig(file)
    assert (access.url, access.token) == ("https://127.0.0.1:6443", "secret")
    assert access.tls is not None


def test_a_server_without_encryption_needs_no_certificates(tmp_path: Path) -> None:
    access = Access.from_kubeconfig(a_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", {}))
    assert (access.tls, access.token) == (None, "")


def test_paths_are_those_of_the_kubernetes_api() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "metro"}}
    render = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "render", "namespace": "xr"},
    }
    assert path_of("v1", "Pod") == "/api/v1/pods"
    assert path_of_object(node) == "/api/v1/nodes/metro"
    assert path_of_object(render) == "/apis/apps/v1/namespaces/xr/deployments/render"
