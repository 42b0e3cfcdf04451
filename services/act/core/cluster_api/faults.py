"""What is wrong or unwise in the manifests of a cluster, found before any of them is applied."""

import re
from collections.abc import Iterator

from services.act.core.cluster_api.kinds import (
    ADDONS,
    BOOTSTRAP,
    CONTROL_PLANE,
    FEWEST,
    GROUP,
    INFRASTRUCTURE,
    MOST,
    VERSION,
)
from services.act.core.cluster_api.manifests import (
    group_of,
    is_a,
    nodes_of,
    ref_of,
    told_as,
    workers_of,
)
from services.act.core.cluster_api.references import wrong_references
from services.act.core.objects import Object, Ref, dig, name_of
from services.act.core.site import ClusterTemplate
from shared.model.names import ClusterName

OWN_GROUPS = (GROUP, CONTROL_PLANE, BOOTSTRAP)
"""Groups that Act speaks in one version only. The infrastructure's depends on its provider."""
GROUPS = (*OWN_GROUPS, INFRASTRUCTURE, ADDONS)
"""What a cluster is made from. Secrets with credentials are there before it, and outlive it."""
_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+].*)?")
_K_THREES = re.compile(r"v?\d+\.\d+\.\d+(-[^+]*)?\+k3s\d+")


def faults_of(manifests: tuple[Object, ...], site: ClusterName) -> tuple[str, ...]:
    """Return what is wrong with a Site's manifests, each as a sentence."""
    unfit = tuple(_unfit(manifests))
    return unfit or (
        *_wrong_cluster(manifests, site),
        *wrong_references(manifests),
        *_wrong_names(manifests, site),
        *_wrong_versions(manifests),
        *_wrong_workers(manifests),
    )


def warnings_of(manifests: tuple[Object, ...], template: ClusterTemplate) -> tuple[str, ...]:
    """Return what is unwise in the manifests, each as a sentence."""
    return tuple(_unwise(manifests, template))


def _unfit(manifests: tuple[Object, ...]) -> Iterator[str]:
    """Yield which manifests are none, or are not for a cluster."""
    seen: set[Ref] = set()
    for manifest in manifests:
        told = told_as(manifest)
        if not (manifest.get("apiVersion") and manifest.get("kind") and name_of(manifest)):
            yield f"{told} lacks one of apiVersion, kind and metadata.name"
            continue
        group, _, version = str(manifest["apiVersion"]).rpartition("/")
        if group not in GROUPS:
            yield f"{told} of {manifest['apiVersion']} is nothing a cluster is made from"
        if group in OWN_GROUPS and version != VERSION:
            yield f"{told} is {manifest['apiVersion']}: write it as {group}/{VERSION}"
        if ref_of(manifest) in seen:
            yield f"{told} is there twice"
        seen.add(ref_of(manifest))


def _wrong_cluster(manifests: tuple[Object, ...], site: ClusterName) -> Iterator[str]:
    clusters = [m for m in manifests if is_a(m, "Cluster")]
    if len(clusters) != 1:
        yield f"there are {len(clusters)} Clusters: a template makes exactly one"
    for cluster in clusters:
        if name_of(cluster) != site:
            yield f"{told_as(cluster)} is not called as its Site, {site}: write ${{CLUSTER_NAME}}"


def _wrong_names(manifests: tuple[Object, ...], site: ClusterName) -> Iterator[str]:
    """Yield what belongs to another cluster."""
    for manifest in manifests:
        for path in (("spec", "clusterName"), ("spec", "template", "spec", "clusterName")):
            named = dig(manifest, *path)
            if group_of(manifest) == GROUP and named is not None and named != site:
                yield f"{told_as(manifest)}: {'.'.join(path)} is {named}, not {site}"


def _wrong_versions(manifests: tuple[Object, ...]) -> Iterator[str]:
    """Yield versions of Kubernetes that no machine can have."""
    for manifest in manifests:
        if group_of(manifest) == CONTROL_PLANE:
            path: tuple[str, ...] = ("spec", "version")
            kind = str(manifest["kind"])
        elif is_a(manifest, "MachineDeployment"):
            template = dig(manifest, "spec", "template", "spec")
            path = ("spec", "template", "spec", "version")
            kind = str(dig(template, "bootstrap", "configRef", "kind"))
        else:
            continue
        version = dig(manifest, *path)
        if kind.startswith("KThrees") and not _K_THREES.fullmatch(str(version)):
            yield f"{told_as(manifest)}: version {version} must end in +k3s and a number"
        elif version is not None and not _VERSION.fullmatch(str(version)):
            yield f"{told_as(manifest)}: version {version} must be like v1.35.0"


def _wrong_workers(manifests: tuple[Object, ...]) -> Iterator[str]:
    for workers in workers_of(manifests):
        if dig(workers, "spec", "replicas") is None:
            yield f"{told_as(workers)} has no spec.replicas: write ${{WORKER_MACHINE_COUNT}}"
        labels = dig(workers, "spec", "template", "metadata", "labels") or {}
        wanted = dig(workers, "spec", "selector", "matchLabels") or {}
        if not wanted.items() <= labels.items():
            yield f"{told_as(workers)}: its selector does not match the labels of its template"


def _unwise(manifests: tuple[Object, ...], template: ClusterTemplate) -> Iterator[str]:
    for workers in workers_of(manifests):
        if not {FEWEST, MOST} <= (dig(workers, "metadata", "annotations") or {}).keys():
            yield (
                f"{told_as(workers)} lacks the annotations of the autoscaler's least and greatest "
                "size: whoever applies it without replicas sets it to one"
            )
        if not dig(workers, "spec", "template", "spec", "deletion", "nodeDrainTimeoutSeconds"):
            yield (
                f"{told_as(workers)} has no deletion.nodeDrainTimeoutSeconds: a node that cannot "
                "be drained then never goes"
            )
    made = nodes_of(manifests)[1]
    if made != template.nodes:
        yield f"the template makes {made} workers, and Site {template.site} says {template.nodes}"
