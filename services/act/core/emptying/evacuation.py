"""How a cluster is emptied, from its virtual nodes and the plans of the applications."""

from services.act.core.emptying.cordons import Cordon, cordon, is_cordoned, read_cordon
from services.act.core.emptying.handover import is_overdue, next_of_parts, parts_of
from services.act.core.emptying.remains import Remains, names_of, remains_of
from services.act.core.ledger import Entry
from services.act.core.live import Live, virtual_nodes_of
from services.act.core.objects import FOREIGN_CLUSTER, HOME, Object, Read, Ref, name_of
from services.act.core.pods import pods_on
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import (
    Context,
    Next,
    Progress,
    Step,
    Wait,
    began,
    ended,
    serves,
)
from shared.messages.outcome import Status
from shared.model.plan import Evacuate


def reads_of_evacuate(action: Evacuate, _grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step."""
    peer = Ref(kind=FOREIGN_CLUSTER, name=action.cluster)
    return (virtual_nodes_of(action.cluster), peer)


def further_reads_of_evacuate(action: Evacuate, seen: Seen) -> tuple[Read, ...]:
    """Return what has to be looked at besides, once the virtual nodes are known: their pods."""
    return tuple(map(pods_on, seen.all(virtual_nodes_of(action.cluster))))


def next_of_evacuate(
    action: Evacuate, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next: cordon, hand each application its moves, and prove all is gone.

    The marks on the nodes tell what is cordoned, the ledgers of the applications what was handed
    over, and the pods that are bound there what is left. Nothing of it is taken back: each move
    proves itself, and the cordon stays until a person lifts it.
    """
    nodes = seen.all(virtual_nodes_of(action.cluster))
    if entry.status is Status.PENDING:
        return _begin(action, entry, nodes, grounds, context)
    for node in nodes:
        mark = read_cordon(node)
        is_ours = mark is not None and mark.by == context.decision
        if is_ours and not is_cordoned(node):
            return _stopped(entry, f"somebody uncordoned {name_of(node)}", context)
        if not is_cordoned(node) or (mark is not None and not is_ours):
            ours = Cordon(by=context.decision, reason=f"{action.cluster} is evacuated")
            return Step(write=cordon(node, ours))
    remains = remains_of(pod for node in nodes for pod in seen.all(pods_on(node)))
    following = next_of_parts(entry, parts_of(action, grounds, remains), context)
    return following or _conclude(action, entry, remains, _why_lost(action, seen), context)


def _begin(
    action: Evacuate,
    entry: Entry,
    nodes: tuple[Object, ...],
    grounds: Grounds,
    context: Context,
) -> Next:
    refusal = ""
    if action.cluster == grounds.home:
        refusal = f"{action.cluster} is the management cluster: it has no virtual node to cordon"
    elif not nodes:
        refusal = f"{action.cluster} has no virtual node: nothing can stand on it"
    elif context.now > context.deadline_at:
        refusal = "its deadline has passed"
    if refusal:
        return ended(entry, Status.REFUSED, context.now, refusal)
    return began(entry, context.now)


def _why_lost(action: Evacuate, seen: Seen) -> str:
    """Say why the cluster cannot end its pods now, or nothing."""
    peer = seen.one(Ref(kind=FOREIGN_CLUSTER, name=action.cluster))
    nodes = seen.all(virtual_nodes_of(action.cluster))
    peers = () if peer is None else (peer,)
    return Live(home=HOME, nodes=nodes, foreign_clusters=peers).why_lost(action.cluster)


def _conclude(
    action: Evacuate, entry: Entry, remains: Remains, lost: str, context: Context
) -> Next:
    """End it by what is bound to the virtual nodes, now that no part is under way."""
    standing, going = remains.standing, remains.going
    if standing:
        told = f"{len(standing)} pods still stand on {action.cluster}: {names_of(standing)}"
        return _stopped(entry, told, context)
    if entry.serving_at is None:
        return serves(entry, context.now)
    if going and not lost:
        told = f"{len(going)} pods on {action.cluster} do not go away: {names_of(going)}"
        overdue = is_overdue(entry, context, 2)
        return _stopped(entry, told, context) if overdue else Wait(reason=told)
    told = f"{action.cluster} stays cordoned until somebody runs kubectl uncordon"
    if remains.daemons:
        told += f"; {len(remains.daemons)} pods of DaemonSets stay there"
    if going:
        told += f"; {len(going)} pods stay Terminating, and may run there: {lost}"
    return ended(entry, Status.SUCCEEDED, context.now, told)


def _stopped(entry: Entry, reason: str, context: Context) -> Progress:
    """End it halfway. What was moved stays where it is, and so does a cordon."""
    advice = "what was moved stays moved; order it again, or let pods back by kubectl uncordon"
    return ended(entry, Status.FAILED, context.now, f"{reason}; {advice}")
