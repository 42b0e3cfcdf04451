"""Objects on the API server that is played on: where they are, who writes them, which there are."""

from collections.abc import Callable
from contextlib import aclosing

from shared.runtime import kubernetes
from shared.runtime.following import Changed, Listed, follow
from shared.runtime.kubernetes import KubernetesApi
from simulator.kubernetes.objects import Object, name_of, namespace_of, uid_of

OWNER = "platform-team"
"""Field manager of everything people deployed."""
ACT = "crossloop-act"
"""Field manager of what an earlier run of crossloop left behind."""
LIQO = "liqo"
"""Field manager of what Liqo's own controllers write."""
PAUSE_SECONDS = 0.5
"""Before a watch that ended or broke is begun again."""


def path_of(api_version: str, kind: str, *, namespace: str = "", name: str = "") -> str:
    """Return where an API server serves an object, or without a name all objects of a kind."""
    group, _, version = api_version.rpartition("/")
    return kubernetes.path_of(
        group=group, version=version, plural=_plural(kind), namespace=namespace, name=name
    )


def path_of_object(obj: Object) -> str:
    """Return where an API server serves an object. One of a cluster names no namespace."""
    return path_of(obj["apiVersion"], obj["kind"], namespace=namespace_of(obj), name=name_of(obj))


async def follow_kind(
    api: KubernetesApi, kind: str, api_version: str, seen: Callable[[dict[str, Object]], None]
) -> None:
    """Tell `seen` all objects of a kind, by uid, now and after each change, for ever."""
    objects: dict[str, Object] = {}
    path = path_of(api_version, kind)
    async with aclosing(follow(api, path, pause=lambda _: PAUSE_SECONDS)) as heard:
        async for news in heard:
            match news:
                case Listed(objects=found):
                    objects = {uid_of(obj): obj for obj in map(dict, found)}
                case Changed(object=obj, gone=True):
                    objects.pop(obj["metadata"]["uid"], None)
                case Changed(object=obj):
                    objects[obj["metadata"]["uid"]] = dict(obj)
                case _:
                    continue
            seen(objects)


def _plural(kind: str) -> str:
    """Return the name of a kind's list by the rule that Kubernetes itself guesses with."""
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
