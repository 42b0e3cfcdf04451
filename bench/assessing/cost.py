"""What one turn of Orient costs: from the bytes of a message to the Insight."""

import resource
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time

import numpy as np
from rich.console import Console
from rich.progress import track

from bench.report import figure
from services.orient.core.memory import Memory
from services.orient.core.orient import orient
from services.orient.core.saving.pack import pack, unpack
from services.orient.core.series.scoring import update
from services.orient.core.series.state import OTHER, ROWS, begin, empty, with_room
from shared.bus.codec import decode, encode
from shared.messages.inventory import Inventory, KubeNode
from shared.messages.observation import Observation
from shared.messages.readings import Readings, Signal
from shared.messages.subjects import subject_of
from shared.messages.texts import as_texts
from shared.model.names import ClusterName, CycleId, FleetName
from shared.model.resources import Resources
from shared.model.site import Prices, Site

START = datetime(2026, 1, 1, tzinfo=UTC)
INTERVAL_SECONDS = 15.0
LINK_SIGNALS = (
    Signal.LINK_RTT_MS,
    Signal.LINK_JITTER_MS,
    Signal.LINK_LOSS_RATIO,
    Signal.LINK_CAPACITY_MBPS,
    Signal.LINK_USED_MBPS,
    Signal.LINK_UP,
)
NODE_SIGNALS = tuple(signal for signal in Signal if signal.startswith("node_"))
POD_SIGNALS = tuple(signal for signal in Signal if signal.startswith("pod_"))
CLUSTERS = 100
NODES_OF_A_CLUSTER = 10
TICKS = 12
KERNEL_TICKS = 100
"""The first half is warm-up."""

Key = tuple[Signal, str, str]


def kernel(series: int) -> None:
    """Print what it costs to score and learn so many series once, and what a series takes."""
    rows, chance = np.arange(series), np.random.default_rng(1)
    state = with_room(empty(), series)
    begin(state, rows, np.full(series, OTHER, np.int16))
    ticks = [chance.normal(100.0, 1.0, series) for _ in range(10)]
    spent = []
    for number in range(KERNEL_TICKS):
        at_seconds = START.timestamp() + INTERVAL_SECONDS * number
        started = process_time()
        update(state, rows, ticks[number % len(ticks)], at_seconds=at_seconds)
        spent.append(process_time() - started)
    size = f"{series} series"
    each = float(np.median(spent[KERNEL_TICKS // 2 :])) / series
    figure("orient_update_and_score", 1e9 * each, "ns CPU a series", size)
    held = sum(getattr(state, name).nbytes for name in ROWS)
    figure("orient_state_per_series", held / series, "bytes", size)


def whole_turn(series: int) -> None:
    """Print the CPU time and the memory of whole turns over a fleet of so many series."""
    size = f"{series} series"
    first = observation(0, keys_of(series))
    subject = subject_of(first)
    memory = Memory()
    rss_before = _rss_bytes()
    spent: list[float] = []
    steps = range(TICKS)
    for number in track(steps, description="turns", console=Console(stderr=True)):
        body, headers = encode(again(first, number))
        started = process_time()
        message = decode(body, headers, subject=subject)
        assert isinstance(message, Observation)
        _, memory = orient(message, memory)
        spent.append(process_time() - started)
    figure("orient_first_turn", spent[0], "s CPU", size)
    figure("orient_turn", float(np.median(spent[2:])), "s CPU", size)
    figure("orient_message", len(body) / 1e6, "MB", size)
    figure("orient_resident_per_series", (_rss_bytes() - rss_before) / series, "bytes", size)
    started = process_time()
    arrays = pack(memory, fleet=first.fleet)
    figure("orient_save_pause", process_time() - started, "s CPU", size)
    saved_bytes = sum(array.nbytes for array in arrays.values())
    figure("orient_saved_per_series", saved_bytes / series, "bytes", size)
    started = process_time()
    unpack(arrays, fleet=first.fleet)
    figure("orient_restore", process_time() - started, "s CPU", size)


def keys_of(series: int) -> list[Key]:
    """Return the series of a full mesh of clusters with nodes, filled up with pods."""
    clusters = CLUSTERS
    while clusters * (clusters - 1) * len(LINK_SIGNALS) > 0.7 * series:
        clusters -= 1
    names = [f"edge-{i:03d}" for i in range(clusters)]
    keys = [(s, a, b) for s in LINK_SIGNALS for a in names for b in names if a != b]
    nodes = [(a, f"{a}-node-{i:02d}") for a in names for i in range(NODES_OF_A_CLUSTER)]
    keys += [(s, a, node) for s in NODE_SIGNALS for a, node in nodes]
    pods = max(series - len(keys), 0) // len(POD_SIGNALS) + 1
    keys += [
        (s, names[i % clusters], f"xr/render-{i:06d}-x7k2p")
        for s in POD_SIGNALS
        for i in range(pods)
    ]
    return keys[:series]


def observation(number: int, keys: list[Key]) -> Observation:
    """Return the first observation of such a fleet."""
    readings = Readings(
        signals=as_texts([s.value for s, _, _ in keys]),
        clusters=as_texts([c for _, c, _ in keys]),
        subjects=as_texts([s for _, _, s in keys]),
        values=np.full(len(keys), 1.0),
        ages_seconds=np.full(len(keys), 3.0),
    )
    names = sorted({cluster for _, cluster, _ in keys})
    inventory = Inventory(
        sites=tuple(_site(name, home=name == names[0]) for name in names),
        nodes=tuple(_node(name) for name in names),
    )
    blank = Observation(
        cycle=CycleId(""),
        fleet=FleetName("default"),
        at=START,
        interval_seconds=INTERVAL_SECONDS,
        readings=readings,
        inventory=inventory,
    )
    return again(blank, number)


def again(first: Observation, number: int) -> Observation:
    """Return the same a number of cycles later, with values that swing by themselves."""
    at = START + timedelta(seconds=INTERVAL_SECONDS * number)
    rng = np.random.default_rng(number)
    values = rng.normal(10.0, 0.5, len(first.readings))
    return replace(
        first,
        cycle=CycleId(f"{at:%Y%m%dT%H%M%S}000Z"),
        at=at,
        readings=replace(first.readings, values=values),
    )


def _site(name: str, *, home: bool) -> Site:
    prices = Prices(core_hour=0.05)
    return Site(name=ClusterName(name), region="here", owner="us", prices=prices, home=home)


def _node(name: str) -> KubeNode:
    return KubeNode(
        name=f"liqo-{name}",
        cluster=ClusterName(name),
        virtual=True,
        ready=True,
        unschedulable=False,
        allocatable=Resources(cpu_cores=160.0, memory_bytes=640e9),
    )


def _rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
