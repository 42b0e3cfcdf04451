"""Cordon what Liqo no longer reaches, lift that again, and watch for double runs."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.act import telemetry
from services.act.board import Board
from services.act.core.emptying.cordons import REFLEX, is_virtual, provider_of
from services.act.core.emptying.reflex import (
    Sign,
    begins,
    is_to_be_watched,
    lifted,
    next_of_node,
    next_sign,
    unseen,
)
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import (
    FOREIGN_CLUSTER,
    NODE,
    Kind,
    Object,
    Write,
    dig,
    name_of,
    version_of,
)
from services.act.core.pods import pods_on
from services.act.core.telling.double_runs import DoubleRun, double_runs, together
from services.act.ports import ClusterApi
from shared.errors import PermanentError, TransientError
from shared.model.application import Autonomy
from shared.model.plan import Evacuate
from shared.runtime.clock import Clock
from shared.runtime.following import Absent, Changed, Fresh, Late, Listed, News

WATCH_EVERY = timedelta(seconds=2)
"""How often the pods of a cluster are looked at while old ones may run there."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Cordoning:
    """Keeps the virtual nodes and Liqo's view of their providers, and acts on what they show.

    It remembers when it saw what. That a cordon is its own stands on the node itself.
    """

    api: ClusterApi
    board: Board
    now: Clock
    _known: dict[Kind, dict[str, Object]] = field(
        default_factory=lambda: {NODE: {}, FOREIGN_CLUSTER: {}}
    )
    _late: set[Kind] = field(default_factory=set)
    _signs: dict[str, Sign] = field(default_factory=dict)
    _watched: dict[str, datetime] = field(default_factory=dict)
    _runs: dict[str, tuple[DoubleRun, ...]] = field(default_factory=dict)
    """By node: what still runs there that also runs elsewhere."""
    _denied: dict[str, str] = field(default_factory=dict)
    """By node: the version of it for which a write was refused for good."""
    _problem: str = ""
    """What was told last of why a call failed."""

    async def run(self, interval_seconds: float) -> None:
        """Look at all nodes again and again, for ever. Where all is well, nothing is asked."""
        await self.board.informed()
        async with asyncio.TaskGroup() as group:
            for kind in self._known:
                group.create_task(self._follow(kind))
            while True:
                await self.look()
                await asyncio.sleep(interval_seconds)

    async def _follow(self, kind: Kind) -> None:
        async for news in self.api.follow(kind):
            self.hear(kind, news)

    def hear(self, kind: Kind, news: News) -> None:
        """Take in what was said about nodes or ForeignClusters."""
        known = self._known[kind]
        match news:
            case Listed():
                known.clear()
                known.update({name_of(obj): obj for obj in news.objects if _counts(kind, obj)})
            case Changed() if news.gone:
                known.pop(name_of(news.object), None)
            case Changed() if _counts(kind, news.object):
                known[name_of(news.object)] = news.object
            case Late() | Absent():
                self._late.add(kind)
            case Fresh():
                self._late.discard(kind)
            case _:
                pass

    async def look(self) -> None:
        """Take one look at each node, and make at most one call. What fails is tried again."""
        now = self.now()
        if self._late:
            self._signs = {name: unseen(sign) for name, sign in self._signs.items()}
            return
        nodes = self._nodes()
        self._signs = {name: self._sign(node, now) for name, node in nodes.items()}
        for name in self._runs.keys() - nodes.keys():
            self._keep(name, ())
        writes = ((node, self._next_of(node, now)) for node in nodes.values())
        due = next(((node, write) for node, write in writes if write is not None), None)
        try:
            await (self._watch(nodes, now) if due is None else self._write(*due))
        except (TransientError, PermanentError) as error:
            if self._problem != str(error):
                telemetry.step_postponed(str(error))
            self._problem = str(error)
        else:
            self._problem = ""

    def _nodes(self) -> dict[str, Object]:
        """Return the virtual nodes of this fleet's clusters."""
        known = sorted(self._known[NODE].items())
        return {name: node for name, node in known if provider_of(node) in self.board.sites}

    def _sign(self, node: Object, now: datetime) -> Sign:
        peer = self._known[FOREIGN_CLUSTER].get(provider_of(node))
        return next_sign(self._signs.get(name_of(node)), node, peer, now)

    def _next_of(self, node: Object, now: datetime) -> Write | None:
        """Return what a node needs now; nothing where it is not for the reflex to do."""
        write = next_of_node(node, self._signs[name_of(node)], now)
        if write is None or not self._is_free(node):
            return None
        return write if self._has_auto() or not begins(write) else None

    def _is_free(self, node: Object) -> bool:
        """Tell whether the reflex may write to a node: not while paused, or during an order."""
        if self.board.is_paused or self._denied.get(name_of(node)) == version_of(node):
            return False
        try:
            ledger = read_ledger(self.board.sites[provider_of(node)])
        except PermanentError:
            return True
        if ledger is None or not ledger.is_under_way:
            return True
        return not any(isinstance(entry.action, Evacuate) for entry in ledger.entries)

    def _has_auto(self) -> bool:
        """Tell whether the loop may act on anything of its own accord."""
        applications = self.board.applications.values()
        return any(dig(obj, "spec", "autonomy") == Autonomy.AUTO for obj in applications)

    async def _watch(self, nodes: dict[str, Object], now: datetime) -> None:
        """Look at the pods of the node that was not looked at for longest, where it is due."""
        due = [
            (self._watched.get(name, _NEVER), name)
            for name, node in nodes.items()
            if is_to_be_watched(node, self._signs[name], now)
        ]
        at, name = min(due, default=(now, ""))
        if now - at < WATCH_EVERY:
            return
        self._watched[name] = now
        node = nodes[name]
        pods = await self.api.list(pods_on(node))
        before = self._runs.get(name, ())
        runs = double_runs(provider_of(node), pods, self.board.applications, before=before, now=now)
        self._keep(name, runs)
        if runs:
            return
        write = lifted(node, self._signs[name], now)
        self._signs[name] = replace(self._signs[name], unsettled=False)
        if write is not None and self._is_free(node):
            await self._write(node, write)

    def _keep(self, node: str, runs: tuple[DoubleRun, ...]) -> None:
        """Put the double runs on the board, for the alerts."""
        self._runs[node] = runs
        told = together(run for of_node in self._runs.values() for run in of_node)
        if told != self.board.double_runs:
            self.board.double_runs = told
            self.board.touch()

    async def _write(self, node: Object, write: Write) -> None:
        """Change a node. One that is denied for good is let be until it changes."""
        name = name_of(node)
        try:
            self._known[NODE][name] = await self.api.write(write)
        except PermanentError:
            self._denied[name] = version_of(node)
            raise
        telemetry.step_taken(REFLEX, write)


def _counts(kind: Kind, obj: Object) -> bool:
    """Tell whether an object matters: of the nodes, the virtual ones."""
    return kind == FOREIGN_CLUSTER or is_virtual(obj)
