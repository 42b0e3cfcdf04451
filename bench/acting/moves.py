"""Moves on real controllers, many at once, beside the same rollouts without Act."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from rich.progress import Progress

from bench.acting.fleet import EDGE, FLEET, METRO, REPLICAS, Trial, a_decision
from bench.acting.servers import Servers, declare, deploy, make_space, peer, pin, servers, stretch
from bench.acting.watching import Rollouts, watching
from bench.report import figure
from console.real.processes import running
from shared.bus.jetstream import JetStreamBus, connect
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome, Status
from shared.model.names import ApplicationName, ClusterName, application_token
from shared.runtime import kubernetes
from shared.runtime.clock import monotonic, now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings

START_SECONDS = 5.0
LONGEST_SECONDS = 120.0
SETTLE_SECONDS = 2.0
"""Between two rounds, so that one does not slow down the other."""
Round = Callable[[ApplicationName, ClusterName, ClusterName], Awaitable[float]]
"""Brings an application from one provider to another, and returns the seconds it took."""


def measure(moves: int, at_once: int, progress: Progress) -> None:
    """Print what a move takes beside a plain rollout, and the fewest replicas that ever served."""
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder), controllers=True) as parts:
        asyncio.run(_measure(parts, moves, at_once, progress))


async def _measure(parts: Servers, moves: int, at_once: int, progress: Progress) -> None:
    names = [ApplicationName(f"bench-{i:02}/arena") for i in range(at_once)]
    trial = Trial(places=dict.fromkeys(names, METRO))
    await asyncio.to_thread(_set_up, parts, names)
    settings = CommonSettings(fleet=FLEET, nats_url=(parts.nats_url,))
    async with (
        kubernetes.connect(str(parts.kubernetes.kubeconfig)) as api,
        watching(api) as rollouts,
        connect(settings, name="bench", readiness=Readiness()) as bus,
    ):
        await _all(rollouts, trial)
        rollouts.is_counting = True
        rounds = -(-moves // at_once)
        hands = _Hands(parts=parts, rollouts=rollouts, bus=bus, trial=trial)
        plain = await hands.rounds(hands.plain, rounds, progress, "plain rollouts")
        least_plain, rollouts.least, rollouts.events = rollouts.least, 10**9, 0
        with running(parts.act):
            await bus.publish(trial.insight(now(), soak_cycles=0))
            await asyncio.sleep(START_SECONDS)
            moved = await hands.rounds(hands.by_act, rounds, progress, "moves by Act")
    told = float(np.percentile(hands.told_after, 95))
    figure("move_told_after_rollout_p95", told, "s", f"{len(moved)} moves")
    _tell(
        moved, plain, rollouts, least_plain, f"{len(moved)} moves of {REPLICAS}, {at_once} at once"
    )


def _tell(
    moved: list[float], plain: list[float], rollouts: Rollouts, least_plain: int, size: str
) -> None:
    figure("plain_rollout_p50", float(np.percentile(plain, 50)), "s", size)
    figure("plain_rollout_p95", float(np.percentile(plain, 95)), "s", size)
    figure("plain_rollout_least_ready", least_plain, "replicas", size)
    figure("move_p50", float(np.percentile(moved, 50)), "s", size)
    figure("move_p95", float(np.percentile(moved, 95)), "s", size)
    beyond = float(np.percentile(moved, 95) - np.percentile(plain, 95))
    figure("move_p95_beyond_plain_rollout", beyond, "s", size)
    figure("move_least_ready", rollouts.least, "replicas", f"{size}, {rollouts.events} events")


def _set_up(parts: Servers, names: list[ApplicationName]) -> None:
    peer(parts.kubernetes, METRO, EDGE)
    for name in names:
        space = name.partition("/")[0]
        make_space(parts.client, space)
        stretch(parts.client, space, METRO, EDGE)
        declare(parts.client, name)
        deploy(parts.client, space, METRO)


async def _all(rollouts: Rollouts, trial: Trial) -> None:
    for name, place in trial.places.items():
        await rollouts.until_on(name.partition("/")[0], place)


class _Hands:
    """Brings applications from one provider to the other and back, by Act or without."""

    def __init__(
        self, *, parts: Servers, rollouts: Rollouts, bus: JetStreamBus, trial: Trial
    ) -> None:
        self._parts, self._rollouts, self._bus, self._trial = parts, rollouts, bus, trial
        self.told_after: list[float] = []
        """Seconds from the last pod of a move to the Outcome."""

    async def rounds(self, one: Round, rounds: int, progress: Progress, what: str) -> list[float]:
        """Return what each took, over so many rounds of all applications at once."""
        task, taken = progress.add_task(what, total=rounds), []
        for _ in range(rounds):
            pairs = [(name, at, _other(at)) for name, at in sorted(self._trial.places.items())]
            taken += await asyncio.gather(*(one(*pair) for pair in pairs))
            self._trial.places.update({name: target for name, _, target in pairs})
            await self._bus.publish(self._trial.insight(now(), soak_cycles=0))
            await asyncio.sleep(SETTLE_SECONDS)
            progress.advance(task)
        return taken

    async def plain(self, name: ApplicationName, _: ClusterName, target: ClusterName) -> float:
        """Apply the affinity, and wait until no old pod is left."""
        space, began = name.partition("/")[0], monotonic()
        await asyncio.to_thread(pin, self._parts.client, space, target)
        return await self._rollouts.until_on(space, target) - began

    async def by_act(
        self, name: ApplicationName, source: ClusterName, target: ClusterName
    ) -> float:
        """Decide the move, and wait until Act says that it is done."""
        began, decision = monotonic(), a_decision(now(), name, source, target)
        await self._bus.publish(decision)
        stood, done = await asyncio.gather(
            self._rollouts.until_on(name.partition("/")[0], target),
            self._until_told(decision, name),
        )
        self.told_after.append(done - stood)
        return done - began

    async def _until_told(self, decision: Decision, name: ApplicationName) -> float:
        deadline = monotonic() + LONGEST_SECONDS
        while monotonic() < deadline:
            outcome = await self._bus.newest(of=Outcome, tail=application_token(name))
            if outcome and outcome.decision == decision.id and outcome.status.is_final:
                if outcome.status is not Status.SUCCEEDED:
                    raise RuntimeError(f"{decision.id} {outcome.status}: {outcome.message}")
                return monotonic()
            await asyncio.sleep(0.2)
        raise RuntimeError(f"{decision.id} did not end: {self._parts.act.log.read_text()[-2000:]}")


def _other(provider: ClusterName) -> ClusterName:
    return EDGE if provider == METRO else METRO
