"""Server-side apply as Act relies on it: the simulator's API server, and the real one."""

from typing import Any

import pytest

from tests.support.kubernetes_api import (
    Answer,
    Server,
    deployment,
    pinned_to,
    widget,
)

APPS = "apps/v1"
GROUP = "contract.example.dev/v1"
TERMS = ".spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"


@pytest.fixture
async def path(api: Server) -> str:
    """The path of a Deployment without replicas that `owner` applied."""
    path = api.path("deployments", "web", group=APPS)
    assert (await api.apply(path, deployment(replicas=0), "owner")).status == 201
    return path


@pytest.fixture
async def one(api: Server) -> str:
    """The path of a custom resource that `owner` applied."""
    path = api.path("widgets", "one", group=GROUP)
    body = widget(users=[{"group": "n", "budgetMs": 9}], tags=["a", "b"], labels={"x": "y"})
    assert (await api.apply(path, body, "owner")).status == 201
    return path


def part(kind: str = "Deployment", version: str = APPS, name: str = "web", **body: Any) -> Any:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def pinned(cluster: str) -> Any:
    return part(spec={"template": {"spec": {"affinity": pinned_to(cluster)}}})


def resized(**spec: Any) -> Any:
    return part("Widget", GROUP, "one", spec=spec)


def affinity(answer: Answer) -> Any:
    return answer.body["spec"]["template"]["spec"].get("affinity")


async def test_an_apply_creates_what_is_not_there(api: Server) -> None:
    path = api.path("deployments", "web", group=APPS)
    created = await api.apply(path, deployment(replicas=0))
    assert (created.status, created.body["spec"]["revisionHistoryLimit"]) == (201, 10)
    fields = created.managed_by("act")
    assert fields is not None
    assert "f:revisionHistoryLimit" not in fields["f:spec"]
    assert fields["f:spec"]["f:selector"] == {}
    container = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    assert container == {
        ".": {},
        "f:name": {},
        "f:image": {},
        "f:env": {'k:{"name":"MODE"}': {".": {}, "f:name": {}, "f:value": {}}},
        "f:resources": {"f:requests": {"f:cpu": {}, "f:memory": {}}},
    }


async def test_an_apply_of_the_same_makes_no_version(api: Server, one: str) -> None:
    first = await api.apply(one, resized(path=["p"]))
    again = await api.apply(one, resized(path=["p"]))
    assert again.version == first.version
    assert again.body["metadata"]["generation"] == first.body["metadata"]["generation"] == 2


async def test_an_apply_needs_a_manager(api: Server, path: str) -> None:
    answer = await api.call("PATCH", path, pinned("metro"), media="apply")
    assert (answer.status, list(answer.causes)) == (422, ["fieldManager"])


async def test_a_field_of_another_applier_is_a_conflict(api: Server, path: str) -> None:
    await api.apply(path, pinned("metro"), "first")
    refused = await api.apply(path, pinned("edge"), "second")
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert refused.body["message"] == (
        f'Apply failed with 1 conflict: conflict with "first": {TERMS}'
    )
    assert refused.causes == {TERMS: 'conflict with "first"'}
    assert affinity(await api.get(path)) == pinned_to("metro")


async def test_a_field_that_someone_wrote_is_a_conflict(api: Server, path: str) -> None:
    change = {"spec": {"template": {"spec": {"affinity": pinned_to("metro")}}}}
    await api.merge(path, change, fieldManager="someone")
    refused = await api.apply(path, pinned("edge"))
    assert refused.causes == {TERMS: 'conflict with "someone" using apps/v1'}


async def test_several_conflicts_are_told_together(api: Server, path: str) -> None:
    container = {"name": "main", "image": "example.invalid/web:2"}
    template = {"spec": {"containers": [container]}}
    refused = await api.apply(path, part(spec={"replicas": 3, "template": template}))
    assert refused.body["message"] == (
        'Apply failed with 2 conflicts: conflicts with "owner":\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="main"].image'
    )


async def test_force_takes_a_field_over(api: Server, path: str) -> None:
    await api.apply(path, pinned("metro"), "first")
    taken = await api.apply(path, pinned("edge"), "second", force="true")
    assert (taken.status, affinity(taken)) == (200, pinned_to("edge"))
    assert taken.managed_by("first") is None
    again = await api.apply(path, pinned("metro"), "first")
    assert again.causes == {TERMS: 'conflict with "second"'}


async def test_two_may_want_the_same(api: Server, path: str) -> None:
    await api.apply(path, pinned("metro"), "first")
    assert (await api.apply(path, pinned("metro"), "second")).status == 200
    await api.apply(path, part(), "first")
    assert affinity(await api.get(path)) == pinned_to("metro")
    await api.apply(path, part(), "second")
    assert affinity(await api.get(path)) is None


async def test_what_is_no_longer_applied_goes(api: Server, path: str) -> None:
    body = pinned("metro")
    body["metadata"]["annotations"] = {"crossloop.dev/move": "{}"}
    moved = await api.apply(path, body)
    assert moved.body["metadata"]["annotations"]["crossloop.dev/move"] == "{}"
    back = await api.apply(path, part())
    assert affinity(back) is None
    assert "crossloop.dev/move" not in back.body["metadata"].get("annotations", {})
    assert back.managed_by("act") is None
    assert back.body["spec"]["template"]["spec"]["containers"][0]["name"] == "main"


async def test_a_dry_run_tells_conflicts_and_changes_nothing(api: Server, path: str) -> None:
    would = await api.apply(path, pinned("metro"), dryRun="All")
    refused = await api.apply(path, part(spec={"replicas": 3}), dryRun="All")
    assert (would.status, affinity(would)) == (200, pinned_to("metro"))
    assert refused.status == 409
    after = await api.get(path)
    assert affinity(after) is None
    assert after.managed_by("act") is None


async def test_one_manager_that_scales_and_applies_is_two(api: Server, path: str) -> None:
    await api.merge(f"{path}/scale", {"spec": {"replicas": 2}}, fieldManager="act")
    live = await api.get(path)
    assert live.managed_by("act", "scale") == {"f:spec": {"f:replicas": {}}}
    owner = live.managed_by("owner")
    assert owner is not None
    assert "f:replicas" not in owner["f:spec"]
    refused = await api.apply(path, part(spec={"replicas": 5}))
    message = 'conflict with "act" with subresource "scale" using apps/v1'
    assert refused.causes == {".spec.replicas": message}
    assert (await api.apply(path, part(spec={"replicas": 2}))).status == 200


async def test_a_container_is_merged_by_its_name(api: Server, path: str) -> None:
    side = {"name": "side", "image": "example.invalid/side:1"}
    added = await api.apply(path, part(spec={"template": {"spec": {"containers": [side]}}}))
    names = [c["name"] for c in added.body["spec"]["template"]["spec"]["containers"]]
    assert sorted(names) == ["main", "side"]
    left = await api.apply(path, part())
    names = [c["name"] for c in left.body["spec"]["template"]["spec"]["containers"]]
    assert names == ["main"]


async def test_a_wrong_version_is_refused(api: Server, path: str) -> None:
    body = pinned("metro")
    body["metadata"]["resourceVersion"] = "1"
    assert (await api.apply(path, body)).status == 409


async def test_managed_fields_are_not_applied(api: Server, path: str) -> None:
    body = part()
    body["metadata"]["managedFields"] = [{"manager": "me"}]
    answer = await api.apply(path, body)
    assert (answer.status, answer.body["message"]) == (400, "metadata.managedFields must be nil")


async def test_a_plain_writer_owns_what_it_wrote(api: Server) -> None:
    body = {"metadata": {"name": "a", "labels": {"l": "1"}}, "data": {"k": "v"}}
    created = await api.post(api.path("configmaps"), body)
    assert created.managed_by("suite") == {
        "f:data": {".": {}, "f:k": {}},
        "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
    }
    change = {"data": {"k": "w"}}
    changed = await api.merge(api.path("configmaps", "a"), change, fieldManager="other")
    assert changed.managed_by("other") == {"f:data": {"f:k": {}}}
    assert changed.managed_by("suite") == {
        "f:data": {},
        "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
    }


async def test_the_schema_says_how_a_custom_resource_is_merged(api: Server, one: str) -> None:
    config = resized(users=[{"group": "m"}], tags=["c"], path=["p"], labels={"q": "r"})
    merged = await api.apply(one, config)
    assert merged.body["spec"] == {
        "size": 3,
        "mode": "slow",
        "users": [{"group": "n", "budgetMs": 9}, {"group": "m", "budgetMs": 15}],
        "tags": ["a", "b", "c"],
        "path": ["p"],
        "labels": {"x": "y", "q": "r"},
    }
    assert merged.managed_by("act") == {
        "f:spec": {
            "f:users": {'k:{"group":"m"}': {".": {}, "f:group": {}}},
            "f:tags": {'v:"c"': {}},
            "f:path": {},
            "f:labels": {"f:q": {}},
        }
    }
    left = await api.apply(one, part("Widget", GROUP, "one"))
    assert left.body["spec"] == {
        "size": 3,
        "mode": "slow",
        "users": [{"group": "n", "budgetMs": 9}],
        "tags": ["a", "b"],
        "labels": {"x": "y"},
    }


async def test_a_conflict_names_an_item_of_a_custom_resource(api: Server, one: str) -> None:
    refused = await api.apply(one, resized(users=[{"group": "n", "budgetMs": 2}]))
    assert refused.causes == {'.spec.users[group="n"].budgetMs': 'conflict with "owner"'}


async def test_an_unknown_field_is_a_fault_of_the_server(api: Server, one: str) -> None:
    answer = await api.apply(one, resized(size=3, bogus=1))
    assert answer.status == 500
    assert answer.body["message"] == (
        "failed to create typed patch object (/one; contract.example.dev/v1, Kind=Widget): "
        ".spec.bogus: field not declared in schema"
    )


async def test_an_applied_object_is_checked(api: Server, one: str) -> None:
    answer = await api.apply(one, resized(size=11), force="true")
    assert (answer.status, list(answer.causes)) == (422, ["spec.size"])


async def test_status_is_applied_apart(api: Server, one: str) -> None:
    condition = {"type": "Settled", "status": "True"}
    body = {**resized(size=9), "status": {"phase": "fine", "conditions": [condition]}}
    told = await api.apply(f"{one}/status", body)
    assert (told.body["spec"]["size"], told.body["status"]["conditions"]) == (3, [condition])
    assert told.managed_by("act", "status") == {
        "f:status": {
            "f:phase": {},
            "f:conditions": {'k:{"type":"Settled"}': {".": {}, "f:type": {}, "f:status": {}}},
        }
    }
    less = await api.apply(f"{one}/status", {**resized(), "status": {"phase": "fine"}})
    assert less.body["status"] == {"phase": "fine"}


async def test_status_of_nothing_is_not_applied(api: Server) -> None:
    body = {**resized(), "status": {"phase": "fine"}}
    path = api.path("widgets", "one", group=GROUP)
    assert (await api.apply(f"{path}/status", body)).status == 404
