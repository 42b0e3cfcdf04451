"""The Kubernetes API as this project relies on it: the simulator's server, and the real one."""

import copy
from typing import Any

import pytest

from tests.support.kubernetes_api import WIDGET_DEFINITION, Server, deployment, widget

APPS = "apps/v1"
GROUP = "contract.example.dev/v1"


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"key": "value"}}


class TestDiscovery:
    async def test_tells_what_is_served(self, api: Server) -> None:
        core = (await api.get("/api/v1")).body
        apps = (await api.get("/apis/apps/v1")).body
        groups = {group["name"] for group in (await api.get("/apis")).body["groups"]}
        kinds = {entry["name"]: entry for entry in core["resources"] + apps["resources"]}
        assert kinds["pods"]["namespaced"]
        assert not kinds["nodes"]["namespaced"]
        assert kinds["deployments/scale"]["kind"] == "Scale"
        assert {"apps", "apiextensions.k8s.io", "contract.example.dev"} <= groups

    async def test_tells_its_version_and_health(self, api: Server) -> None:
        assert (await api.get("/version")).body["minor"] == "35"
        await api.until("/readyz", lambda answer: answer.body == {"text": "ok"})

    async def test_knows_no_other_paths(self, api: Server) -> None:
        assert (await api.get("/apis/nowhere.dev/v1/things")).status == 404


class TestObjects:
    async def test_a_created_object_has_an_identity(self, api: Server) -> None:
        path = api.path("configmaps")
        created = await api.post(path, config_map("a"))
        assert created.status == 201
        assert {"uid", "resourceVersion", "creationTimestamp"} <= created.body["metadata"].keys()
        assert (await api.get(f"{path}/a")).body == created.body

    async def test_a_name_is_taken_once(self, api: Server) -> None:
        path = api.path("configmaps")
        await api.post(path, config_map("a"))
        again = await api.post(path, config_map("a"))
        assert (again.status, again.reason) == (409, "AlreadyExists")
        assert again.body["message"] == 'configmaps "a" already exists'

    async def test_a_name_can_be_made_up(self, api: Server) -> None:
        body = {"metadata": {"generateName": "some-"}}
        created = await api.post(api.path("configmaps"), body)
        assert created.body["metadata"]["name"].startswith("some-")
        assert len(created.body["metadata"]["name"]) == len("some-") + 5

    @pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
    async def test_what_is_not_there_is_not_found(self, api: Server, method: str) -> None:
        body = {"metadata": {"name": "no"}} if method == "PUT" else None
        answer = await api.call(method, api.path("configmaps", "no"), body)
        assert (answer.status, answer.reason) == (404, "NotFound")
        assert answer.body["message"] == 'configmaps "no" not found'
        assert answer.body["details"] == {"name": "no", "kind": "configmaps"}

    async def test_nothing_is_created_in_a_namespace_that_is_not_there(self, api: Server) -> None:
        answer = await api.post("/api/v1/namespaces/nowhere/configmaps", config_map("a"))
        assert (answer.status, answer.body["message"]) == (404, 'namespaces "nowhere" not found')

    @pytest.mark.parametrize(
        ("body", "field"),
        [({"metadata": {"name": "A_b"}}, "metadata.name"), ({"metadata": {}}, "metadata.name")],
    )
    async def test_a_bad_name_is_invalid(self, api: Server, body: Any, field: str) -> None:
        answer = await api.post(api.path("configmaps"), body)
        assert (answer.status, answer.reason, list(answer.causes)) == (422, "Invalid", [field])

    async def test_a_workload_must_select_its_own_pods(self, api: Server) -> None:
        body = deployment()
        body["spec"]["selector"] = {"matchLabels": {"app": "other"}}
        answer = await api.post(api.path("deployments", group=APPS), body)
        assert answer.status == 422
        assert answer.causes == {
            "spec.template.metadata.labels": 'Invalid value: {"app":"web"}: `selector` does not '
            "match template `labels`"
        }

    async def test_an_update_of_an_older_version_is_refused(self, api: Server) -> None:
        path = api.path("configmaps", "a")
        created = await api.post(api.path("configmaps"), config_map("a"))
        newer = await api.merge(path, {"data": {"key": "other"}})
        stale = await api.call("PUT", path, created.body)
        assert (stale.status, stale.reason) == (409, "Conflict")
        assert stale.body["message"] == (
            'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
        fresh = await api.call("PUT", path, {**newer.body, "data": {}})
        assert fresh.status == 200
        assert int(fresh.version) > int(newer.version) > int(created.version)

    async def test_a_merge_of_an_older_version_is_refused(self, api: Server) -> None:
        path = api.path("configmaps", "a")
        created = await api.post(api.path("configmaps"), config_map("a"))
        await api.merge(path, {"data": {"key": "other"}})
        change = {"metadata": {"resourceVersion": created.version}, "data": {"key": "mine"}}
        assert (await api.merge(path, change)).status == 409

    async def test_an_update_that_changes_nothing_makes_no_version(self, api: Server) -> None:
        created = await api.post(api.path("configmaps"), config_map("a"))
        same = await api.merge(api.path("configmaps", "a"), {"data": {"key": "value"}})
        assert same.version == created.version

    async def test_a_custom_resource_is_replaced_only_at_a_version(self, api: Server) -> None:
        await api.post(api.path("widgets", group=GROUP), widget())
        answer = await api.call("PUT", api.path("widgets", "one", group=GROUP), widget())
        assert (answer.status, list(answer.causes)) == (422, ["metadata.resourceVersion"])

    async def test_a_body_must_be_of_its_path(self, api: Server) -> None:
        await api.post(api.path("configmaps"), config_map("a"))
        answer = await api.call("PUT", api.path("configmaps", "a"), config_map("b"))
        assert (answer.status, answer.reason) == (400, "BadRequest")

    async def test_a_dry_run_leaves_nothing(self, api: Server) -> None:
        path = api.path("configmaps")
        assert (await api.post(path, config_map("a"), dryRun="All")).status == 201
        assert (await api.get(f"{path}/a")).status == 404


class TestPatches:
    async def test_a_merge_removes_by_null(self, api: Server) -> None:
        await api.post(api.path("configmaps"), config_map("a"))
        change = {"data": {"key": None, "new": "x"}}
        merged = await api.merge(api.path("configmaps", "a"), change)
        assert merged.body["data"] == {"new": "x"}

    async def test_a_strategic_merge_knows_containers_by_name(self, api: Server) -> None:
        await api.post(api.path("deployments", group=APPS), deployment())
        containers = [
            {"name": "main", "image": "example.invalid/web:2"},
            {"name": "b", "image": "c"},
        ]
        change = {"spec": {"template": {"spec": {"containers": containers}}}}
        path = api.path("deployments", "web", group=APPS)
        answer = await api.call("PATCH", path, change, media="strategic")
        found = {c["name"]: c for c in answer.body["spec"]["template"]["spec"]["containers"]}
        assert found["main"]["image"] == "example.invalid/web:2"
        assert found["main"]["env"] == [{"name": "MODE", "value": "fast"}]
        assert found.keys() == {"main", "b"}

    async def test_a_json_patch_can_ask_before_it_changes(self, api: Server) -> None:
        path = api.path("configmaps", "a")
        await api.post(api.path("configmaps"), config_map("a"))
        test = {"op": "test", "path": "/data/key", "value": "value"}
        change = {"op": "replace", "path": "/data/key", "value": "new"}
        first = await api.call("PATCH", path, [test, change], media="json-patch")
        again = await api.call("PATCH", path, [test, change], media="json-patch")
        assert (first.status, first.body["data"]) == (200, {"key": "new"})
        assert (again.status, again.reason) == (422, "Invalid")

    async def test_custom_resources_know_no_strategic_merge(self, api: Server) -> None:
        await api.post(api.path("widgets", group=GROUP), widget())
        path = api.path("widgets", "one", group=GROUP)
        assert (await api.call("PATCH", path, {}, media="strategic")).status == 415


class TestLists:
    @pytest.mark.parametrize(
        ("selector", "names"),
        [
            ("tier=edge", ["a", "b"]),
            ("tier!=edge", ["c", "kube-root-ca.crt"]),
            ("tier in (metro, cloud)", ["c"]),
            ("tier,size notin (small)", ["b", "c"]),
            ("!tier", ["kube-root-ca.crt"]),
        ],
    )
    async def test_labels_select(self, api: Server, selector: str, names: list[str]) -> None:
        path = api.path("configmaps")
        await api.post(path, config_map("a", tier="edge", size="small"))
        await api.post(path, config_map("b", tier="edge"))
        await api.post(path, config_map("c", tier="metro"))
        if api.is_real:
            await api.until(path, lambda answer: "kube-root-ca.crt" in answer.names)
        else:
            await api.post(path, config_map("kube-root-ca.crt"))
        assert (await api.get(path, labelSelector=selector)).names == names

    async def test_names_select(self, api: Server) -> None:
        path = api.path("configmaps")
        await api.post(path, config_map("a"))
        await api.post(path, config_map("b"))
        assert (await api.get(path, fieldSelector="metadata.name=b")).names == ["b"]
        answer = await api.get(path, fieldSelector="spec.nonsense=b")
        assert (answer.status, answer.reason) == (400, "BadRequest")

    async def test_a_namespace_selects(self, api: Server) -> None:
        await api.post(api.path("widgets", group=GROUP), widget())
        everywhere = await api.get(
            f"/apis/{GROUP}/widgets", fieldSelector=f"metadata.namespace={api.space}"
        )
        assert everywhere.names == ["one"]
        assert everywhere.body["kind"] == "WidgetList"

    async def test_pages_show_one_instant(self, api: Server) -> None:
        path = api.path("widgets", group=GROUP)
        for name in ("a", "b", "c", "d"):
            await api.post(path, widget(name))
        first = await api.get(path, limit="2")
        await api.call("DELETE", f"{path}/c")
        await api.post(path, widget("e"))
        token = first.body["metadata"]["continue"]
        second = await api.get(path, **{"limit": "2", "continue": token})
        assert (first.names, second.names) == (["a", "b"], ["c", "d"])
        assert first.body["metadata"]["remainingItemCount"] == 2
        assert not second.body["metadata"].get("continue")
        assert second.version == first.version


class TestWatches:
    async def test_a_watch_without_version_begins_with_what_is(self, api: Server) -> None:
        path = api.path("widgets", group=GROUP)
        await api.post(path, widget("a"))
        await api.post(path, widget("b"))
        seen = []
        async with api.watch(path) as events:
            async for event in events:
                seen.append((event["type"], event["object"]["metadata"]["name"]))
                if len(seen) == 2:
                    await api.call("DELETE", f"{path}/a")
                if len(seen) == 3:
                    break
        assert seen == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]

    async def test_a_watch_goes_on_from_a_version(self, api: Server) -> None:
        path = api.path("widgets", group=GROUP)
        listed = await api.get(path)
        created = await api.post(path, widget("a"))
        changed = await api.merge(f"{path}/a", {"spec": {"size": 4}})
        await api.call("DELETE", f"{path}/a")
        seen = []
        async with api.watch(path, resourceVersion=listed.version) as events:
            async for event in events:
                seen.append((event["type"], event["object"]))
                if len(seen) == 3:
                    break
        assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
        assert [obj for _, obj in seen[:2]] == [created.body, changed.body]
        assert int(seen[2][1]["metadata"]["resourceVersion"]) > int(changed.version)

    async def test_what_no_longer_matches_is_deleted_to_a_watch(self, api: Server) -> None:
        path = api.path("widgets", group=GROUP)
        listed = await api.get(path)
        await api.post(path, widget("a"))
        for color in ("red", "blue", "red"):
            await api.merge(f"{path}/a", {"metadata": {"labels": {"color": color}}})
        seen = []
        query = {"resourceVersion": listed.version, "labelSelector": "color=red"}
        async with api.watch(path, **query) as events:
            async for event in events:
                seen.append(event["type"])
                if len(seen) == 3:
                    break
        assert seen == ["ADDED", "DELETED", "ADDED"]

    async def test_a_quiet_watch_gets_nothing_but_bookmarks(self, api: Server) -> None:
        """When they come the real server does not promise."""
        path = api.path("widgets", group=GROUP)
        listed = await api.get(path)
        created = await api.post(path, widget("a"))
        query = {"resourceVersion": listed.version, "allowWatchBookmarks": "true"}
        async with api.watch(path, seconds=2, **query) as watched:
            events = [event async for event in watched]
        assert [event["type"] for event in events[:1]] == ["ADDED"]
        for event in events[1:]:
            assert (event["type"], event["object"]["kind"]) == ("BOOKMARK", "Widget")
            assert int(event["object"]["metadata"]["resourceVersion"]) >= int(created.version)


class TestCustomResources:
    async def test_a_definition_takes_its_objects_along(self, api: Server) -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        definition = copy.deepcopy(WIDGET_DEFINITION)
        definition["metadata"]["name"] = "gadgets.contract.example.dev"
        definition["spec"]["names"] = {"plural": "gadgets", "kind": "Gadget"}
        gadgets = api.path("gadgets", group=GROUP)
        assert (await api.post(path, definition)).status == 201
        await api.until(gadgets, lambda answer: answer.status == 200)
        gadget = {**widget(), "kind": "Gadget"}
        assert (await api.post(gadgets, gadget)).status == 201
        await api.call("DELETE", f"{path}/gadgets.contract.example.dev")
        await api.until(f"{path}/gadgets.contract.example.dev", lambda a: a.status == 404)
        await api.until(gadgets, lambda answer: answer.status == 404)

    async def test_a_definition_is_named_as_what_it_defines(self, api: Server) -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        definition = {**WIDGET_DEFINITION, "metadata": {"name": "other.contract.example.dev"}}
        answer = await api.post(path, definition)
        assert (answer.status, list(answer.causes)) == (422, ["metadata.name"])

    async def test_defaults_are_filled_in_and_unknown_fields_dropped(self, api: Server) -> None:
        body = widget(users=[{"group": "n"}], bogus=1, extra={"any": {"thing": [1]}})
        created = await api.post(api.path("widgets", group=GROUP), body)
        assert created.body["spec"] == {
            "size": 3,
            "mode": "slow",
            "users": [{"group": "n", "budgetMs": 15}],
            "extra": {"any": {"thing": [1]}},
        }

    @pytest.mark.parametrize(
        ("spec", "field", "message"),
        [
            (
                {"users": [{"group": "n", "budgetMs": 0}]},
                "spec.users[0].budgetMs",
                (
                    "Invalid value: 0: spec.users[0].budgetMs in body should be greater than or "
                    "equal to 1"
                ),
            ),
            ({"users": [{"budgetMs": 2}]}, "spec.users[0].group", "Required value"),
            (
                {"users": [{"group": name} for name in "abc"]},
                "spec.users",
                "Too many: 3: must have at most 2 items",
            ),
            (
                {"users": [{"group": "a"}, {"group": "a"}]},
                "spec.users[1]",
                'Duplicate value: {"group":"a"}',
            ),
            ({"tags": ["a", "a"]}, "spec.tags[1]", 'Duplicate value: "a"'),
            (
                {"mode": "none"},
                "spec.mode",
                'Unsupported value: "none": supported values: "fast", "slow"',
            ),
            (
                {"size": "x"},
                "spec.size",
                'Invalid value: "string": spec.size in body must be of type integer: "string"',
            ),
            (
                {"size": 11},
                "spec.size",
                "Invalid value: 11: spec.size in body should be less than or equal to 10",
            ),
            (
                {"ratio": 0},
                "spec.ratio",
                "Invalid value: 0: spec.ratio in body should be greater than 0",
            ),
            (
                {"code": "A"},
                "spec.code",
                "Invalid value: \"A\": spec.code in body should match '^[a-z]+$'",
            ),
            ({"code": "abcdef"}, "spec.code", "Too long: may not be more than 5 bytes"),
            (
                {"port": 1.5},
                "spec.port",
                (
                    'Invalid value: "number": spec.port in body must be of type integer,string: '
                    '"number"'
                ),
            ),
        ],
    )
    async def test_what_is_wrong_is_told_by_field(
        self, api: Server, spec: Any, field: str, message: str
    ) -> None:
        answer = await api.post(api.path("widgets", group=GROUP), widget(**spec))
        assert (answer.status, answer.reason) == (422, "Invalid")
        assert answer.causes[field] == message
        prefix = 'Widget.contract.example.dev "one" is invalid: '
        assert answer.body["message"].startswith(f"{prefix}{field}: {message}")
