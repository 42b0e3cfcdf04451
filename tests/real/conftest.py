"""The shared real API server, with Liqo's kinds or crossloop's own on it."""

from pathlib import Path

import pytest

from console.real.kubernetes import RealKubernetes
from tests.support.liqo import CRDS, install_liqo
from tests.support.real_parts import manifests

CROSSLOOP_CRDS = Path(__file__).parents[2] / "deploy" / "kubernetes" / "crds"


@pytest.fixture(scope="session")
def liqo(real_kubernetes: RealKubernetes) -> RealKubernetes:
    """The real API server with Liqo's kinds. Skips where their definitions are missing."""
    if not CRDS.is_dir():
        pytest.skip(
            f"no folder {CRDS.name} with Liqo's CustomResourceDefinitions beside the project"
        )
    install_liqo(real_kubernetes)
    return real_kubernetes


@pytest.fixture(scope="session")
def management(liqo: RealKubernetes) -> RealKubernetes:
    """The same with crossloop's own kinds: a whole management cluster."""
    liqo.install_crds(manifests(CROSSLOOP_CRDS))
    return liqo
