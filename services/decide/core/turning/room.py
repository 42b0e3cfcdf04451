"""Where the answer turns with the cores of a cluster."""

from collections.abc import Iterator
from functools import partial

from services.decide.core.headroom import Headroom, put
from services.decide.core.problem import Problem
from services.decide.core.search import Weighed, is_repair, is_saving
from services.decide.core.turning.guess import Answer, Guess
from services.decide.core.turning.levers import with_node
from shared.messages.decision import Lever
from shared.model.resources import Resources


def room_guesses(problem: Problem, answer: Answer) -> Iterator[Guess]:
    """Yield the node that would hold the copies for which a better candidate finds no room."""
    for weighed in answer.cramped:
        if _would_win(problem, answer, weighed):
            yield from _guess(problem, weighed)


def _would_win(problem: Problem, answer: Answer, weighed: Weighed) -> bool:
    found = answer.found
    if found.steps:
        return weighed.score < found.steps[0].score
    before, score = found.before, weighed.score
    return is_repair(problem, before, score) or is_saving(problem, before, score)


def _guess(problem: Problem, weighed: Weighed) -> Iterator[Guess]:
    candidate, standing = weighed.candidate, weighed.after.standing
    request = problem.components[candidate.component].component.requests
    name, left = candidate.cluster, standing.rooms[candidate.cluster]
    without_node = sum(n for cluster, n in standing.homeless if cluster == name)
    _, on_nodes = put(Headroom(nodes=left.nodes), request, without_node)
    node = request * on_nodes
    cores = max(node.cpu_cores, without_node * request.cpu_cores - left.cores_left)
    free = sum(room.cpu_cores for room in problem.clusters[name].headroom.nodes)
    if cores > 0:
        yield Guess(
            lever=Lever.CLUSTER_CORES,
            name=name,
            amount=cores,
            of=max(free, cores),
            changed=partial(with_node, problem, name, node),
            beside=_beside(node, left),
        )


def _beside(node: Resources, left: Headroom) -> str:
    """Say what is short beside the cores, or rather than them."""
    lacks = [
        (f"{node.gpus:g} GPUs", node.gpus > max((n.gpus for n in left.nodes), default=0.0)),
        (
            f"{node.memory_bytes / 2**30:.1f} GiB",
            node.memory_bytes > max((n.memory_bytes for n in left.nodes), default=0.0),
        ),
    ]
    return " and ".join(words for words, is_short in lacks if is_short)
