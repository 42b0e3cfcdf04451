"""Settings come from the environment; what is wrong is told at once, without secrets."""

import pytest
from pydantic import Field, SecretStr

from shared.runtime.settings import CommaSeparated, CommonSettings, Kubeconfig, load


class Settings(CommonSettings):
    interval_seconds: float = Field(default=15.0, gt=0, description="more than 0")
    urls: CommaSeparated = ()
    token: SecretStr = Field(default=SecretStr(""), max_length=3)


class Strict(CommonSettings):
    thanos_url: str = Field(description="http://host:port of the Thanos Query API")


def test_the_defaults_are_those_of_a_laptop() -> None:
    settings = load(CommonSettings)
    assert settings.nats_url == ("nats://127.0.0.1:4222",)
    assert (settings.fleet, settings.http_port, settings.nats_replicas) == ("default", 8080, 1)


def test_variables_are_read_with_their_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSLOOP_NATS_URL", "nats://a:4222, tls://b:4222")
    monkeypatch.setenv("CROSSLOOP_URLS", "http://x,http://y")
    monkeypatch.setenv("CROSSLOOP_INTERVAL_SECONDS", "0.5")
    settings = load(Settings)
    assert settings.nats_url == ("nats://a:4222", "tls://b:4222")
    assert settings.urls == ("http://x", "http://y")
    assert settings.interval_seconds == 0.5


def test_wrong_ones_are_told_one_a_line_and_end_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSLOOP_FLEET", "My Fleet")
    monkeypatch.setenv("CROSSLOOP_LOG_LEVEL", "loud")
    monkeypatch.setenv("CROSSLOOP_INTERVAL_SECONDS", "-1")
    with pytest.raises(SystemExit) as exit_code:
        load(Settings)
    assert exit_code.value.code == 2
    label = "one DNS label: lower-case letters, digits and hyphens, at most 63"
    assert capsys.readouterr().err.splitlines() == [
        f"CROSSLOOP_FLEET='My Fleet': {label}",
        "CROSSLOOP_INTERVAL_SECONDS='-1': more than 0",
        "CROSSLOOP_LOG_LEVEL='loud': Input should be 'debug', 'info', 'warning' or 'error'",
    ]


def test_a_missing_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load(Strict)
    told = "CROSSLOOP_THANOS_URL is not set: http://host:port of the Thanos Query API\n"
    assert capsys.readouterr().err == told


def test_secrets_and_passwords_are_never_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSLOOP_TOKEN", "abcdef")
    monkeypatch.setenv("CROSSLOOP_NATS_URL", "nats://ann:hidden@host:1,http://ann:hidden@x")
    with pytest.raises(SystemExit):
        load(Settings)
    told = capsys.readouterr().err
    assert "CROSSLOOP_TOKEN: " in told
    assert "CROSSLOOP_NATS_URL='http://***@x': " in told
    assert "abcdef" not in told
    assert "hidden" not in told


class WithKubernetes(CommonSettings):
    kubeconfig: Kubeconfig = ""


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("NATS_URL", "", "servers of one NATS cluster as nats://host:port, with commas between"),
        ("NATS_URL", "nats://a:99999", "servers of one NATS cluster as nats://host:port"),
        ("KUBECONFIG", "/nowhere", "there is no such file"),
        ("KUBECONFIG", "", "empty means the service account of the pod, and this is no pod"),
    ],
)
def test_a_value_is_told_as_it_was_set_with_what_is_allowed(
    variable: str,
    value: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("CROSSLOOP_KUBECONFIG", __file__)
    monkeypatch.setenv(f"CROSSLOOP_{variable}", value)
    with pytest.raises(SystemExit) as stopped:
        load(WithKubernetes)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"CROSSLOOP_{variable}={value!r}: {told}")


def test_in_a_pod_no_kubeconfig_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert load(WithKubernetes).kubeconfig == ""
