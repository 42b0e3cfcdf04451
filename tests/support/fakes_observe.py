"""Fakes of what Observe reads, and raw objects as the API server gives them."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.observe.core.answers import Answer, Answers, Question, Sample, Store
from services.observe.core.inventory import KINDS
from services.observe.core.queries import QUERIES, Subject
from services.observe.core.reader import Listed
from services.observe.core.readings import freshness_question, values_question
from shared.errors import TransientError
from shared.messages.inventory import Freshness
from shared.messages.readings import Signal
from shared.runtime.kubernetes import ApiError
from tests.support.builders import NOW

Raw = dict[str, Any]
Values = Mapping[Signal, Mapping[str, Mapping[str, float]]]
"""Per signal and cluster: subject to value."""


def some_values(*clusters: str, home: str = "home") -> dict[Signal, dict[str, dict[str, float]]]:
    """Return a value of each signal from each cluster: one node, one pod, links with home."""
    others = [name for name in clusters if name != home]
    subjects = {
        name: {
            Subject.NODE: [f"{name}-node-1"],
            Subject.POD: [f"{name}-pod-1"],
            Subject.PEER: others if name == home else [home] if home in clusters else [],
        }
        for name in clusters
    }
    return {
        signal: {
            name: dict.fromkeys(subjects[name][query.subject], 1.0)
            for name in clusters
            if subjects[name][query.subject]
        }
        for signal, query in QUERIES.items()
    }


def some_answers(
    values: Values,
    *,
    ages: Mapping[str, float] | None = None,
    at: datetime = NOW,
    more: Iterable[Answer] = (),
    stores: tuple[Store, ...] | None = None,
) -> Answers:
    """Return answers with these values, of the ages given per cluster (5 s if not given)."""
    answers = list(more)
    for signal in QUERIES:
        by_cluster = values.get(signal, {})
        rows = [
            Sample((cluster, subject), value)
            for cluster, subjects in by_cluster.items()
            for subject, value in subjects.items()
        ]
        times = [
            Sample((cluster,), at.timestamp() - (ages or {}).get(cluster, 5.0))
            for cluster in by_cluster
        ]
        answers.append(Answer(question=values_question(signal), samples=tuple(rows)))
        answers.append(Answer(question=freshness_question(signal), samples=tuple(times)))
    return Answers(answers=tuple(answers), stores=stores)


def raw_site(name: str, *, home: bool = False, **spec: Any) -> Raw:
    """Return a Site that users of `venue` reach in 2 ms."""
    access = [{"from": "venue", "milliseconds": 2}]
    return {
        "metadata": {"name": name},
        "spec": {"home": home, "tier": "metro", "access": access, **spec},
    }


def raw_application(name: str = "arena", **spec: Any) -> Raw:
    """Return an Application `ingest` -> `render` in namespace `xr`."""
    return {
        "metadata": {"name": name, "namespace": "xr", "creationTimestamp": "2026-11-24T06:00:00Z"},
        "spec": {
            "components": [
                {"name": "ingest", "workload": {"name": "ingest"}},
                {"name": "render", "workload": {"name": "render"}},
            ],
            "flows": [{"from": "ingest", "to": "render", "mbps": 200}],
            "users": [{"group": "visitors", "site": "venue", "path": ["ingest", "render"]}],
            **spec,
        },
    }


def raw_workload(name: str, *, cpu: str = "500m", memory: str = "1Gi", **spec: Any) -> Raw:
    """Return a Deployment of one replica in namespace `xr`."""
    container = {"name": "main", "resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {
        "metadata": {"name": name, "namespace": "xr"},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}, **spec},
        "status": {"readyReplicas": 1},
    }


def raw_pod(name: str, owner: str, node: str, **changes: Any) -> Raw:
    """Return a ready pod of a Deployment in namespace `xr`, whose template hash is `77fd9`."""
    return {
        "metadata": {
            "name": name,
            "namespace": "xr",
            "labels": {"pod-template-hash": "77fd9"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-77fd9"}],
        },
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        **changes,
    }


def raw_node(name: str, *, cluster: str = "", cpu: str = "16", **spec: Any) -> Raw:
    """Return a ready Node; with a cluster, the virtual one of that provider."""
    virtual = {"liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": cluster}
    return {
        "metadata": {"name": name, "labels": virtual if cluster else {}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": "64Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def raw_foreign_cluster(name: str, api_server: str = "Established") -> Raw:
    """Return a ForeignCluster as Liqo writes it with networking off."""
    return {
        "metadata": {"name": name},
        "spec": {"clusterID": name},
        "status": {
            "conditions": [{"type": "APIServerStatus", "status": api_server}],
            "modules": {"networking": {"enabled": False}},
        },
    }


def some_objects(*clusters: str) -> dict[str, list[Raw]]:
    """Return a fleet of home and these providers, with the application `xr/arena`."""
    return {
        "Application": [raw_application()],
        "Site": [raw_site("home", home=True), *(raw_site(name) for name in clusters)],
        "FleetPolicy": [],
        "Deployment": [raw_workload("ingest"), raw_workload("render")],
        "StatefulSet": [],
        "Pod": [
            raw_pod("ingest-77fd9-a", "ingest", "home-node-1"),
            raw_pod("render-77fd9-a", "render", "home-node-1"),
        ],
        "Node": [raw_node("home-node-1"), *(raw_node(f"liqo-{c}", cluster=c) for c in clusters)],
        "ForeignCluster": [raw_foreign_cluster(name) for name in clusters],
        "NamespaceOffloading": [],
    }


def some_lists(objects: Mapping[str, Iterable[Raw]] | None = None) -> tuple[Listed, ...]:
    """Return fresh lists of all kinds."""
    given = some_objects("metro") if objects is None else objects
    return tuple(
        Listed(
            kind=kind,
            objects=tuple(copy.deepcopy(list(given.get(kind, ())))),
            state=Freshness.FRESH,
            synced_at=NOW,
        )
        for kind in KINDS
    )


@dataclass(slots=True, kw_only=True)
class FakeMetrics:
    """A `MetricsSource` that says what it is told to; set `values` or `failure` at any time."""

    values: Values
    failure: str = ""
    asked: list[tuple[Question, ...]] = field(default_factory=list)

    async def ask(
        self,
        questions: Iterable[Question],
        *,
        at: datetime,
        within: timedelta,  # noqa: ARG002
    ) -> Answers:
        """Answer at once."""
        wanted = tuple(questions)
        self.asked.append(wanted)
        if self.failure:
            return Answers(answers=tuple(Answer(question=q, failure=self.failure) for q in wanted))
        return some_answers(self.values, at=at)


class FakeApi:
    """Lists and watches of an API server, as `follow` wants them: objects by path."""

    def __init__(self, objects: Mapping[str, list[Raw]], missing: Iterable[str] = ()) -> None:
        """Serve these objects; the paths in `missing` are not there."""
        self.objects = objects
        self.missing = set(missing)
        self.lost = False
        self.events: dict[str, asyncio.Queue[Raw | None]] = {
            path: asyncio.Queue() for path in objects
        }

    def tell(self, path: str, kind: str, subject: Raw) -> None:
        """Send an event to the watch of a path."""
        metadata = {**subject["metadata"], "resourceVersion": "8"}
        self.events[path].put_nowait({"type": kind, "object": {**subject, "metadata": metadata}})

    def lose(self) -> None:
        """Break every watch, and answer nothing from now on."""
        self.lost = True
        for queue in self.events.values():
            queue.put_nowait(None)

    async def list(
        self,
        path: str,
        *,
        labels: str = "",  # noqa: ARG002
        fields: str = "",  # noqa: ARG002
    ) -> tuple[tuple[Raw, ...], str]:
        """Return what there is."""
        if path in self.missing:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        if self.lost:
            raise TransientError("refused")
        return tuple(self.objects[path]), "7"

    async def watch(
        self,
        path: str,
        *,
        since: str,  # noqa: ARG002
        labels: str = "",  # noqa: ARG002
        fields: str = "",  # noqa: ARG002
    ) -> AsyncGenerator[Raw | None, None]:
        """Yield what is told, until it is lost."""
        if self.lost:
            raise TransientError("refused")
        yield None
        while (event := await self.events[path].get()) is not None:
            yield event
        raise TransientError("the watch broke")


@dataclass(slots=True, kw_only=True)
class FakeInventory:
    """An `InventorySource` that holds what it is given."""

    objects: dict[str, list[Raw]]
    is_synced: bool = True
    state: Freshness = Freshness.FRESH
    states: dict[str, Freshness] = field(default_factory=dict)
    """By kind, where it differs."""

    async def synced(self, *, within: timedelta) -> bool:  # noqa: ARG002
        """Answer at once."""
        return self.is_synced

    def lists(self) -> tuple[Listed, ...]:
        """Return what it holds."""
        if not self.is_synced:
            return ()
        return tuple(
            Listed(
                kind=listed.kind,
                objects=listed.objects,
                state=self.states.get(listed.kind, self.state),
                reason="told to",
            )
            for listed in some_lists(self.objects)
        )
