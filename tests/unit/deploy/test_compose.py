"""`compose.yaml`: everything it mounts exists, everything it sets is understood."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from shared.runtime.settings import PREFIX
from simulator.scenario import names
from simulator.settings import parsed
from tests.support.kustomize import KUBERNETES, of_kind, pod_of

ROOT = KUBERNETES.parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
LOOP = ("observe", "orient", "decide", "act")
PROMETHEUS = yaml.safe_load((ROOT / "deploy/compose/prometheus.yaml").read_text())

each_container = pytest.mark.parametrize("name", SERVICES)
each_service = pytest.mark.parametrize("service", LOOP)


def interpolated(text: str) -> str:
    """Return a text with the defaults of its variables."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def network_of(name: str) -> str:
    """Return the container whose network a container has."""
    return str(SERVICES[name].get("network_mode", name)).removeprefix("service:")


def listening() -> set[tuple[str, int]]:
    """Return host and port of everything that listens between containers."""
    base = simulator_settings().port_base
    found = {("nats", 4222), *(("simulator", base + offset) for offset in range(4))}
    for name in LOOP:
        found.add((network_of(name), int(SERVICES[name]["environment"]["CROSSLOOP_HTTP_PORT"])))
    for name, container in SERVICES.items():
        for argument in container.get("command", ()):
            if match := re.fullmatch(r"--[\w.-]+-address=[\d.]+:(\d+)", argument):
                found.add((network_of(name), int(match[1])))
    return found | {("alertmanager", 9093)}


def reaches(name: str, address: str) -> bool:
    """Tell whether something listens at an address as a container sees it."""
    url = urlsplit(address if "//" in address else f"//{address}")
    host = network_of(name) if url.hostname == "127.0.0.1" else url.hostname
    return (host, url.port) in listening()


def simulator_settings() -> Any:
    """Return what the simulator makes of its command line."""
    return parsed([interpolated(argument) for argument in SERVICES["simulator"]["command"]])


def test_the_loop_and_all_it_stands_on_is_there() -> None:
    around = {"nats", "simulator", "prometheus", "thanos-sidecar", "thanos-query", "alertmanager"}
    assert set(SERVICES) == {*LOOP, *around}


@each_container
def test_a_container_is_contained(name: str) -> None:
    container = SERVICES[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["healthcheck"]["test"][0] == "CMD"


@each_container
def test_an_image_has_an_exact_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-alpine)?", tag)
    assert "." not in image, "images come from the default registry"


def test_versions_are_those_of_the_kubernetes_manifests() -> None:
    (bus,) = pod_of(of_kind("base", "StatefulSet")["nats"])["containers"]
    assert SERVICES["nats"]["image"] == f"{bus['image']}-alpine"
    for name, deployment in of_kind("base", "Deployment").items():
        (container,) = pod_of(deployment)["containers"]
        assert SERVICES[name]["image"] == container["image"]


@each_container
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)
        assert (name, int(port.rpartition(":")[2])) in listening()


@each_container
def test_what_is_mounted_exists(name: str) -> None:
    for mount in SERVICES[name].get("volumes", ()):
        source, *_ = mount.split(":")
        if source.startswith("."):
            assert (ROOT / source).is_file(), mount
            assert mount.endswith(":ro"), mount
        else:
            assert source in COMPOSE["volumes"], mount


@each_container
def test_what_is_built_is_built_from_our_dockerfile(name: str) -> None:
    build = SERVICES[name].get("build")
    assert (build is not None) == SERVICES[name]["image"].startswith("crossloop/")
    if build:
        assert build["args"] == {"SERVICE": name}
        assert (ROOT / build["context"] / build["dockerfile"]).is_file()


@each_container
def test_what_it_waits_for_can_become_healthy(name: str) -> None:
    for needed, condition in SERVICES[name].get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[needed]


@each_service
def test_a_service_gets_an_environment_that_it_understands(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = import_module(f"services.{service}.settings").Settings
    environment = dict(SERVICES[service]["environment"])
    if "CROSSLOOP_KUBECONFIG" in environment:  # the simulator's: a service wants it to be there
        (tmp_path / "kubeconfig").touch()
        environment["CROSSLOOP_KUBECONFIG"] = str(tmp_path / "kubeconfig")
    known = {f"{PREFIX}{field.upper()}" for field in settings.model_fields}
    assert environment.keys() - known == set()
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings()


@each_service
def test_a_service_reaches_what_it_is_told_of(service: str) -> None:
    environment = SERVICES[service]["environment"]
    urls = [v for k, v in environment.items() if k.endswith(("_URL", "_URLS"))]
    assert urls
    for url in urls:
        assert reaches(service, url), url


def test_the_simulator_is_started_with_what_it_understands() -> None:
    settings = simulator_settings()
    assert settings.scenario in names()
    assert f"fleet:{settings.directory}" in SERVICES["simulator"]["volumes"]
    for service in ("observe", "act"):
        kubeconfig = Path(SERVICES[service]["environment"]["CROSSLOOP_KUBECONFIG"])
        assert kubeconfig.parent == settings.directory
        assert network_of(service) == "simulator", "it listens on loopback only"


def test_prometheus_finds_what_it_scrapes() -> None:
    targets = [
        target
        for job in PROMETHEUS["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    ]
    alertmanagers = PROMETHEUS["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    for target in (*targets, *alertmanagers):
        assert reaches("prometheus", target), target


def test_prometheus_scrapes_each_cluster_under_its_name_and_each_service() -> None:
    exporters, loop = PROMETHEUS["scrape_configs"]
    clusters = {group["labels"]["cluster"] for group in exporters["static_configs"]}
    sites = yaml.safe_load_all((ROOT / "deploy/examples/sites.yaml").read_text())
    assert clusters == {site["metadata"]["name"] for site in sites}
    for group in exporters["static_configs"]:
        labels = group["labels"]
        assert labels["__metrics_path__"] == f"/exporters/{labels['cluster']}/metrics"
    assert {group["labels"]["service"] for group in loop["static_configs"]} == set(LOOP)


def test_thanos_serves_what_prometheus_has() -> None:
    sidecar = dict(a.split("=", 1) for a in SERVICES["thanos-sidecar"]["command"][1:])
    query = dict(a.split("=", 1) for a in SERVICES["thanos-query"]["command"][1:])
    assert reaches("thanos-sidecar", sidecar["--prometheus.url"])
    assert reaches("thanos-query", query["--endpoint"])
    assert query["--query.replica-label"] in PROMETHEUS["global"]["external_labels"]


def test_the_bus_takes_its_configuration() -> None:
    config = ROOT / "deploy/compose/nats.conf"
    server = Path(sys.executable).with_name("nats-server")
    checked = subprocess.run(
        [str(server), "-t", "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "sync_interval: always" in config.read_text()
