"""The faults that are tried: where, how large, and the incident they ought to be.

The smallest are about twice what Orient takes for worth a word.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from bench.assessing.life import INTERVAL_SECONDS, Life
from bench.assessing.telling import RATE_TURNS
from services.orient.core.entities.places import link_name
from shared.messages.incident import SubjectKind
from simulator.events import GatewayEvent, LeakEvent, LinkEvent, NodeEvent, StarvationEvent
from simulator.fleet import real_nodes

MIB = 2.0**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault that has begun."""

    kind: SubjectKind
    subject: str
    full_turns: int
    """In the observation of so many turns later it is fully visible for the first time."""
    size: str

    @property
    def entity(self) -> tuple[SubjectKind, str]:
        """Return what the incident ought to be about."""
        return self.kind, self.subject


def link_delay(life: Life, chance: random.Random) -> Case:
    """Make a link 1 to 15 ms longer each way."""
    return _link(life, chance, "add_milliseconds", _between(chance, 1.0, 15.0))


def link_loss(life: Life, chance: random.Random) -> Case:
    """Lose 0.5 to 5 % of the packets of a link."""
    return _link(life, chance, "add_loss_ratio", _between(chance, 0.005, 0.05))


def link_jitter(life: Life, chance: random.Random) -> Case:
    """Add 1 to 8 ms of jitter to a link."""
    return _link(life, chance, "add_jitter_ms", _between(chance, 1.0, 8.0))


def bandwidth_squeeze(life: Life, chance: random.Random) -> Case:
    """Leave a link 20 to 60 % of what it carries."""
    return _link(life, chance, "capacity_ratio", chance.uniform(0.2, 0.6))


def _between(chance: random.Random, least: float, most: float) -> float:
    """Return a size of which small ones are as likely as large ones (uniform in its logarithm)."""
    return math.exp(chance.uniform(math.log(least), math.log(most)))


def _link(life: Life, chance: random.Random, field: str, size: float) -> Case:
    between = chance.choice([link.between for link in life.plan.spec.links])
    event = {"at": 0.0, "kind": "link", "between": between, field: size}
    life.inject(LinkEvent.model_validate(event))
    subject = link_name(*between)
    return Case(kind=SubjectKind.LINK, subject=subject, full_turns=1, size=f"{field} {size:.3g}")


def node_loss(life: Life, chance: random.Random) -> Case:
    """Stop a node of a provider."""
    cluster, node = _node(life, chance)
    life.inject(NodeEvent(at=0.0, kind="node-lost", node=node))
    return Case(kind=SubjectKind.NODE, subject=f"{cluster}/{node}", full_turns=1, size="")


def cpu_starvation(life: Life, chance: random.Random) -> Case:
    """Have a neighbour take 30 to 80 % of a node."""
    cluster, node = _node(life, chance)
    share = chance.uniform(0.3, 0.8)
    life.inject(StarvationEvent(at=0.0, kind="cpu-starved", node=node, share=share))
    return Case(
        kind=SubjectKind.NODE,
        subject=f"{cluster}/{node}",
        full_turns=RATE_TURNS,
        size=f"share {share:.2f}",
    )


def _node(life: Life, chance: random.Random) -> tuple[str, str]:
    return chance.choice(
        [
            (cluster, node)
            for cluster, spec in life.plan.spec.clusters.items()
            if not spec.home
            for node in real_nodes(cluster, spec)
        ]
    )


def memory_leak(life: Life, chance: random.Random) -> Case:
    """Have every pod of a component leak a tenth of its limit in 3 to 20 minutes."""
    application = chance.choice(life.plan.applications)
    component = chance.choice(application.components)
    turns = chance.randint(12, 80)
    limit = component.requests.memory_bytes
    rate = limit / 10 / (turns * INTERVAL_SECONDS) / MIB
    workload = f"{application.namespace}/{component.workload.name}"
    life.inject(LeakEvent(at=0.0, kind="memory-leak", workload=workload, mebibytes_per_second=rate))
    return Case(
        kind=SubjectKind.COMPONENT,
        subject=f"{application.name}/{component.name}",
        full_turns=turns,
        size=f"{rate:.3g} MiB/s of {limit / MIB:.0f} MiB",
    )


def gateway_saturation(life: Life, chance: random.Random) -> Case:
    """Have all links of a cluster suffer from its gateway."""
    cluster = chance.choice(sorted(life.plan.spec.clusters))
    delay = _between(chance, 1.0, 8.0)
    life.inject(
        GatewayEvent(
            at=0.0,
            kind="gateway-saturated",
            cluster=cluster,
            add_milliseconds=delay,
            add_jitter_ms=chance.uniform(1.0, 3.0),
            add_loss_ratio=chance.uniform(0.004, 0.02),
            capacity_ratio=chance.uniform(0.4, 0.7),
            softirq_cores=chance.uniform(1.0, 3.0),
        )
    )
    return Case(
        kind=SubjectKind.GATEWAY, subject=cluster, full_turns=1, size=f"delay {delay:.1f} ms"
    )


def user_surge(life: Life, chance: random.Random) -> Case:
    """Make a user group 1.8 to 4 times as large."""
    application = chance.choice(life.plan.applications)
    group = chance.choice(application.users)
    factor = _between(chance, 1.8, 4.0)
    life.surges[group.name] = factor
    return Case(
        kind=SubjectKind.GROUP,
        subject=f"{application.name}/{group.name}",
        full_turns=1,
        size=f"{factor:.1f} times",
    )


CASES: dict[str, Callable[[Life, random.Random], Case]] = {
    "link-delay": link_delay,
    "link-loss": link_loss,
    "link-jitter": link_jitter,
    "bandwidth-squeeze": bandwidth_squeeze,
    "node-loss": node_loss,
    "cpu-starvation": cpu_starvation,
    "memory-leak": memory_leak,
    "gateway-saturation": gateway_saturation,
    "user-surge": user_surge,
}
