"""Killing any process at any moment loses nothing and repeats nothing."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from console.follow import joined, story_so_far
from console.stack import SERVICES
from shared.messages.outcome import Outcome, Status
from shared.runtime.clock import now
from shared.runtime.settings import CommonSettings
from tests.support.stories import all_within, missing_replicas, running_loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_process_is_killed_once_and_the_quality_is_restored(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    async with running_loop(tmp_path, "link-degrades") as loop:
        victims = [*SERVICES, "nats"]
        chance.shuffle(victims)
        for name in victims:
            await asyncio.sleep(chance.uniform(0.2, 3.0))
            loop.stack.children[name].kill()
            await asyncio.sleep(0.2)
            loop.stack.children[name].start()
        # what the streams hold tells, not what this spectator saw while the server was down
        async with joined(CommonSettings(nats_url=(loop.stack.nats_url,))) as bus:
            async with asyncio.timeout(120):
                while True:
                    story, truth = await story_so_far(bus), await loop.truth()
                    answered = all(story.outcome_of(d.id) for d in story.acts)
                    if story.acts and answered and not story.under_way and all_within(truth):
                        break
                    await asyncio.sleep(0.5)
            outcomes = await bus.replay(of=Outcome, since=now() - timedelta(hours=1))
        assert missing_replicas(truth) == {}
        carried_out = {o.decision for o in outcomes if o.status is Status.SUCCEEDED}
        assert len(carried_out) == 1
        assert truth["placement"]["xr/arena"]["render"] == {"home": 2}
