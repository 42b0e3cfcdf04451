"""The smallest changes with which the answer would be another one: how sure a decision is.

Where the answer turns is worked out from the limits of the placements weighed: a link's latency
from what is left of a group's budget or a flow's limit, cores from the copies without a node, money
from the difference to the next best. A turning point is told only where the search itself, run on
the problem with the change made, gives another answer just beyond it and the same just before it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from services.decide.core import explain
from services.decide.core.guesses import Guess, guesses_of
from services.decide.core.plan import action_of
from services.decide.core.problem import Problem
from services.decide.core.search import Found
from shared.messages.decision import TurningPoint
from shared.model.plan import describe

MOST_POINTS = 4
MOST_SEARCHES = 2 * MOST_POINTS
"""Each point takes two."""
JUST = 1e-3
"""So far beyond a turning point, relative to it, another answer is looked for; before it, none."""
