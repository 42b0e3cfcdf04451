"""An Act with many applications and nothing to do: what it asks for, and the memory it takes."""

import asyncio
import json
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from rich.progress import Progress

from bench.acting.fleet import FLEET, METRO, Trial
from bench.acting.servers import Servers, declare, make_space, servers
from bench.report import figure
from bench.usage import cpu_seconds, resident_mib
from console.real.auditing import LOG
from console.real.processes import running
from shared.bus.jetstream import connect
from shared.model.names import ApplicationName
from shared.runtime.clock import monotonic, now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings

CYCLE_SECONDS = 15.0
WARM_SECONDS = 60.0
"""In which every application gets its first status."""


def measure(applications: int, seconds: int, progress: Progress) -> None:
    """Print requests a second beside watches, memory and CPU."""
    with (
        tempfile.TemporaryDirectory() as folder,
        servers(Path(folder), controllers=False) as parts,
    ):
        asyncio.run(_measure(parts, applications, seconds, progress))


async def _measure(parts: Servers, applications: int, seconds: int, progress: Progress) -> None:
    names = [ApplicationName(f"bench/service-{i:04}") for i in range(applications)]
    make_space(parts.client, "bench")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: declare(parts.client, name), names))
    trial, dice = Trial(places=dict.fromkeys(names, METRO)), Random(1)
    settings = CommonSettings(fleet=FLEET, nats_url=(parts.nats_url,))
    warm = max(WARM_SECONDS, applications / 15)
    task = progress.add_task("idle", total=warm + seconds)
    async with connect(settings, name="bench", readiness=Readiness()) as bus:
        with running(parts.act):
            pid = parts.act.pid
            started, asked, used = monotonic(), Counter[str](), 0.0
            while (passed := monotonic() - started) < warm + seconds:
                if not asked and passed >= warm:
                    asked, used = _asked(parts), cpu_seconds([pid])
                await bus.publish(trial.insight(now(), soak_cycles=2, jitter=dice))
                await asyncio.sleep(CYCLE_SECONDS)
                progress.update(task, completed=passed)
            during = _asked(parts) - asked
            used, rss = cpu_seconds([pid]) - used, resident_mib([pid])
    lasted = monotonic() - started - warm
    size = (
        f"{applications} applications, numbers that jitter each {CYCLE_SECONDS:g} s, {lasted:.0f} s"
    )
    rest = Counter({verb: n for verb, n in during.items() if not verb.startswith("watch")})
    figure("idle_requests_beside_watches", rest.total() / lasted, "1/s", size)
    figure("idle_rss", rss, "MiB", size)
    figure("idle_cpu", 100 * used / lasted, "% core", size)


def _asked(parts: Servers) -> Counter[str]:
    """Count what Act asked for until now, by verb and resource."""
    counts = Counter[str]()
    for line in (parts.directory / LOG).read_text().splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:  # the last line, still being written
            continue
        asked = event.get("objectRef") or {}
        counts[f"{event['verb']} {asked.get('resource')}/{asked.get('subresource', '')}"] += 1
    return counts
