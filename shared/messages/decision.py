"""What should change, and why: Decide's message to Act and to people."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.messages.insight import Hop
from shared.model.application import Autonomy
from shared.model.names import ApplicationName, CycleId, DecisionId, FleetName, GroupName
from shared.model.plan import Action, Plan


class Verdict(StrEnum):
    """Whether anything should change."""

    ACT = "act"
    HOLD = "hold"


class Reason(StrEnum):
    """Why a decision holds, acts, or turned a candidate down."""

    QUALITY_RESTORED = "quality_restored"
    """Act: a user group comes back within its budget."""
    CLUSTER_LOST = "cluster_lost"
    """Act: what ran on a lost cluster runs again."""
    REPLICAS_PLACED = "replicas_placed"
    """Act: replicas that stood nowhere run."""
    RULE_KEPT = "rule_kept"
    """Act: what stood where it must not, or in a number that must not be, no longer does."""
    DEMAND = "demand"
    """Act: room or replicas are ready before a forecast demand comes."""
    MONEY_SAVED = "money_saved"
    ORDERED = "ordered"
    """Act: a person asked for it."""
    ALL_WELL = "all_well"
    NO_BETTER = "no_better"
    """Something is wrong, and no allowed move makes it better."""
    NOT_PERSISTENT = "not_persistent"
    NOT_FRESH = "not_fresh"
    """Data the decision needs is late, partial or absent."""
    COOLING_DOWN = "cooling_down"
    IN_FLIGHT = "in_flight"
    MOVE_BUDGET = "move_budget"
    FLEET_BUDGET = "fleet_budget"
    OUTSIDE_WINDOW = "outside_window"
    PAUSED = "paused"
    INVALID = "invalid"
    """The Application has a problem; see its status."""
    RECENTLY_REFUSED = "recently_refused"
    """The same plan was turned down by a person, or did not work, within its cooldown."""
    NO_CAPACITY = "no_capacity"
    PROMISED = "promised"
    """The room is promised to an earlier decision."""
    CLUSTER_NOT_READY = "cluster_not_ready"
    NOT_ALLOWED = "not_allowed"
    """Region, owner or cluster is forbidden for the component."""
    NOT_MOVABLE = "not_movable"
    LEASE_ENDS = "lease_ends"
    """Act: what stands on a cluster leaves it in time. Else: nothing new may come there."""
    OVER_BUDGET = "over_budget"
    """A user group would be out of its budget."""
    BREAKS_FLOW = "breaks_flow"
    """A flow would lose its latency, loss, jitter or bandwidth."""
    NO_LINK = "no_link"
    WORSE = "worse"
    TOO_EARLY = "too_early"
    """It would be ready before it is needed."""
    TOO_SMALL = "too_small"
    """Better, but by less than the margin."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Score:
    """How good a fleet is; smaller is better, compared in this order."""

    hard: int
    """Rules broken that must never be: capacity, pins, clusters not ready."""
    unplaced: int
    """Replicas that stand nowhere."""
    quality: float
    """Weighted violations of budgets, flows, links and gateways."""
    money: float
    """USD over the policy's horizon: resources, energy, traffic, migration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One part of the score that an action changes."""

    name: str
    """As `quality:group:visitors`, `quality:flow:a>b`, `money:traffic`."""
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one action does to the score. Terms of all effects add up to the difference."""

    action: Action
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A candidate, and the reason it was turned down."""

    candidate: Action
    reason: Reason
    detail: str
    """A sentence with the numbers."""
    score: Score | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a user group has now, and should have after the plan. Act proves it."""

    group: GroupName
    budget_ms: float
    before_ms: float | None
    after_ms: float | None
    hops_before: tuple[Hop, ...] = ()
    """In the order of the way; they add up to `before_ms`."""
    hops_after: tuple[Hop, ...] = ()


class Lever(StrEnum):
    """What would have to change for another answer."""

    LINK_LATENCY_MS = "link_latency_ms"
    CLUSTER_CORES = "cluster_cores"
    LATENCY_BUDGET_MS = "latency_budget_ms"
    MONEY_USD = "money_usd"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurningPoint:
    """The smallest change of one thing with which the answer would be another one."""

    lever: Lever
    name: str
    """As `edge-a>edge-b` for a link, a cluster, a user group."""
    amount: float
    """Signed, in the unit that ends the lever's name."""
    answer: str
    """What would be done then, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict for one application, a plan, and the reasons."""

    id: DecisionId
    cycle: CycleId
    fleet: FleetName
    application: ApplicationName
    at: datetime
    deadline_at: datetime
    """Not begun by then, it is refused."""
    verdict: Verdict
    reason: Reason
    detail: str
    """The reason in a sentence, with the numbers."""
    autonomy: Autonomy
    plan: Plan
    score_before: Score | None = None
    score_after: Score | None = None
    effects: tuple[Effect, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    """The best candidates turned down, best first."""
    binding: str = ""
    """What limits the placement decided on the most, in a sentence with the number."""
    turning_points: tuple[TurningPoint, ...] = ()
    """Smallest changes first, relative to what there is."""

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.ACT) != bool(self.plan.actions):
            raise ValueError(f"verdict {self.verdict} with {len(self.plan.actions)} actions")
