"""What Thanos says about its own completeness: warnings of an answer, errors of its stores."""

from collections.abc import Iterable

from services.observe.core.answers import Store

PROMQL_NOTE = "PromQL "
"""Warnings that start so are remarks on the query, not on missing data."""

_LONGEST = 240


def doubt_of(cluster: str, warnings: Iterable[str], stores: tuple[Store, ...] | None) -> str:
    """Return the first warning that concerns the data of a cluster, or an empty text.

    A warning that names no cluster and no store we know concerns all. One about a replica of a
    cluster that another replica still speaks for does not count: the data are complete.
    """
    for warning in warnings:
        if warning.startswith(PROMQL_NOTE):
            continue
        named = {c for store in stores or () for c in store.clusters if _names(warning, c, store)}
        concerns = f'cluster="{cluster}"' in warning or cluster in named
        if concerns and not _is_covered(cluster, stores):
            return f"the answer is incomplete: {shortened(warning)}"
        if not concerns and not named and "cluster=" not in warning:
            return f"the answer may be incomplete: {shortened(warning)}"
    return ""


def error_of(cluster: str, stores: tuple[Store, ...] | None) -> str:
    """Return why Thanos reaches no store of a cluster; empty where it does, or does not say."""
    mine = [store for store in stores or () if cluster in store.clusters]
    if mine and all(store.last_error for store in mine):
        return f"Thanos does not reach {mine[0].name}: {shortened(mine[0].last_error)}"
    return ""


def shortened(text: str) -> str:
    """Return a foreign text on one line, and not too much of it."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _names(warning: str, cluster: str, store: Store) -> bool:
    return f'cluster="{cluster}"' in warning or (store.name != "" and store.name in warning)


def _is_covered(cluster: str, stores: tuple[Store, ...] | None) -> bool:
    """Tell whether one of its stores is known to be down, and another one is not."""
    mine = [bool(store.last_error) for store in stores or () if cluster in store.clusters]
    return any(mine) and not all(mine)
