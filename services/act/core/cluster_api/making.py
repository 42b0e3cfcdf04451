"""What a cluster is to be made from, and what is there of it."""

from dataclasses import dataclass

from services.act.core.cluster_api.coming import Coming
from services.act.core.cluster_api.faults import faults_of
from services.act.core.cluster_api.kinds import CLUSTER, CLUSTER_NAME, MACHINE
from services.act.core.cluster_api.manifests import (
    cluster_of,
    control_plane_of,
    in_order,
    ref_of,
)
from services.act.core.live import virtual_nodes_of
from services.act.core.objects import (
    DECISION,
    SECRET,
    Manner,
    Object,
    Query,
    Read,
    Ref,
    Write,
    dig,
    is_going,
    name_of,
)
from services.act.core.seen import Grounds, Seen
from services.act.core.site import ClusterTemplate, template_of
from shared.model.names import DecisionId
from shared.model.plan import CreateCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is asked for, and what is there of it."""

    template: ClusterTemplate
    decision: DecisionId
    there: tuple[tuple[Ref, Object], ...]
    """In the order they are applied."""
    coming: Coming
    used_by: str = ""
    """The virtual node that makes it take pods already; empty: there is none."""

    @property
    def manifests(self) -> tuple[Object, ...]:
        """Return what is asked for, in the order it is applied."""
        return self.coming.manifests

    @property
    def cluster(self) -> Object | None:
        """Return the Cluster, or None: there is none."""
        return self.coming.cluster or None

    def is_ours(self, obj: Object) -> bool:
        """Tell whether this decision made an object."""
        return (dig(obj, "metadata", "annotations") or {}).get(DECISION) == self.decision

    def ours(self) -> tuple[tuple[Ref, Object], ...]:
        """Return what this decision made, the last first."""
        return tuple((ref, obj) for ref, obj in reversed(self.there) if self.is_ours(obj))

    def missing(self) -> Object | None:
        """Return the first manifest that does not stand yet, or None."""
        there = {ref for ref, _ in self.there}
        return next((m for m in self.manifests if ref_of(m) not in there), None)

    def foreign(self) -> str:
        """Say what of the same name somebody else made, the Cluster first, or nothing."""
        for ref, obj in sorted(self.there, key=lambda pair: pair[0].kind != CLUSTER):
            if not self.is_ours(obj):
                return f"{ref} is there already, and this decision did not make it"
        return ""

    def taken(self) -> str:
        """Say that somebody took the Cluster away, or nothing."""
        if self.cluster is None:
            return "somebody deleted the Cluster while it was made"
        if is_going(self.cluster):
            return "somebody deletes the Cluster while it is made"
        return ""

    def application(self, manifest: Object) -> Write:
        """Return the write that makes an object, marked with the decision and the cluster."""
        metadata = manifest["metadata"]
        marked = {
            **metadata,
            "annotations": {**metadata.get("annotations", {}), DECISION: str(self.decision)},
            "labels": {**metadata.get("labels", {}), CLUSTER_NAME: str(self.template.site)},
        }
        ref, body = ref_of(manifest), {**manifest, "metadata": marked}
        return Write(ref=ref, manner=Manner.APPLY, body=body, purpose=f"make {ref}")


def why_wrong(action: CreateCluster, grounds: Grounds) -> str:
    """Say why there is nothing fit to be applied, or nothing."""
    if grounds.unrendered:
        return grounds.unrendered
    named = template_of(grounds.sites[action.site]).name
    if named != action.template:
        return f"Site {action.site} names the template {named}, not {action.template}"
    faults = faults_of(grounds.manifests, action.site)
    return f"template {named}: {'; '.join(faults)}" if faults else ""


def reads_of_create(action: CreateCluster, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step: what is to be made, and its machines."""
    if why_wrong(action, grounds):
        return ()
    refs = tuple(ref_of(manifest) for manifest in grounds.manifests)
    namespace = template_of(grounds.sites[action.site]).namespace
    machines = _machines(action, namespace)
    return (*refs, _kubeconfig(action, namespace), machines, virtual_nodes_of(action.site))


def scene_of(action: CreateCluster, seen: Seen, grounds: Grounds, decision: DecisionId) -> Scene:
    """Return what is asked for by a template that is not wrong, and what is there of it."""
    manifests = in_order(grounds.manifests)
    found = {ref: obj for m in manifests if (obj := seen.one(ref := ref_of(m))) is not None}
    template = template_of(grounds.sites[action.site])
    cluster = found.get(ref_of(cluster_of(manifests)))
    control_plane = control_plane_of(manifests)
    coming = Coming(
        manifests=manifests,
        cluster=cluster or {},
        control_plane=found.get(ref_of(control_plane), {}) if control_plane else {},
        kubeconfig=seen.one(_kubeconfig(action, template.namespace)),
        machines=seen.all(_machines(action, template.namespace)),
    )
    return Scene(
        template=template,
        decision=decision,
        there=tuple(found.items()),
        coming=coming,
        used_by=next(map(name_of, seen.all(virtual_nodes_of(action.site))), ""),
    )


def _kubeconfig(action: CreateCluster, namespace: str) -> Ref:
    return Ref(kind=SECRET, namespace=namespace, name=f"{action.site}-kubeconfig")


def _machines(action: CreateCluster, namespace: str) -> Query:
    return Query(kind=MACHINE, namespace=namespace, selector=f"{CLUSTER_NAME}={action.site}")
