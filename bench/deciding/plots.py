"""The pictures of docs/decide.md: quality against budget, and how cost grows with size."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
from rich.console import Console
from rich.progress import track

mpl.use("Agg")
from matplotlib import pyplot as plt

BEST_USD = {"M-1-warm": 61.716818, "L-1-warm": 288.2, "XL-1-warm": 2882.16}
"""Proven for M; for the others the best of long runs."""
BUDGETS_MS = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
SIZES = ("12x40", "20x200", "35x420", "100x1000", "300x3000", "1000x10000")
ITERATIONS = (0, 50_000)


def plot(instances: Path, generator: Path, target: Path) -> None:
    """Measure, and draw quality.svg and growth.svg in a folder."""
    target.mkdir(parents=True, exist_ok=True)
    runs = [(name, ms) for name in BEST_USD for ms in BUDGETS_MS]
    found = [
        {"name": name, "ms": ms} | planned(instances / f"{name}.json.gz", "--budget-ms", str(ms))
        for name, ms in track(runs, "quality", console=Console(stderr=True))
    ]
    draw_quality(found, target / "quality.svg")
    with TemporaryDirectory() as folder:
        grown = [
            _grown(size, generator, Path(folder))
            for size in track(SIZES, "growth", console=Console(stderr=True))
        ]
    draw_growth(grown, target / "growth.svg")
    for row in (*found, *grown):
        sys.stdout.write(json.dumps(row) + "\n")


def planned(instance: Path, *options: str) -> dict[str, Any]:
    """Return the figures of one run of bench/decide.py in a process of its own."""
    command = Path(__file__).parents[1] / "decide.py"
    with TemporaryDirectory() as folder:
        out = subprocess.run(
            [sys.executable, command, instance, "--out", Path(folder, "placement"), *options],
            check=True,
            capture_output=True,
            cwd=command.parents[1],
            env={**os.environ, "PYTHONPATH": str(command.parents[1])},
        )
    figures: dict[str, Any] = json.loads(out.stdout)
    return figures


def _grown(size: str, generator: Path, folder: Path) -> dict[str, Any]:
    """Return what 1,000 iterations take at a size, in ms, and memory in MiB."""
    file = folder / f"{size}.json.gz"
    document = subprocess.run(
        [sys.executable, generator, "--size", size, "--seed", "1", "--out", file],
        check=True,
        capture_output=True,
    )
    if not file.exists():
        file.write_bytes(gzip.compress(document.stdout))
    short, long = (planned(file, "--iterations", str(count)) for count in ITERATIONS)
    each = (long["search_ms"] - short["search_ms"]) * 1000.0 / ITERATIONS[1]
    return {"size": size, "ms": each, "start_ms": short["search_ms"], "mib": long["peak_rss_mib"]}


def draw_quality(found: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw the cost above the best known; a hollow dot has violations or unplaced units."""
    figure, axes = plt.subplots(figsize=(7, 3.4))
    for number, (name, best) in enumerate(BEST_USD.items()):
        rows = [row for row in found if row["name"] == name]
        least = min(best, *(row["usd"] for row in rows if not _is_wrong(row)), best)
        above = [100.0 * (row["usd"] / least - 1.0) for row in rows]
        times = [row["ms"] for row in rows]
        axes.plot(times, above, color=f"C{number}", linewidth=1.2, label=name)
        for ms, percent, row in zip(times, above, rows, strict=True):
            fill = "white" if _is_wrong(row) else f"C{number}"
            axes.plot([ms], [percent], "o", color=f"C{number}", markerfacecolor=fill, markersize=4)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("budget of the search, ms")
    axes.set_ylabel("cost above the best known, %")
    _save(figure, axes, file)


def _is_wrong(row: dict[str, Any]) -> bool:
    return bool(row["unplaced"] or row["violations"])


def draw_growth(grown: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw time per 1,000 iterations and memory over the number of components."""
    sizes = [int(row["size"].partition("x")[2]) for row in grown]
    figure, axes = plt.subplots(figsize=(7, 3.4))
    lines = (("ms", "1,000 iterations, ms"), ("start_ms", "start, ms"), ("mib", "memory, MiB"))
    for key, label in lines:
        axes.plot(
            sizes, [row[key] for row in grown], "o-", markersize=4, linewidth=1.2, label=label
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("components")
    _save(figure, axes, file)


def _save(figure: Any, axes: Any, file: Path) -> None:
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(file)
    plt.close(figure)
