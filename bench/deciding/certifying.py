"""How far a placement is from the best there can be, proved by the exact model."""

import gzip
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from services.decide.core.instance import Instance, read_instance
from services.decide.core.instance_checks import InstanceError
from services.decide.core.placing.arrays import NOWHERE, Ints
from services.decide.core.placing.exact.solving import certify, is_small

FORMAT = "decide-placement/1"


class CertifyError(Exception):
    """What is wrong with the files, in a sentence."""


def print_gap(instance: Path, placement: Path, seconds: float) -> None:
    """Print score, bound and gap as one JSON line. Raises CertifyError."""
    try:
        problem = read_instance(_document(instance))
    except InstanceError as error:
        raise CertifyError(f"{instance}: {error}") from error
    if not is_small(problem.arrays):
        raise CertifyError(f"{instance} is too large for the exact model; try 20 x 200 or less")
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


def _document(file: Path) -> Any:
    try:
        body = file.read_bytes()
        return json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    except (OSError, EOFError) as error:
        raise CertifyError(f"{file}: {error}") from error
    except ValueError as error:
        raise CertifyError(f"{file} is not JSON: {error}") from error


def _nodes(problem: Instance, file: Path) -> Ints:
    """Return the node of each unit, (R,)."""
    document = _document(file)
    places = document.get("placement") if isinstance(document, dict) else None
    if not isinstance(places, dict) or document.get("format") != FORMAT:
        raise CertifyError(f'{file} does not say "format": "{FORMAT}" with a placement')
    node_at = {name: index for index, name in enumerate(problem.nodes)}
    offsets = problem.arrays.units_of.tolist()
    nodes = np.full(offsets[-1], NOWHERE, np.int32)
    for index, name in enumerate(problem.components):
        standing = places.get(name, [])
        first, count = offsets[index], offsets[index + 1] - offsets[index]
        if not isinstance(standing, list) or len(standing) > count:
            raise CertifyError(f"{file}: {name} is not a list of at most {count} nodes")
        for at, node in enumerate(standing):
            if node is not None and node not in node_at:
                raise CertifyError(f"{file}: {name} stands on {node!r}, which does not exist")
            nodes[first + at] = NOWHERE if node is None else node_at[node]
    return nodes
