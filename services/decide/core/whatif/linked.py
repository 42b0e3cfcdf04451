"""Find the links a change means: `a-b` is both directions, `a>b` one."""

from collections.abc import Collection

from services.decide.core.whatif.change import Change

Ends = tuple[str, str]


def pairs_of(change: Change, *, clusters: Collection[str], links: Collection[Ends]) -> set[Ends]:
    """Return the directed links that a change means.

    Names of clusters hold dashes too, so the dash between two is the one that leaves two clusters.
    ChangeError: no such cluster, no such link, or more than one reading.
    """
    for mark in (">", "-"):
        if mark in change.name:
            splits = _splits(change.name, mark)
            break
    else:
        raise change.wrong("a link is written a-b (both directions) or a>b")
    known = [ends for ends in splits if set(ends) <= set(clusters)]
    if not known:
        raise _unknown(change, splits, clusters)
    if len(known) > 1:
        raise change.wrong("that can be read in two ways: write a>b, one direction at a time")
    source, target = known[0]
    wanted = {(source, target)} | ({(target, source)} if mark == "-" else set())
    if not wanted & set(links):
        peers = ", ".join(sorted(b for a, b in links if a == source)) or "nobody"
        raise change.wrong(f"there is no such link; {source} has links to {peers}")
    return wanted & set(links)


def _splits(name: str, mark: str) -> list[Ends]:
    dashes = [i for i, letter in enumerate(name) if letter == mark]
    return [(name[:i], name[i + 1 :]) for i in dashes]


def _unknown(change: Change, splits: list[Ends], clusters: Collection[str]) -> Exception:
    """Name the end that is wrong, where the other one is right."""
    for ends in splits:
        for end, other in (ends, ends[::-1]):
            if other in clusters:
                return change.unknown("cluster", end, clusters)
    return change.unknown("cluster", splits[0][0], clusters)
