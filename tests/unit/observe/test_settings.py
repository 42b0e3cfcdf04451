import pytest

from services.observe.settings import Settings
from shared.runtime.settings import load


@pytest.fixture(autouse=True)
def thanos_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSLOOP_THANOS_URL", "http://thanos:9090/")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")


def test_all_but_the_address_of_thanos_has_a_default() -> None:
    settings = load(Settings)
    assert settings.interval_seconds == 15.0
    assert settings.thanos_timeout_seconds == 3.0
    assert settings.max_age_seconds == 45.0
    assert settings.kubeconfig == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CROSSLOOP_THANOS_URL", ""),
        ("CROSSLOOP_THANOS_URL", "thanos:9090"),
        ("CROSSLOOP_THANOS_URL", "http://thanos:9090/?a=b"),
        ("CROSSLOOP_INTERVAL_SECONDS", "0"),
        ("CROSSLOOP_INTERVAL_SECONDS", "nan"),
        ("CROSSLOOP_MAX_AGE_SECONDS", "-1"),
        ("CROSSLOOP_THANOS_TIMEOUT_SECONDS", "soon"),
        ("CROSSLOOP_KUBECONFIG", "/nowhere/kubeconfig"),
    ],
)
def test_a_wrong_setting_stops_it_with_the_variable_and_the_value(
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"{variable}={value!r}: ")
