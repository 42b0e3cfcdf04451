"""Where the real servers' programs are."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "REAL_PARTS"
KUBERNETES_VARIABLE = "KUBEBUILDER_ASSETS"

KUBERNETES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
METRICS = ("prometheus", "thanos")
ALERTS = ("alertmanager",)
ALL = KUBERNETES + METRICS + ALERTS


class MissingPartsError(FileNotFoundError):
    """A program is not where the environment says, or the environment says nothing."""


def program(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of a real server's program. MissingPartsError tells how to get it."""
    folders = [environment[v] for v in (VARIABLE, KUBERNETES_VARIABLE) if environment.get(v)]
    if not folders:
        raise MissingPartsError(
            f"{VARIABLE} is not set: the folder with {', '.join(ALL)}"
            ' (eval "$(../shared/tools/real-parts)" installs them)'
        )
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise MissingPartsError(f"no program {name} in {' or '.join(folders)}")
    return Path(found)


def why_missing(environment: Mapping[str, str] = os.environ) -> str:
    """Return in a sentence why the real servers cannot be started; empty if they can."""
    try:
        for name in ALL:
            program(name, environment)
    except MissingPartsError as missing:
        return str(missing)
    return ""
