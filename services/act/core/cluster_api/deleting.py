"""How a cluster is deleted, from its objects as they stand: the Cluster alone, once it is empty."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.act.core.cluster_api.conditions import is_deleting, said
from services.act.core.cluster_api.remains import leftovers, reads_of_remains, standing
from services.act.core.cluster_api.kinds import CLUSTER, CLUSTER_NAME, MACHINE
from services.act.core.cluster_api.removal import (
    DELETED,
    has_reached,
    last_change,
    next_of_leftovers,
    reach,
    removal,
)
from services.act.core.ledger import Entry
from services.act.core.objects import (
    Manner,
    Object,
    Query,
    Read,
    Ref,
    Write,
    dig,
    name_of,
    version_of,
)
from services.act.core.seen import Grounds, Seen
from services.act.core.site import template_of
from services.act.core.steps import Context, Next, Progress, Step, Wait, began, ended, goes_back
from shared.errors import PermanentError
from shared.messages.outcome import Status
from shared.model.plan import DeleteCluster
