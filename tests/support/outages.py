"""Outages of services that call each other, as metrics of their pods, for rankings of causes."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.assessing.pods import PodData

CALLS = (
    ("front", "cart"),
    ("front", "catalog"),
    ("front", "checkout"),
    ("front", "ads"),
    ("checkout", "cart"),
    ("checkout", "payment"),
    ("checkout", "shipping"),
    ("cart", "cart-db"),
    ("catalog", "catalog-db"),
)
SERVICES = sorted({name for pair in CALLS for name in pair})
FAULTS = ("cpu", "memory", "delay", "errors")
BEFORE, AFTER = 120, 40
"""Rows on either side of the onset."""
START = 1_790_000_000.0

Floats = npt.NDArray[np.float64]


def pod_of(service: str) -> str:
    """Return the name of a service's one pod."""
    return f"{service}-6f7d9c-x2k{len(service)}q"


def an_outage(victim: str, fault: str, *, seed: int, step: float = 15.0) -> tuple[PodData, ...]:
    """Return all pods, one of which has a fault from row `BEFORE` on.

    Latency and errors go up to the callers, at most two rows later per call and up to as strong;
    the demand goes down everywhere, what a pod sends back late comes in bursts, and a bystander
    has some more work of its own. Noise differs by a factor of ten between metrics.
    """
    chance = np.random.default_rng(seed)
    times = START + step * np.arange(BEFORE + AFTER, dtype=np.float64)
    reached = _far_callers(victim, chance)
    size = chance.uniform(0.8, 4.0)
    bystander = chance.choice([name for name in SERVICES if name not in reached] or SERVICES)
    pods = []
    for name in SERVICES:
        share, lag = reached.get(name, (0.0, 0))
        hits = np.where(np.arange(BEFORE + AFTER) >= BEFORE + lag, share * size, 0.0)
        own = hits if name == victim else 0.0 * hits
        burden = own * (fault == "cpu")
        if name == bystander and name != victim:
            burden = burden + 0.3 * (np.arange(BEFORE + AFTER) >= BEFORE + 2)
        pods.append(
            PodData(
                name=pod_of(name),
                times=times,
                metrics=_metrics(
                    chance,
                    slow=hits * (fault in ("cpu", "delay")),
                    fails=hits * (fault == "errors"),
                    burden=burden,
                    leak=np.cumsum(own) * (fault == "memory"),
                ),
            )
        )
    return tuple(pods)


def _far_callers(victim: str, chance: np.random.Generator) -> dict[str, tuple[float, int]]:
    """Return how strong and how late the victim and its callers are hit."""
    found, ahead = {victim: (1.0, 0)}, [victim]
    while ahead:
        name = ahead.pop(0)
        for source, target in CALLS:
            if target == name and source not in found:
                share, lag = found[name]
                found[source] = (share * chance.uniform(0.3, 1.0), lag + int(chance.integers(3)))
                ahead.append(source)
    return found


def _metrics(
    chance: np.random.Generator, *, slow: Floats, fails: Floats, burden: Floats, leak: Floats
) -> dict[str, Floats]:
    rows, size = BEFORE + AFTER, 10.0 ** chance.uniform(-1, 2)

    def noise(least: float = 0.03, most: float = 0.3) -> Floats:
        spikes = np.where(chance.random(rows) < 0.01, chance.uniform(1.0, 3.0, rows), 1.0)
        return spikes * chance.lognormal(0.0, chance.uniform(least, most), rows)

    asked = 50.0 * size * (1.0 - 0.2 * (slow + fails > 0)) * noise()
    return {
        "cpu": 0.002 * asked * noise() * (1.0 + burden),
        "memory_bytes": 2e8 * size * (1.0 + 0.02 * leak) * noise(0.005, 0.02),
        "latency_p50": 0.01 * (1.0 + slow) * noise(),
        "latency_p99": 0.05 * (1.0 + slow) * noise(0.1, 0.5),
        "error_ratio": np.clip(0.05 * fails + 0.01 * chance.random(rows) ** 4, 0.0, 1.0),
        "requests_total": np.cumsum(asked),
        "limit_cores": np.full(rows, 2.0),
    }


def write_pods(folder: Path, pods: tuple[PodData, ...]) -> None:
    """Write a CSV file per pod, and the call graph."""
    for pod in pods:
        with (folder / f"{pod.name}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("timestamp", "node", *pod.metrics))
            for row, at in enumerate(pod.times.tolist()):
                cells = (f"{values[row]:.8g}" for values in pod.metrics.values())
                table.writerow((f"{at:.0f}", "node-1", *cells))
    lines = ["source,target", *(f"{source},{target}" for source, target in CALLS)]
    (folder / "graph.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
