from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.settings import parsed


def test_ports_follow_the_base_and_are_any_without_one(tmp_path: Path) -> None:
    settings = parsed(["--dir", str(tmp_path), "--port-base", "9000"])
    assert [settings.port(offset) for offset in range(4)] == [9000, 9001, 9002, 9003]
    assert parsed(["--dir", str(tmp_path)]).port(2) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--speed", "fast"], "fast is not a number between 0.1 and 1000"),
        (["--speed", "0"], "0 is not a number between 0.1 and 1000"),
        (["--copies", "99"], "99 is not a number between 1 and 20"),
        (["--port-base", "80"], "80 is not a number between 1024 and 65500"),
        (["--kubeconfig", "/nowhere"], "there is no file /nowhere"),
    ],
)
def test_nonsense_ends_at_once_with_what_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--dir", str(tmp_path), *arguments])
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_wrong_scenario_ends_at_once_with_the_names_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dir", str(tmp_path), "--scenario", "clam"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("simulator: there is no scenario 'clam'; there are calm, cluster-lost")
