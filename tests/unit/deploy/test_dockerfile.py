"""The Dockerfile without a container engine: what it copies exists, and is let in."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.kustomize import KUBERNETES

ROOT = KUBERNETES.parents[1]
IMAGES = ("observe", "orient", "decide", "act", "simulator")

each_image = pytest.mark.parametrize("image", IMAGES)


def instructions() -> Iterator[tuple[str, str]]:
    """Yield each instruction with its arguments, continued lines joined."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for line in filter(None, lines.splitlines()):
        word, _, arguments = line.partition(" ")
        yield word, arguments


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage, its own FROM first. The last stage is `image`."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for word, arguments in instructions():
        if word == "FROM":
            current = found.setdefault(arguments.partition(" AS ")[2] or "image", [])
        current.append((word, arguments))
    return found


def chain(image: str) -> list[tuple[str, str]]:
    """Return all instructions that make an image, from its base up."""
    steps = stages()[image]
    (base, *_) = steps[0][1].split(" AS ")
    return (chain(base) if base in stages() else []) + steps


def copied(image: str) -> set[str]:
    """Return the sources that an image takes from the context."""
    copies = [a.split() for word, a in chain(image) if word == "COPY" and "--from" not in a]
    return {source for *sources, _ in copies for source in sources}


def let_in(path: str) -> bool:
    """Tell whether `.dockerignore` lets a path of the context in."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    return any(f"{path.rstrip('/')}/".startswith(f"{a.rstrip('/')}/") for a in allowed)


def module_of(image: str) -> str:
    """Return the package that an image runs."""
    return "simulator" if image == "simulator" else f"services.{image}"


@each_image
def test_each_process_has_an_image(image: str) -> None:
    module = module_of(image)
    entry = [a for word, a in chain(image) if word == "ENTRYPOINT"]
    assert entry == [f'["python", "-m", "{module}"]']
    assert (ROOT / module.replace(".", "/") / "__main__.py").is_file()
    assert ("FROM", "${SERVICE}") in stages()["image"]


@each_image
def test_what_is_copied_exists_and_is_let_in(image: str) -> None:
    for source in copied(image):
        assert (ROOT / source).exists(), source
        assert let_in(source), source


def imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file needs to be imported; not what a function imports later."""
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.ImportFrom(module=str(module)):
                yield module
                for name in node.names:
                    if file_of(f"{module}.{name.name}"):
                        yield f"{module}.{name.name}"
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case _:
                pass


def file_of(module: str) -> Path | None:
    """Return the file of a module of this project, or None if it is not one."""
    path = ROOT / module.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def needed(image: str) -> tuple[set[Path], set[str]]:
    """Return the files of ours and the packages of others that a process needs to start."""
    waiting, files, packages = [f"{module_of(image)}.__main__"], set[Path](), set[str]()
    while waiting:
        module = waiting.pop()
        file = file_of(module)
        if file is None:
            packages.add(module.partition(".")[0])
        elif file not in files:
            files.add(file)
            parents = [module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)]
            waiting += [*parents, *imports(file)]
    return files, packages - sys.stdlib_module_names


def normal(name: str) -> str:
    """Return the name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@each_image
def test_an_image_holds_every_file_of_ours_that_its_process_imports(image: str) -> None:
    folders = [ROOT / source for source in copied(image)]
    files, _ = needed(image)
    assert len(files) > 10
    assert {f for f in files if not any(f.is_relative_to(folder) for folder in folders)} == set()


@each_image
def test_an_image_holds_every_package_that_its_process_imports(image: str) -> None:
    distributions = packages_distributions()
    extra = "console" if image == "simulator" else image
    text = (ROOT / "requirements" / f"{extra}.txt").read_text()
    installed = {normal(name) for name in re.findall(r"^(\S+)==", text, flags=re.MULTILINE)}
    _, packages = needed(image)
    missing = [p for p in packages if not {normal(d) for d in distributions[p]} & installed]
    assert missing == []


def test_packages_are_exact_and_checked_by_hash() -> None:
    (install,) = (a for w, a in stages()["packages"] if w == "RUN")
    assert "--require-hashes" in install
    assert "then extra=console; else extra=$SERVICE; fi" in install
    for extra in ("console", *IMAGES[:-1]):
        text = (ROOT / "requirements" / f"{extra}.txt").read_text()
        requirements = re.findall(r"^\S+==\S+", text, flags=re.MULTILINE)
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", text)
        assert 0 < len(requirements) <= len(hashes)


def test_the_process_is_nobody_in_particular() -> None:
    (user,) = (a for w, a in stages()["image"] if w == "USER")
    assert all(int(number) > 0 for number in user.split(":"))


def test_the_image_says_what_it_is() -> None:
    (labels,) = (a for w, a in stages()["image"] if w == "LABEL")
    for name in ("title", "description", "version", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels


def test_decide_comes_with_its_kernels_compiled() -> None:
    steps = chain("decide")
    copied_at = max(i for i, (word, a) in enumerate(steps) if word == "COPY" and "decide/" in a)
    compiling = steps.index(("RUN", "python -m services.decide.compiler"))
    assert copied_at < compiling
    assert ("ENV", "CROSSLOOP_KERNELS_DIR=/kernels") in steps[:compiling]


def test_output_is_not_held_back() -> None:
    environment = " ".join(a for w, a in chain("observe") if w == "ENV")
    assert "PYTHONUNBUFFERED=1" in environment
