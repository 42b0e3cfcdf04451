"""People read, approve, reject, pause; and what they get wrong harms nobody else."""

import asyncio
import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import nats
import pytest

from console.real.http import get_json
from shared.messages.decision import Reason
from shared.messages.outcome import Status
from tests.support.stories import Loop, all_within, running_loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ARENA = "/apis/crossloop.dev/v1alpha1/namespaces/xr/applications/arena"
APPLICATIONS = "/apis/crossloop.dev/v1alpha1/namespaces/xr/applications"


async def crossloop(loop: Loop, *arguments: str) -> Any:
    """Run a command of the console against the loop and return its JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from console.main import app; app()",
        *arguments,
        "--json",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"CROSSLOOP_NATS_URL": loop.stack.nats_url, "PATH": "/usr/bin", "USER": "ada"},
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.decode().splitlines()]


def send(loop: Loop, method: str, path: str, body: Any, content: str) -> int:
    request = urllib.request.Request(
        f"{loop.stack.endpoints.kubernetes}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": content},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(answer.status)


def set_autonomy(loop: Loop, autonomy: str) -> None:
    patch = {"spec": {"autonomy": autonomy}}
    send(loop, "PATCH", ARENA, patch, "application/merge-patch+json")


async def test_a_decision_waits_for_a_yes_and_is_then_carried_out(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "link-degrades") as loop:
        set_autonomy(loop, "approve")
        waiting = await loop.until(
            lambda s: any(o.status is Status.WAITING for o in s.outcomes), what="a decision waits"
        )
        (outcome,) = waiting.under_way
        truth = await loop.truth()
        assert truth["placement"]["xr/arena"]["render"] == {"metro": 2}, "nothing before the yes"

        (explained,) = await crossloop(loop, "explain", outcome.decision)
        assert explained["decision"]["plan"]["actions"][-1]["target"] == "home"
        await crossloop(loop, "approve", outcome.decision, "--by", "ada", "--reason", "go")
        await loop.until(
            lambda s: getattr(s.outcome_of(outcome.decision), "status", "") is Status.SUCCEEDED,
            what="the approved plan is done",
        )
        assert loop.story.outcome_of(outcome.decision).by == "ada"  # type: ignore[union-attr]
        assert all_within(await loop.truth())


async def test_a_paused_loop_decides_to_hold_and_goes_on_after_resume(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "link-degrades") as loop:
        await crossloop(loop, "pause", "--by", "ada", "--reason", "match tonight")
        held = await loop.until(
            lambda s: any(d.reason is Reason.PAUSED for d in s.decisions), what="a hold"
        )
        assert held.acts == ()
        (status,) = await crossloop(loop, "status")
        assert status["control"]["paused"] is True
        await crossloop(loop, "resume", "--by", "ada")
        await loop.until(
            lambda s: bool(s.acts) and not s.under_way and s.met_cycles >= 2, what="it acts again"
        )


async def test_garbage_goes_to_the_dead_subject_and_the_loop_goes_on(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "calm") as loop:
        connection = await nats.connect(loop.stack.nats_url)
        stream = connection.jetstream()
        await stream.publish("crossloop.v1.decision.default.xr_arena", b'{"id": 1}')
        dead: dict[str, str] = {}
        async with asyncio.timeout(30):
            while len(dead) < 2:
                if "insight.default" not in dead:  # the loop's next insight may replace it unread
                    await stream.publish("crossloop.v1.insight.default", b"{not json")
                for kind in ("insight.default", "decision.default.xr_arena"):
                    subject = f"crossloop.v1.dead.crossloop.v1.{kind}"
                    try:
                        message = await stream.get_last_msg("CROSSLOOP_DEAD", subject)
                    except nats.js.errors.NotFoundError:
                        await asyncio.sleep(0.2)
                        continue
                    dead[kind] = json.dumps(dict(message.headers or {}))
        await connection.close()
        assert all("not a valid" in headers for headers in dead.values()), dead
        cycles = loop.story.met_cycles
        await loop.until(lambda s: s.met_cycles >= cycles + 2, what="the loop goes on")


async def test_a_broken_application_gets_a_sentence_and_the_others_are_served(
    tmp_path: Path,
) -> None:
    broken = {
        "apiVersion": "crossloop.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "ghost", "namespace": "xr"},
        "spec": {
            "autonomy": "auto",
            "components": [
                {
                    "name": "ingest",
                    "workload": {"name": "no-such-deployment"},
                    "processing": {"milliseconds": 1},
                }
            ],
            "users": [{"group": "g", "site": "venue-north", "path": ["ingest"]}],
        },
    }
    async with running_loop(tmp_path, "link-degrades") as loop:
        send(loop, "POST", APPLICATIONS, broken, "application/json")
        await loop.until(
            lambda s: bool(s.acts) and not s.under_way and s.met_cycles >= 2,
            what="the arena is looked after all the same",
        )
        url = f"{loop.stack.endpoints.kubernetes}{APPLICATIONS}/ghost"
        conditions = get_json(url)["status"]["conditions"]
        (degraded,) = [c for c in conditions if c["type"] == "Degraded"]
        assert degraded["status"] == "True"
        assert "no-such-deployment" in degraded["message"]


def test_the_demo_leaves_nothing_behind_when_it_is_interrupted(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from console.main import app; app()", "demo", "--scenario", "calm"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin"},
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "within its budget" in line:
                break
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        assert len(children) == 6
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=30) == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.iterdir()) == []
