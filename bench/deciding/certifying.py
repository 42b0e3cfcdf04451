"""How far a placement is from the best there can be, proved by the exact model."""

import json
import math
import sys
from pathlib import Path

import numpy as np

from bench.deciding.files import PLACEMENT, FileError, body_of, parsed
from services.decide.core.instance import Instance, read_instance
from services.decide.core.instance_checks import InstanceError
from services.decide.core.placing.arrays import NOWHERE, Ints
from services.decide.core.placing.exact.solving import certify, is_small


def print_gap(instance: Path, placement: Path, seconds: float) -> None:
    """Print score, bound and gap as one JSON line. Raises FileError."""
    try:
        problem = read_instance(parsed(instance, body_of(instance)))
    except InstanceError as error:
        raise FileError(f"{instance}: {error}") from error
    if not is_small(problem.arrays):
        raise FileError(f"{instance} is too large for the exact model; try 20 x 200 or less")
    nodes = _nodes(problem, placement)
    exact = certify(problem.arrays, nodes, seconds=seconds)
    gap = exact.gap
    line = {
        "instance": instance.name,
        "score": exact.score,
        "bound": exact.bound,
        "gap": None if math.isinf(gap) else round(gap, 6),
        "optimal": exact.is_optimal,
    }
    sys.stdout.write(json.dumps(line) + "\n")


def _nodes(problem: Instance, file: Path) -> Ints:
    """Return the node of each unit, (R,)."""
    document = parsed(file, body_of(file))
    places = document.get("placement") if isinstance(document, dict) else None
    if not isinstance(places, dict) or document.get("format") != PLACEMENT:
        raise FileError(f'{file} does not say "format": "{PLACEMENT}" with a placement')
    node_at = {name: index for index, name in enumerate(problem.nodes)}
    offsets = problem.arrays.units_of.tolist()
    nodes = np.full(offsets[-1], NOWHERE, np.int32)
    for index, name in enumerate(problem.components):
        standing = places.get(name, [])
        first, count = offsets[index], offsets[index + 1] - offsets[index]
        if not isinstance(standing, list) or len(standing) > count:
            raise FileError(f"{file}: {name} is not a list of at most {count} nodes")
        for at, node in enumerate(standing):
            if node is not None and node not in node_at:
                raise FileError(f"{file}: {name} stands on {node!r}, which does not exist")
            nodes[first + at] = NOWHERE if node is None else node_at[node]
    return nodes
