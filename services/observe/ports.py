"""What Observe needs from the world."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from services.observe.core.answers import Answers, Question
from services.observe.core.reader import Listed


class MetricsSource(Protocol):
    """Answers PromQL over all clusters."""

    async def ask(
        self, questions: Iterable[Question], *, at: datetime, within: timedelta
    ) -> Answers:
        """Ask all questions as of one instant, and return what came `within` that time.

        Never raises for what the source does: a question without an answer says why.
        """
        ...


class InventorySource(Protocol):
    """Knows the objects of the management cluster, kept up to date by watching."""

    async def synced(self, *, within: timedelta) -> bool:
        """Wait until each kind was listed, or found not to be installed; False: not `within`."""
        ...

    def lists(self) -> tuple[Listed, ...]:
        """Return the objects of every kind as they are known now, and how far to believe them."""
        ...
