"""A guess where the answer turns, still to be proven by the search."""

from collections.abc import Callable
from dataclasses import dataclass

from services.decide.core.objective import DIGITS
from services.decide.core.problem import Problem
from services.decide.core.search import Found, Weighed
from shared.messages.decision import Lever, TurningPoint

JUST = 1e-3
"""So far beyond a turning point, relative to it, the answer is another one; before it, it is not.
"""
MOST_WEIGHED = 20
"""So many of the best candidates are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """An amount of change of one thing with which the answer may become another one."""

    lever: Lever
    name: str
    amount: float
    """Signed, in the unit that ends the lever's name."""
    of: float
    """What there is of it now."""
    changed: Callable[[float], Problem]
    """Makes the problem with so much more of it."""
    beside: str = ""
    """What has to come with it, in words."""

    @property
    def kind(self) -> tuple[Lever, bool]:
        """Return the lever and whether there is more of it."""
        return self.lever, self.amount > 0

    @property
    def order(self) -> tuple[float, str, str]:
        """Return the size of the change, relative to what there is; ties go by name."""
        return abs(self.amount) / self.of, self.lever, self.name

    @property
    def beyond(self) -> Problem:
        """Return the problem with a little more than the change."""
        return self.changed(self.amount * (1.0 + JUST))

    @property
    def before(self) -> Problem:
        """Return the problem with a little less than the change."""
        return self.changed(self.amount * (1.0 - JUST))

    def told(self, answer: str) -> TurningPoint:
        """Return it as it is told once it is proven."""
        beside = f", with {self.beside} beside them" if self.beside else ""
        amount = round(self.amount, DIGITS)
        return TurningPoint(
            lever=self.lever, name=self.name, amount=amount, answer=f"{answer}{beside}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search answered, with the best that it turned down."""

    found: Found
    open: tuple[Weighed, ...]
    """To which nobody objects, best first."""
    cramped: tuple[Weighed, ...]
    """For which there is no room, best first."""
