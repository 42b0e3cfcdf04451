"""What Act knows at this moment. All of it can be learnt again from the bus and Kubernetes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from services.act.core.ledger import keeper_of
from services.act.core.ledger_json import application_of
from services.act.core.objects import Object, Ref, dig, name_of, version_of
from services.act.core.permitting.needs import Need
from services.act.core.telling.double_runs import DoubleRun
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.inventory import is_blind
from shared.messages.outcome import Outcome
from shared.model.names import ApplicationName, ClusterName, FleetName
from shared.runtime.following import Absent, Changed, Fresh, Late, Listed, News

FLEET_LABEL = "crossloop.dev/fleet"


@dataclass(slots=True, kw_only=True)
class Board:
    """The newest of everything, for one fleet. Whoever changes it calls `touch`."""

    fleet: FleetName
    insight: Insight | None = None
    """The newest that saw the fleet: plans and statuses go by it, and not by a blind one."""
    newest: Insight | None = None
    """The newest of all: it tells which incidents go on."""
    control: Control | None = None
    applications: dict[ApplicationName, Object] = field(default_factory=dict)
    sites: dict[ClusterName, Object] = field(default_factory=dict)
    decisions: dict[ApplicationName, Decision] = field(default_factory=dict)
    outcomes: dict[tuple[ApplicationName, ClusterName | None], Outcome] = field(
        default_factory=dict
    )
    """By application; those of the fleet itself by Site too."""
    double_runs: tuple[DoubleRun, ...] = ()
    """Old pods on clusters that were lost and are back."""
    lacking: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    """What Act was not granted, by what it is needed for: a duty, or a kind of action."""
    recalled: bool = False
    """Whether what an earlier Act knew was learnt again from the bus."""
    checked: bool = True
    """Whether that is known; false until the first check, where there is one."""
    listed: bool = False
    """Whether the applications were listed at all."""
    sites_listed: bool = False
    """Whether the Sites were, or it is known that they are not ours to read."""
    version: int = 0
    _writing: dict[Ref, asyncio.Lock] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_paused(self) -> bool:
        """Tell whether a person stopped the loop."""
        return self.control is not None and self.control.paused

    @property
    def paused_by(self) -> str:
        """Return who stopped the loop; empty while it runs."""
        control = self.control
        return (control.by or "somebody") if control is not None and control.paused else ""

    @property
    def is_informed(self) -> bool:
        """Tell whether an insight saw the fleet, and applications and Sites are listed."""
        return self.insight is not None and self.listed and self.sites_listed

    @property
    def home(self) -> ClusterName:
        """Return the management cluster's name; empty where no Site is home."""
        clusters = self.insight.fleet.clusters if self.insight else ()
        return next((c.name for c in clusters if c.site.home), ClusterName(""))

    def writing(self, keeper: Ref) -> asyncio.Lock:
        """Return what keeps our own writes to one Application or Site from conflicting."""
        return self._writing.setdefault(keeper, asyncio.Lock())

    def touch(self) -> None:
        """Wake everybody who waits for a change."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, since: int) -> int:
        """Wait until the version is another one, and return it."""
        while self.version == since:
            await self._changed.wait()
        return self.version

    async def informed(self) -> Insight:
        """Wait until an insight saw the fleet, and applications and Sites are listed."""
        while self.insight is None or not self.is_informed:
            await self.changed(self.version)
        return self.insight

    async def permitted(self) -> Insight:
        """Wait until it is informed, and known what Act may do."""
        while not self.checked:
            await self.changed(self.version)
        return await self.informed()

    def learn(self, insight: Insight | None) -> None:
        """Take in the newest insight. One without eyes changes nothing but the incidents."""
        self.newest = insight
        if insight is not None and not is_blind(insight.kinds):
            self.insight = insight
        self.touch()

    async def begun(self) -> Insight:
        """Wait until there is an insight, be it a blind one."""
        while self.newest is None:
            await self.changed(self.version)
        return self.newest

    def hear(self, news: News) -> None:
        """Take in what was said about applications; those of other fleets are left out."""
        match news:
            case Listed():
                ours = filter(self._is_ours, news.objects)
                self.applications = {application_of(obj): obj for obj in ours}
                self.listed = True
            case Changed() if news.gone or not self._is_ours(news.object):
                self.applications.pop(application_of(news.object), None)
            case Changed():
                self._put(news.object)
            case Fresh() | Late() | Absent():
                return
            case _:
                assert_never(news)
        self.touch()

    def hear_of_sites(self, news: News) -> None:
        """Take in what was said about Sites; those of other fleets are left out."""
        match news:
            case Listed():
                ours = filter(self._is_ours, news.objects)
                self.sites = {ClusterName(name_of(obj)): obj for obj in ours}
                self.sites_listed = True
            case Changed() if news.gone or not self._is_ours(news.object):
                self.sites.pop(ClusterName(name_of(news.object)), None)
            case Changed():
                self._put(news.object)
            case Absent():
                self.sites_listed = True
            case Fresh() | Late():
                return
            case _:
                assert_never(news)
        self.touch()

    def put(self, obj: Object) -> None:
        """Take in an Application or Site as the API server returned it after a write."""
        self._put(obj)
        self.touch()

    def keepers(self) -> dict[Ref, Object]:
        """Return all objects that may hold a ledger."""
        everything = [*self.applications.values(), *self.sites.values()]
        return {keeper_of(obj): obj for obj in everything}

    def kept_by(self, keeper: Ref) -> Object | None:
        """Return the object that holds a ledger, as it was last heard of."""
        if keeper.namespace:
            name = ApplicationName(f"{keeper.namespace}/{keeper.name}")
            return self.applications.get(name)
        return self.sites.get(ClusterName(keeper.name))

    def remember(self, decision: Decision) -> None:
        """Keep the newest decision of an application."""
        known = self.decisions.get(decision.application)
        if known is None or known.cycle <= decision.cycle:
            self.decisions[decision.application] = decision
            self.touch()

    def note(self, outcome: Outcome) -> None:
        """Keep the newest outcome of an application."""
        key = (outcome.application, outcome.site)
        known = self.outcomes.get(key)
        if known is None or known.cycle <= outcome.cycle:
            self.outcomes[key] = outcome
            self.touch()

    def _put(self, obj: Object) -> None:
        """Keep the newer one: a watch may still tell what was before our own write."""
        known = self.kept_by(keeper_of(obj))
        versions = version_of(known), version_of(obj)
        if all(v.isdigit() for v in versions) and int(versions[1]) < int(versions[0]):
            return
        if dig(obj, "metadata", "namespace"):
            self.applications[application_of(obj)] = obj
        else:
            self.sites[ClusterName(name_of(obj))] = obj

    def _is_ours(self, obj: Object) -> bool:
        return (dig(obj, "metadata", "labels", FLEET_LABEL) or "default") == self.fleet
