"""The check of Act's own permissions: at the start, now and then, and when a call was denied."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from services.act import telemetry
from services.act.board import Board
from services.act.core.permitting.needs import Need, all_needs
from services.act.grounding import Ground
from services.act.ports import AccessReview
from shared.errors import PermanentError, TransientError

CHECK_SECONDS = 600.0
"""How often the permissions are asked for when nothing speaks for a change."""
PAUSE_SECONDS = 60.0
"""Least time between two checks, while something lacks or a call was denied."""
AGAIN_SECONDS = 1.0
"""Pause before a check is tried again that the API server did not answer."""
AT_ONCE = 8
"""Permissions asked for together."""


@asynccontextmanager
async def checking(access: AccessReview, board: Board, ground: Ground) -> AsyncIterator[None]:
    """Keep on the board what Act may not do, as long as the block lasts.

    Until the first check is through nothing is begun.
    """
    board.checked = False
    async with asyncio.TaskGroup() as group:
        task = group.create_task(SelfCheck(access=access, board=board, ground=ground).run())
        yield
        task.cancel()


@dataclass(slots=True, kw_only=True)
class SelfCheck:
    """Keeps on the board what Act may not do. Whatever does not need it goes on."""

    access: AccessReview
    board: Board
    ground: Ground

    async def run(self) -> None:
        """Check again and again, for ever; at first without Sites: they may not be ours to read."""
        while True:
            is_informed = self.board.is_informed
            try:
                await self.check()
            except (TransientError, PermanentError) as error:
                telemetry.check_postponed(str(error))
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if is_informed:
                await self._rest()
            else:
                await self._until_informed()

    async def check(self) -> None:
        """Ask for everything that is needed, tell what changed, and keep what lacks."""
        needs, is_informed = self._needs(), self.board.is_informed
        granted = await self._ask({need for of_one in needs.values() for need in of_one})
        lacking = {
            purpose: tuple(need for need in sorted(of_one) if not granted[need])
            for purpose, of_one in needs.items()
        }
        self._tell(lacking)
        self.board.lacking = {purpose: lacks for purpose, lacks in lacking.items() if lacks}
        self.board.checked = is_informed
        self.board.touch()

    async def _ask(self, needs: Iterable[Need]) -> dict[Need, bool]:
        """Return which of the needs are granted."""
        asked, places = sorted(needs), asyncio.Semaphore(AT_ONCE)

        async def ask(need: Need) -> bool:
            async with places:
                return await self.access.may(need)

        return dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))

    def _tell(self, lacking: Mapping[str, tuple[Need, ...]]) -> None:
        """Tell of each purpose for which something else lacks than at the last check."""
        for purpose, lacks in sorted(lacking.items()):
            telemetry.permissions_counted(purpose, len(lacks))
            if lacks != self.board.lacking.get(purpose, ()):
                telemetry.permissions_changed(purpose, [str(need) for need in lacks])

    async def _until_informed(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await self.board.informed()

    async def _rest(self) -> None:
        """Wait until it is time: soon where something lacks, is denied, or is needed anew."""
        needs, denials = self._needs(), self.access.denials
        for _ in range(round(CHECK_SECONDS / PAUSE_SECONDS)):
            await asyncio.sleep(PAUSE_SECONDS)
            if self.board.lacking or self.access.denials != denials or self._needs() != needs:
                return

    def _needs(self) -> Mapping[str, frozenset[Need]]:
        return all_needs(self.ground.land(self.board))
