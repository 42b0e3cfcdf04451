"""Act's environment: what is allowed, and how a wrong value is told."""

from pathlib import Path

import pytest

from services.act.settings import Settings
from shared.runtime.settings import load


@pytest.fixture(autouse=True)
def in_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")


def test_addresses_come_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSLOOP_ALERTMANAGER_URLS", "http://a:9093, http://b:9093")
    monkeypatch.setenv("CROSSLOOP_DRY_RUN", "true")

    settings = load(Settings)

    assert settings.alertmanager_urls == ("http://a:9093", "http://b:9093")
    assert settings.dry_run


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CROSSLOOP_ALERTMANAGER_URLS", "a:9093"),
        ("CROSSLOOP_ALERT_INTERVAL_SECONDS", "0"),
        ("CROSSLOOP_STEP_INTERVAL_SECONDS", "soon"),
        ("CROSSLOOP_KUBECONFIG", "/nowhere/at/all"),
    ],
)
def test_a_wrong_value_stops_it_with_variable_and_value(
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SystemExit) as stopped:
        load(Settings)

    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert variable in told
    assert value in told


def test_a_kubeconfig_that_is_there_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("{}")
    monkeypatch.setenv("CROSSLOOP_KUBECONFIG", str(tmp_path / "config"))

    assert load(Settings).kubeconfig == str(tmp_path / "config")
