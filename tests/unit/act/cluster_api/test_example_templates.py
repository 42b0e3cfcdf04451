"""The templates in deploy/examples render, and nothing is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from services.act.adapters.templates import TemplateFolders
from services.act.core.cluster_api.faults import faults_of, warnings_of
from services.act.core.cluster_api.manifests import nodes_of
from services.act.core.cluster_api.templates import render
from services.act.core.site import ClusterTemplate
from shared.errors import PermanentError
from shared.model.names import ClusterName
from simulator.kubernetes.api import Ref
from tests.support.cluster_api_lab import BY, SPACE, Lab, in_lab

FOLDER = Path(__file__).parents[4] / "deploy" / "examples" / "templates"
METRO = ClusterName("metro")
NETWORK = "11111111-2222-4333-8444-555555555555"
CLOUD = {"CREDENTIALS": "clouds", "EXTERNAL_NETWORK": NETWORK, "IMAGE": "ubuntu", "SSH_KEY": "ops"}
VALUES: dict[str, dict[str, Any]] = {
    "in-memory": {},
    "openstack-kubeadm": CLOUD,
    "openstack-k3s": CLOUD,
}


def a_template(name: str, **values: Any) -> ClusterTemplate:
    return ClusterTemplate(site=METRO, name=name, namespace=SPACE, nodes=3, values=values)


def test_every_folder_is_tried() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} == set(VALUES)


@pytest.mark.parametrize("name", VALUES)
@in_lab
async def test_an_example_renders_and_is_taken(lab: Lab, name: str) -> None:
    template = a_template(name, **VALUES[name])
    manifests = render(TemplateFolders(FOLDER).load(name), template)
    assert faults_of(manifests, METRO) == ()
    assert warnings_of(manifests, template) == ()
    assert nodes_of(manifests) == (1, 3)
    for manifest in manifests:
        resource = lab.api.registry.of_kind(manifest["apiVersion"], manifest["kind"])
        assert resource is not None
        place = Ref(resource=resource, name=manifest["metadata"]["name"], namespace=SPACE)
        lab.api.apply(place, manifest, BY)


@pytest.mark.parametrize("name", [name for name in VALUES if VALUES[name]])
def test_what_the_cloud_is_like_has_to_be_said(name: str) -> None:
    with pytest.raises(PermanentError, match="CREDENTIALS, EXTERNAL_NETWORK, IMAGE, SSH_KEY"):
        render(TemplateFolders(FOLDER).load(name), a_template(name))
