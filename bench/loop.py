"""The loop as a whole: how soon it sees, decides and acts, what it costs, and what kills cost it.

python -m bench.loop reaction [--runs N] [--speed X]
python -m bench.loop idle [--seconds N]
python -m bench.loop kills [--runs N] [--seed N]
python -m bench.loop                      all three
"""

import asyncio
import random
import tempfile
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.progress import track

from bench.report import figure
from bench.usage import cpu_seconds, resident_mib
from console.follow import joined, stories, story_so_far
from console.stack import SERVICES, Stack, simulated_stack
from console.story import Story, serving_after
from shared.bus.jetstream import JetStreamBus
from shared.messages.decision import Decision
from shared.messages.observation import Observation
from shared.messages.outcome import Outcome, Status
from shared.runtime import logs
from shared.runtime.clock import monotonic, now
from shared.runtime.settings import CommonSettings

app = typer.Typer(help=__doc__, add_completion=False, invoke_without_command=True)
SETTLE_SECONDS = 120.0
DEGRADED_MS = 10.0
"""Of round trip between home and metro: 2 ms before the fault, 14 ms after it."""
ROLLOUT_SECONDS = 10.0
"""Simulated: two replicas of render, one after the other, take 5 s each to be ready."""


@app.callback()
def everything(context: typer.Context) -> None:
    """Measure all, when no command is given."""
    logs.configure("bench", level="error", form="console")
    if context.invoked_subcommand is None:
        reaction()
        idle()
        kills()


@app.command()
def reaction(
    runs: Annotated[int, typer.Option(min=1)] = 5, speed: Annotated[float, typer.Option()] = 5.0
) -> None:
    """Measure from the fault to the decision, and from there to serving, in link-degrades."""
    starts, cycles, servings = [], [], []
    for _ in track(range(runs), description="reaction"):
        with tempfile.TemporaryDirectory() as folder:
            started = monotonic()
            with simulated_stack(Path(folder), scenario="link-degrades", speed=speed) as stack:
                first, in_cycles, serving = asyncio.run(_react(stack, started))
        starts.append(first)
        cycles.append(in_cycles)
        servings.append(serving - ROLLOUT_SECONDS / speed)
    size = f"5 clusters, 5 components, speed {speed:g}, {runs} runs"
    figure("start_to_first_decision_median", median(starts), "s", size)
    figure("start_to_first_decision_max", max(starts), "s", size)
    figure("degraded_sample_to_decision_max", max(cycles), "cycles", size)
    figure("decision_to_serving_beyond_rollout_median", median(servings), "s", size)
    figure("decision_to_serving_beyond_rollout_max", max(servings), "s", size)


async def _react(stack: Stack, started: float) -> tuple[float, int, float]:
    """Return start to first act in seconds, cycles to the decision, decision to serving."""
    async with joined(CommonSettings(nats_url=(stack.nats_url,))) as bus:
        first = 0.0
        async for story, _ in stories(bus):
            if story.met_cycles == 1:
                stack.start_world()
            if story.acts and not first:
                first = monotonic() - started
            if story.acts and _serving(story) is not None:
                break
        serving = _serving(story)
        assert serving is not None
        cycles = await _cycles_until(bus, story.acts[0])
        return first, cycles, serving.total_seconds()


def _serving(story: Story) -> timedelta | None:
    decision = story.acts[0]
    outcome = story.outcome_of(decision.id)
    return serving_after(decision, outcome) if outcome else None


async def _cycles_until(bus: JetStreamBus, decision: Decision) -> int:
    """Count the observations with the degraded link, up to the one decided on."""
    since = decision.at - timedelta(minutes=10)
    observations = await bus.replay(of=Observation, since=since)
    return sum(o.cycle <= decision.cycle and _is_degraded(o) for o in observations)


def _is_degraded(observation: Observation) -> bool:
    return any(
        r.signal == "link_rtt_ms"
        and {r.cluster, r.subject} == {"home", "metro"}
        and r.value > DEGRADED_MS
        for r in observation.readings
    )


@app.command()
def idle(seconds: Annotated[float, typer.Option(min=30)] = 120.0) -> None:
    """Measure memory and CPU of the four services in calm, at a 15 s cycle."""
    with tempfile.TemporaryDirectory() as folder:
        stack_of = simulated_stack(Path(folder), scenario="calm", speed=1.0, copies=4)
        with stack_of as stack:
            asyncio.run(_first_insight(stack))
            pids = {name: stack.children[name].pid for name in SERVICES}
            before, started = cpu_seconds(pids.values()), monotonic()
            for _ in track(range(int(seconds)), description="idle"):
                asyncio.run(asyncio.sleep(1.0))
            used = cpu_seconds(pids.values()) - before
            size = f"5 clusters, 20 components, 15 s cycle, {seconds:g} s"
            figure("idle_rss_four_services", resident_mib(pids.values()), "MiB", size)
            for name, pid in pids.items():
                figure(f"idle_rss_{name}", resident_mib([pid]), "MiB", size)
            figure("idle_cpu_four_services", 100 * used / (monotonic() - started), "% core", size)


async def _first_insight(stack: Stack) -> None:
    async with joined(CommonSettings(nats_url=(stack.nats_url,))) as bus:
        async for story, _ in stories(bus):
            if story.met_cycles:
                stack.start_world()
                return


@app.command()
def kills(
    runs: Annotated[int, typer.Option(min=1)] = 20,
    seed: Annotated[int, typer.Option()] = 1,
    speed: Annotated[float, typer.Option()] = 10.0,
) -> None:
    """Kill each service and nats-server once per run at random moments of link-degrades."""
    chance = random.Random(seed)
    bad: list[str] = []
    for number in track(range(runs), description="kills"):
        with (
            tempfile.TemporaryDirectory() as folder,
            simulated_stack(Path(folder), scenario="link-degrades", speed=speed) as stack,
        ):
            bad += [f"run {number}: {w}" for w in asyncio.run(_one_run(stack, chance))]
    size = f"{runs} runs, {runs * (len(SERVICES) + 1)} kills, seed {seed}, speed {speed:g}"
    figure("kill_runs_bad", len({w.partition(":")[0] for w in bad}), "runs", size)
    for what in bad:
        print(what)


async def _one_run(stack: Stack, chance: random.Random) -> list[str]:
    """Kill and restart each process at a moment of its own; return what was wrong at the end."""
    await _first_insight(stack)
    victims = [*SERVICES, "nats"]
    moments = {name: chance.uniform(1.0, 20.0) for name in victims}
    started = monotonic()
    for name in sorted(victims, key=moments.__getitem__):
        await asyncio.sleep(max(0.0, started + moments[name] - monotonic()))
        stack.children[name].kill()
        await asyncio.sleep(0.3)
        stack.children[name].start()
    return await _wrongs(stack)


async def _wrongs(stack: Stack) -> list[str]:
    settings = CommonSettings(nats_url=(stack.nats_url,))
    deadline = monotonic() + SETTLE_SECONDS
    async with joined(settings) as bus:
        while True:
            story, truth = await story_so_far(bus), stack.ground_truth()
            if _restored(story, truth) or monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
        outcomes = await bus.replay(of=Outcome, since=now() - timedelta(hours=1))
    return _judge(story, truth, outcomes)


def _restored(story: Story, truth: dict[str, Any]) -> bool:
    within = all(group["within"] for group in truth["groups"].values())
    finished = all(story.outcome_of(d.id) is not None for d in story.acts)
    return bool(truth["events"] and story.acts) and within and finished and not story.under_way


def _judge(story: Story, truth: dict[str, Any], outcomes: tuple[Outcome, ...]) -> list[str]:
    wrong = [f"{n} is out of its budget" for n, g in truth["groups"].items() if not g["within"]]
    wrong += [f"{n} had missing replicas" for n, w in truth["workloads"].items() if w["below"]]
    unanswered = [d.id for d in story.acts if story.outcome_of(d.id) is None]
    wrong += [f"no outcome of {decision}" for decision in unanswered]
    wrong += [f"{o.decision} is still {o.status}" for o in story.under_way]
    done = {o.decision for o in outcomes if o.status is Status.SUCCEEDED}
    if len(done) > 1:
        wrong.append(f"{len(done)} plans were carried out")
    return wrong


if __name__ == "__main__":
    app()
