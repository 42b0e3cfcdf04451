"""Whether anything of anybody stands on a cluster that is to be deleted, and who is peered with it."""

from services.act.core.cordons import virtual_nodes_of
from services.act.core.live import CLUSTER_LABEL
from services.act.core.objects import (
    FOREIGN_CLUSTER,
    POD,
    Kind,
    Query,
    Read,
    Ref,
    dig,
    name_of,
)
from services.act.core.remains import names_of, pods_on
from services.act.core.seen import Grounds, Seen
from shared.model.names import ClusterName

VIRTUAL_NODE = Kind(
    group="offloading.liqo.io", version="v1beta1", name="VirtualNode", plural="virtualnodes"
)
RESOURCE_SLICE = Kind(
    group="authentication.liqo.io", version="v1beta1", name="ResourceSlice", plural="resourceslices"
)
