"""Make changes to the document of an instance file (`decide-instance/1`)."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

from services.decide.core.whatif.change import Change
from services.decide.core.whatif.linked import pairs_of

Document = Mapping[str, Any]
Item = Mapping[str, Any]

LINK_COLUMNS = {"latency": 2, "capacity": 3, "loss": 4}
PRICE_FIELDS = {
    "price.core": "usd_core_h",
    "price.gib": "usd_gib_h",
    "price.gpu": "usd_gpu_h",
    "price.kwh": "usd_kwh",
}
MILLICORES = 1000
MEBIBYTES_PER_CORE = 4096
"""Memory that comes with a core where a cluster has no node to tell."""


def changed(document: Document, changes: Iterable[Change]) -> Document:
    """Return the document with the changes made, one after the other.

    It must have been read without an error. ChangeError: one cannot be made.
    """
    return reduce(lambda made, change: _MAKERS[change.kind](made, change), changes, document)


def _link(document: Document, change: Change) -> Document:
    """Both directions of a link are one row, so `a>b` is no other link than `b>a`."""
    names = [c["id"] for c in document["clusters"]]
    rows = document["links"]["rows"]
    ends = [(names[int(row[0])], names[int(row[1])]) for row in rows]
    both = {pair for a, b in ends for pair in ((a, b), (b, a))}
    wanted = pairs_of(change, clusters=names, links=both)
    made = []
    for row, (a, b) in zip(rows, ends, strict=True):
        if not wanted & {(a, b), (b, a)}:
            made.append(row)
        elif change.field != "up":
            column = LINK_COLUMNS.get(change.field)
            if column is None:
                raise change.wrong("an instance file does not tell it of its links")
            made.append([*row[:column], change.number(row[column]), *row[column + 1 :]])
        elif change.flag():
            made.append(row)
    return {**document, "links": {**document["links"], "rows": made}}


def _cluster(document: Document, change: Change) -> Document:
    nodes = document["nodes"]
    _known(change, "cluster", change.name, document["clusters"])
    if change.field == "cores":
        return {**document, "nodes": _resized(nodes, change)}
    if change.one_of(("ready", "unreachable")) == "unreachable":
        return {**document, "nodes": [n for n in nodes if n["cluster"] != change.name]}
    made = [{**n, "ready": True} if n["cluster"] == change.name else n for n in nodes]
    return {**document, "nodes": made}


def _resized(nodes: list[Item], change: Change) -> list[Item]:
    """Add a node with the cores that are more, or take those that are less from the largest."""
    own = [n for n in nodes if n["cluster"] == change.name and n.get("ready", True)]
    offered = sum(n["cpu_m"] for n in own)
    more = round(change.number(offered / MILLICORES) * MILLICORES) - offered
    if more > 0:
        return [*nodes, _new_node(own, change, more, number=len(nodes))]
    smaller, less = {}, -more
    for node in sorted(own, key=lambda n: (-n["cpu_m"], n["id"])):
        taken = min(less, node["cpu_m"])
        smaller[node["id"]] = {**node, "cpu_m": node["cpu_m"] - taken}
        less -= taken
    return [smaller.get(n["id"], n) for n in nodes]


def _new_node(own: list[Item], change: Change, cpu_m: int, *, number: int) -> Item:
    offered = sum(n["cpu_m"] for n in own)
    each = sum(n["mem_mi"] for n in own) / offered if offered else MEBIBYTES_PER_CORE / MILLICORES
    like = own[0] if own else {"idle_w": 0, "core_w": 0, "gpu_w": 0}
    return {
        **like,
        "id": f"{change.name}-what-if-{number}",
        "cluster": change.name,
        "cpu_m": cpu_m,
        "mem_mi": round(cpu_m * each),
        "gpu": 0,
        "ready": True,
    }


def _site(document: Document, change: Change) -> Document:
    field = PRICE_FIELDS.get(change.field)
    if field is None:
        raise change.wrong("an instance file tells the price of traffic by link, not by cluster")

    def priced(cluster: Item) -> Item:
        return {**cluster, field: change.number(cluster[field])}

    return _with(document, "clusters", change, change.name, priced)


def _users(document: Document, change: Change) -> Document:
    def moved(flow: Item) -> Item:
        if change.field == "site":
            return {**flow, "ap": change.one_of(p["id"] for p in document["access_points"])}
        return {**flow, "budget_ms": change.number(flow["budget_ms"])}

    return _with(document, "flows", change, change.name, moved)


def _app(document: Document, change: Change) -> Document:
    def scaled(component: Item) -> Item:
        return {**component, "replicas": change.whole(component["replicas"])}

    return _with(document, "components", change, change.name, scaled)


def _with(
    document: Document, section: str, change: Change, name: str, made: Callable[[Item], Item]
) -> Document:
    items = document[section]
    _known(change, section.removesuffix("s"), name, items)
    return {**document, section: [made(i) if i["id"] == name else i for i in items]}


def _known(change: Change, what: str, name: str, items: Iterable[Item]) -> None:
    names = [item["id"] for item in items]
    if name not in names:
        raise change.unknown(what, name, names)


_MAKERS: Mapping[str, Callable[[Document, Change], Document]] = {
    "link": _link,
    "cluster": _cluster,
    "site": _site,
    "users": _users,
    "app": _app,
}
