"""The real API server with its controllers and kwok's nodes does what the other tests build on."""

from time import sleep

import pytest

from console.real.client import ApiError
from console.real.credentials import User
from console.real.kubernetes import RealKubernetes
from console.real.kwok import node
from console.real.processes import wait_until
from tests.support.real_parts import (
    NEVER_READY,
    POD_TIMES,
    deploy,
    namespace,
    virtual_node,
    watching,
)

pytestmark = pytest.mark.real


def test_the_api_server_answers_its_version(real_kubernetes: RealKubernetes) -> None:
    assert real_kubernetes.client.get("/version")["gitVersion"] == "v1.35.4"


def test_nobody_comes_in_without_a_token(real_kubernetes: RealKubernetes) -> None:
    stranger = real_kubernetes.as_user(User(name="nobody"))
    with pytest.raises(ApiError) as refused:
        stranger.get("/api/v1/nodes")
    assert refused.value.status == 401


def test_a_deployment_on_a_virtual_node_becomes_ready(real_kubernetes: RealKubernetes) -> None:
    client = real_kubernetes.client
    space = namespace(real_kubernetes, "harness")
    real_kubernetes.add_nodes(virtual_node("harness-edge"), node("harness-home"))
    with watching(client, space, "three") as rollout:
        deploy(client, space, "three", on="harness-edge")
        wait_until(
            lambda: rollout.ready_replicas[-1:] == [3] and rollout.serving[-1] == 3,
            what="three replicas are ready",
            seconds=20,
        )
    assert rollout.nodes == {"harness-edge"}


def test_a_pod_marked_unready_becomes_ready_again(real_kubernetes: RealKubernetes) -> None:
    client = real_kubernetes.client
    space = namespace(real_kubernetes, "harness-again")
    real_kubernetes.add_nodes(virtual_node("again-edge"))
    with watching(client, space, "one") as rollout:
        deploy(client, space, "one", on="again-edge", replicas=1)
        wait_until(lambda: rollout.serving[-1:] == [1], what="the pod is ready", seconds=20)
        (pod,) = client.get(f"/api/v1/namespaces/{space}/pods")["items"]
        unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        path = f"/api/v1/namespaces/{space}/pods/{pod['metadata']['name']}/status"
        client.patch(path, unready, kind="strategic")
        wait_until(lambda: rollout.serving[-1] == 0, what="the pod is unready", seconds=5)
        wait_until(lambda: rollout.serving[-1] == 1, what="the pod is ready again", seconds=10)


def test_a_pod_on_the_stuck_node_stays_pending(real_kubernetes: RealKubernetes) -> None:
    client = real_kubernetes.client
    space = namespace(real_kubernetes, "harness-stuck")
    real_kubernetes.add_nodes(virtual_node(NEVER_READY))
    with watching(client, space, "stuck") as rollout:
        deploy(client, space, "stuck", on=NEVER_READY, replicas=1)
        wait_until(lambda: rollout.nodes == {NEVER_READY}, what="the pod is bound", seconds=10)
        sleep(2 * POD_TIMES.start_seconds)
    assert rollout.serving[-1] == 0
