"""Generations, subresources, deletion and rollouts: the simulator's cluster, and a real one."""

from typing import Any

from tests.support.kubernetes_api import Server, deployment, pinned_to, widget

APPS = "apps/v1"
GROUP = "contract.example.dev/v1"


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"key": "value"}}


class TestGenerations:
    async def test_a_generation_counts_what_is_wanted(self, api: Server) -> None:
        path = api.path("widgets", "one", group=GROUP)
        await api.post(api.path("widgets", group=GROUP), widget())
        labelled = await api.merge(path, {"metadata": {"labels": {"a": "b"}}})
        resized = await api.merge(path, {"spec": {"size": 5}})
        told = await api.merge(f"{path}/status", {"status": {"phase": "ready"}})
        seen = [answer.body["metadata"]["generation"] for answer in (labelled, resized, told)]
        assert seen == [1, 2, 2]

    async def test_annotations_of_a_deployment_count_and_labels_do_not(self, api: Server) -> None:
        path = api.path("deployments", "web", group=APPS)
        await api.post(api.path("deployments", group=APPS), deployment(replicas=0))
        await api.until(path, lambda a: a.body["status"].get("observedGeneration") == 1)
        labelled = await api.merge(path, {"metadata": {"labels": {"a": "b"}}})
        annotated = await api.merge(path, {"metadata": {"annotations": {"a": "b"}}})
        seen = [answer.body["metadata"]["generation"] for answer in (labelled, annotated)]
        assert seen == [1, 2]
        await api.until(path, lambda a: a.body["status"]["observedGeneration"] == 2)

    async def test_plain_objects_have_none(self, api: Server) -> None:
        created = await api.post(api.path("configmaps"), config_map("a"))
        assert "generation" not in created.body["metadata"]


class TestSubresources:
    async def test_status_and_spec_are_written_apart(self, api: Server) -> None:
        path = api.path("widgets", "one", group=GROUP)
        await api.post(api.path("widgets", group=GROUP), widget())
        change = {"spec": {"size": 9}, "status": {"phase": "ready"}}
        told = await api.merge(f"{path}/status", change)
        assert (told.body["spec"]["size"], told.body["status"]) == (3, {"phase": "ready"})
        wanted = await api.merge(path, {"spec": {"size": 9}, "status": {"phase": "lost"}})
        assert (wanted.body["spec"]["size"], wanted.body["status"]) == (9, {"phase": "ready"})

    async def test_a_status_is_not_created(self, api: Server) -> None:
        body = {**widget(), "status": {"phase": "ready"}}
        created = await api.post(api.path("widgets", group=GROUP), body)
        assert "status" not in created.body

    async def test_scale_reads_and_writes_the_size(self, api: Server) -> None:
        path = api.path("deployments", "web", group=APPS)
        await api.post(api.path("deployments", group=APPS), deployment(replicas=0))
        read = await api.get(f"{path}/scale")
        assert (read.body["kind"], read.body["status"]["selector"]) == ("Scale", "app=web")
        scaled = await api.merge(f"{path}/scale", {"spec": {"replicas": 2}})
        assert (scaled.status, scaled.body["spec"]) == (200, {"replicas": 2})
        assert (await api.get(path)).body["spec"]["replicas"] == 2
        refused = await api.merge(f"{path}/scale", {"spec": {"replicas": -1}})
        assert (refused.status, list(refused.causes)) == (422, ["spec.replicas"])

    async def test_a_custom_resource_scales_where_its_definition_says(self, api: Server) -> None:
        path = api.path("widgets", "one", group=GROUP)
        await api.post(api.path("widgets", group=GROUP), widget(replicas=1))
        await api.merge(f"{path}/scale", {"spec": {"replicas": 4}})
        assert (await api.get(path)).body["spec"]["replicas"] == 4


class TestDeletion:
    async def test_finalizers_hold_an_object(self, api: Server) -> None:
        path = api.path("widgets", "one", group=GROUP)
        body = widget()
        body["metadata"]["finalizers"] = ["contract.example.dev/hold"]
        await api.post(api.path("widgets", group=GROUP), body)
        going = await api.call("DELETE", path)
        assert (going.status, "deletionTimestamp" in going.body["metadata"]) == (200, True)
        assert (await api.get(path)).status == 200
        await api.merge(path, {"metadata": {"finalizers": None}})
        assert (await api.get(path)).status == 404

    async def test_a_deletion_can_be_of_one_uid_only(self, api: Server) -> None:
        path = api.path("configmaps", "a")
        created = await api.post(api.path("configmaps"), config_map("a"))
        other = await api.call("DELETE", path, {"preconditions": {"uid": "another"}})
        assert (other.status, other.reason) == (409, "Conflict")
        uid = created.body["metadata"]["uid"]
        same = await api.call("DELETE", path, {"preconditions": {"uid": uid}})
        assert (same.status, same.body["status"]) == (200, "Success")

    async def test_a_collection_can_be_deleted_by_label(self, api: Server) -> None:
        path = api.path("widgets", group=GROUP)
        for name in ("a", "b", "c"):
            body = widget(name)
            body["metadata"]["labels"] = {"keep": str(name == "b").lower()}
            await api.post(path, body)
        deleted = await api.call("DELETE", path, labelSelector="keep=false")
        assert deleted.status == 200
        await api.until(path, lambda answer: answer.names == ["b"])

    async def test_an_evicted_pod_goes(self, api: Server) -> None:
        path = api.path("deployments", group=APPS)
        await api.post(path, deployment(affinity=pinned_to("nowhere")))
        pods = await api.until(api.path("pods"), lambda answer: bool(answer.names))
        (name,) = pods.names
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        evicted = await api.post(api.path("pods", f"{name}/eviction"), eviction)
        assert (evicted.status, evicted.body["status"]) == (201, "Success")
        await api.until(api.path("pods"), lambda answer: name not in answer.names)
        await api.until(api.path("pods", name), lambda answer: answer.status == 404)

    async def test_what_is_owned_goes_with_its_owner(self, api: Server) -> None:
        path = api.path("deployments", "web", group=APPS)
        sets, pods = api.path("replicasets", group=APPS), api.path("pods")
        await api.post(api.path("deployments", group=APPS), deployment(replicas=2))
        await api.until(pods, lambda answer: len(answer.names) == 2)
        await api.call("DELETE", path, propagationPolicy="Background")
        await api.until(pods, lambda answer: not answer.names)
        await api.until(sets, lambda answer: not answer.names)

    async def test_a_namespace_takes_its_objects_along(self, api: Server) -> None:
        await api.post(api.path("configmaps"), config_map("a"))
        await api.post(api.path("widgets", group=GROUP), widget())
        path = f"/api/v1/namespaces/{api.space}"
        going = await api.call("DELETE", path)
        assert going.body["status"]["phase"] == "Terminating"
        await api.until(path, lambda answer: answer.status == 404)
        assert (await api.get(api.path("widgets", "one", group=GROUP))).status == 404


class TestRollouts:
    async def test_a_move_makes_before_it_breaks(self, api: Server) -> None:
        there, here = await api.add_node("metro"), await api.add_node("edge")
        path, pods = api.path("deployments", "web", group=APPS), api.path("pods")
        body = deployment(replicas=3, affinity=pinned_to(there))
        await api.post(api.path("deployments", group=APPS), body)
        ready = await api.until(path, lambda a: a.body["status"].get("readyReplicas") == 3)
        listed = await api.get(pods)
        assert {pod["spec"]["nodeName"] for pod in listed.body["items"]} == {there}
        live = {pod["metadata"]["name"]: pod for pod in listed.body["items"]}
        template = {"spec": {"template": {"spec": {"affinity": pinned_to(here)}}}}
        assert (await api.merge(path, template)).body["metadata"]["generation"] == 2
        serving = [sum(map(serves, live.values()))]
        async with api.watch(pods, seconds=30, resourceVersion=listed.version) as events:
            async for event in events:
                name = event["object"]["metadata"]["name"]
                live[name] = event["object"]
                if event["type"] == "DELETED":
                    del live[name]
                serving.append(sum(map(serves, live.values())))
                if {pod["spec"].get("nodeName") for pod in live.values()} == {here}:
                    break
        assert min(serving) == 3
        assert max(serving) == 4
        done = await api.until(path, lambda a: a.body["status"].get("updatedReplicas") == 3)
        done = await api.until(path, lambda a: a.body["status"]["replicas"] == 3)
        conditions = {c["type"]: c for c in done.body["status"]["conditions"]}
        assert conditions["Progressing"]["reason"] == "NewReplicaSetAvailable"
        assert conditions["Available"]["status"] == "True"
        revision = "deployment.kubernetes.io/revision"
        seen = [answer.body["metadata"]["annotations"][revision] for answer in (ready, done)]
        assert seen == ["1", "2"]

    async def test_a_pod_that_fits_nowhere_says_so(self, api: Server) -> None:
        await api.add_node("metro")
        body = deployment(affinity=pinned_to("nowhere"))
        await api.post(api.path("deployments", group=APPS), body)
        pods = await api.until(api.path("pods"), lambda a: bool(a.names and scheduled(a.body)))
        condition = scheduled(pods.body)
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert "didn't match Pod's node affinity/selector" in condition["message"]

    async def test_ready_pods_stand_behind_their_service(self, api: Server) -> None:
        there = await api.add_node("metro")
        service = {
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "UDP"}]},
        }
        assert (await api.post(api.path("services"), service)).status == 201
        body = deployment(replicas=2, affinity=pinned_to(there))
        await api.post(api.path("deployments", group=APPS), body)
        slices = await api.until(
            api.path("endpointslices", group="discovery.k8s.io/v1"),
            lambda answer: len(ready_endpoints(answer.body)) == 2,
            labelSelector="kubernetes.io/service-name=web",
        )
        assert {each["nodeName"] for each in ready_endpoints(slices.body)} == {there}
        assert slices.body["items"][0]["ports"][0]["protocol"] == "UDP"


def serves(pod: Any) -> bool:
    conditions = pod["status"].get("conditions", ())
    is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return is_ready and "deletionTimestamp" not in pod["metadata"]


def scheduled(pods: Any) -> Any:
    conditions = pods["items"][0]["status"].get("conditions", ())
    return next((c for c in conditions if c["type"] == "PodScheduled"), None)


def ready_endpoints(slices: Any) -> list[Any]:
    return [
        endpoint
        for each in slices["items"]
        for endpoint in each["endpoints"] or ()
        if endpoint["conditions"]["ready"]
    ]
