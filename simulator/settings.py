"""The command line of the simulator."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.scenario import names

HOST = "127.0.0.1"
MOST_COPIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run is asked to be."""

    scenario: str
    speed: float
    """Simulated seconds per second."""
    directory: Path
    port_base: int
    """Ports from here on: Kubernetes, world, Thanos, Alertmanager. 0: any that are free."""
    copies: int
    hold: bool
    """Whether time stands still until `POST /start`."""
    kubeconfig: Path | None
    """An API server to use instead of the simulator's own."""

    def port(self, offset: int) -> int:
        """Return the port of one of the servers."""
        return self.port_base + offset if self.port_base else 0


def parsed(arguments: Sequence[str]) -> Settings:
    """Return the settings, or end the process with a sentence and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A fleet of clusters that speaks the real protocols on loopback.",
    )
    parser.add_argument(
        "--scenario",
        default="calm",
        help=f"one of {', '.join(names())}, or the path of a .yaml file (default: calm)",
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="simulated seconds per second (default: 1)"
    )
    parser.add_argument(
        "--dir",
        type=Path,
        required=True,
        help="a folder for endpoints.json, written when all is ready, and a kubeconfig",
    )
    parser.add_argument(
        "--port-base",
        type=_port,
        default=0,
        help="first of four ports; 0 takes any that are free (default: 0)",
    )
    parser.add_argument(
        "--copies", type=_copies, default=1, help="copies of the demo application (default: 1)"
    )
    parser.add_argument(
        "--kubeconfig", type=_file, help="use this API server instead of the simulator's own"
    )
    parser.add_argument(
        "--hold",
        action="store_true",
        help="let time stand still until a POST to /start, beside /state",
    )
    found = parser.parse_args(arguments)
    return Settings(
        scenario=found.scenario,
        speed=found.speed,
        directory=found.dir,
        port_base=found.port_base,
        copies=found.copies,
        hold=found.hold,
        kubeconfig=found.kubeconfig,
    )


def _speed(text: str) -> float:
    return _number(text, float, 0.1, 1000.0)


def _port(text: str) -> int:
    return 0 if text == "0" else int(_number(text, int, 1024, 65500))


def _copies(text: str) -> int:
    return int(_number(text, int, 1, MOST_COPIES))


def _number(text: str, kind: Callable[[str], float], least: float, most: float) -> float:
    sentence = f"{text} is not a number between {least:g} and {most:g}"
    try:
        value = kind(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(sentence) from error
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(sentence)
    return value


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)
