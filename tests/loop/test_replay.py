"""Every decision of a running loop can be made once more from what the bus recorded."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from console.replay import replayed
from shared.messages.decision import Verdict
from shared.model.names import ApplicationName, decision_id
from tests.support.stories import running_loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
GHOST = ApplicationName("xr/ghost")


async def test_each_decision_is_replayed_byte_for_byte_also_over_a_restart_of_decide(
    tmp_path: Path,
) -> None:
    async with running_loop(tmp_path, "link-degrades") as loop:
        await loop.until(lambda s: bool(s.acts), what="it acts")
        loop.stack.children["decide"].kill()
        loop.stack.children["decide"].start()
        cycles = loop.story.met_cycles
        await loop.until(
            lambda s: not s.under_way and s.met_cycles >= cycles + 2, what="all is well again"
        )
        decisions = loop.story.decisions
        again = [await replayed(loop.bus, decision.id) for decision in decisions]
        act, hold = loop.story.acts[0], decisions[0]
        made_up = replace(hold, application=GHOST, id=decision_id(hold.cycle, GHOST))
        await loop.bus.publish(made_up)
        same = await asyncio.to_thread(replay, loop.stack.nats_url, act.id)
        other = await asyncio.to_thread(replay, loop.stack.nats_url, made_up.id)
    assert len({d.reason for d in decisions}) >= 3
    assert (act.verdict, hold.verdict) == (Verdict.ACT, Verdict.HOLD)
    assert [(a.decision.id, a.differences) for a in again if not a.is_identical] == []
    assert same == (0, f"identical: {act.id}, {again[decisions.index(act)].size} bytes")
    assert other == (1, f"not identical: {made_up.id}")


def replay(nats_url: str, decision: str) -> tuple[int, str]:
    """Run the command; return its exit code and its first line."""
    done = subprocess.run(
        [sys.executable, "-c", "from console.main import app; app()", "replay", decision],
        check=False,
        capture_output=True,
        text=True,
        env={"CROSSLOOP_NATS_URL": nats_url, "PATH": "/usr/bin"},
    )
    return done.returncode, done.stdout.partition("\n")[0]
