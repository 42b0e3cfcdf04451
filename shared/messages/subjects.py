"""One table: message type, subject, stream, identity on the wire."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.messages.approval import Approval
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.observation import Observation
from shared.messages.outcome import Outcome
from shared.model.names import FleetName, application_token

PREFIX = "crossloop.v1"
DEAD_PREFIX = f"{PREFIX}.dead"

Message = Observation | Insight | Decision | Outcome | Approval | Control


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How messages of one type travel."""

    kind: str
    """The token after the prefix, and the name in the schema header: `decision`."""
    stream: str
    newest_only: bool
    tail: Callable[[Any], str]
    """The tokens after the fleet; empty where there is one message per fleet."""
    identity: Callable[[Any], str]
    """`Nats-Msg-Id`: a message published twice is stored once."""
    fleet: Callable[[Any], FleetName]


def _cycle_id(kind: str) -> Callable[[Any], str]:
    return lambda message: f"{message.cycle}:{kind}"


ROUTES: dict[type[Any], Route] = {
    Observation: Route(
        kind="observation",
        stream="CROSSLOOP_STATE",
        newest_only=True,
        tail=lambda _: "",
        identity=_cycle_id("observation"),
        fleet=lambda m: m.fleet,
    ),
    Insight: Route(
        kind="insight",
        stream="CROSSLOOP_STATE",
        newest_only=True,
        tail=lambda _: "",
        identity=_cycle_id("insight"),
        fleet=lambda m: m.fleet_name,
    ),
    Decision: Route(
        kind="decision",
        stream="CROSSLOOP_WORK",
        newest_only=False,
        tail=lambda m: application_token(m.application),
        identity=lambda m: f"{m.cycle}:decision:{m.application}",
        fleet=lambda m: m.fleet,
    ),
    Outcome: Route(
        kind="outcome",
        stream="CROSSLOOP_WORK",
        newest_only=False,
        tail=lambda m: application_token(m.application),
        identity=lambda m: f"{m.decision}:outcome:{m.application}:{m.status}:{_progress(m)}",
        fleet=lambda m: m.fleet,
    ),
    Approval: Route(
        kind="approval",
        stream="CROSSLOOP_WORK",
        newest_only=False,
        tail=lambda m: m.decision,
        identity=lambda m: f"{m.decision}:approval:{m.by}:{m.at.isoformat()}",
        fleet=lambda m: m.fleet,
    ),
    Control: Route(
        kind="control",
        stream="CROSSLOOP_CONTROL",
        newest_only=True,
        tail=lambda _: "",
        identity=lambda m: f"{m.at.isoformat()}:control",
        fleet=lambda m: m.fleet,
    ),
}


def _progress(outcome: Outcome) -> str:
    """Return what tells two outcomes of one status apart: how far each action is."""
    return ",".join(result.status for result in outcome.actions)


def subject_of(message: Message) -> str:
    """Return the subject a message is published on."""
    route = ROUTES[type(message)]
    tokens = (PREFIX, route.kind, route.fleet(message), route.tail(message))
    return ".".join(token for token in tokens if token)


def subject_filter(of: type[Any], fleet: FleetName, tail: str = ">") -> str:
    """Return the subject pattern of all messages of a type in a fleet."""
    route = ROUTES[of]
    has_tail = of in (Decision, Outcome, Approval)
    return ".".join((PREFIX, route.kind, fleet, *((tail,) if has_tail else ())))
