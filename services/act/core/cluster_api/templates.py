"""Render the manifests of a template from typed values, as `clusterctl` does from texts."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.act.core.objects import Object
from services.act.core.site import ClusterTemplate
from shared.errors import PermanentError

FIXED = ("CLUSTER_NAME", "NAMESPACE")
"""What follows from the Site alone; no value replaces it."""
TEXTS = ("annotations", "labels", "matchLabels", "nodeSelector", "data", "stringData")
"""Fields of Kubernetes that hold nothing but texts by name."""
_OPERATORS = (":=", ":-", "=", "")
"""Between a name and its default; all mean the same, as in Cluster API's templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    """One `${NAME}` or `${NAME:=default}`."""

    name: str
    default: str | None


_Part = str | _Variable


def render(manifests: tuple[Object, ...], template: ClusterTemplate) -> tuple[Object, ...]:
    """Return the manifests with every variable replaced, in the Site's namespace, without nulls.

    A scalar that is one variable takes the value with its type, inside a text it is put in as text.
    `$${` stands for `${`. PermanentError: a variable has no value, or a value no variable.
    """
    named = {variable.name for variable in _variables(manifests)}
    values = _values_of(template)
    _refuse_wrong(manifests, template, named, values)

    def text(parts: tuple[_Part, ...]) -> Any:
        return _filled(parts, values)

    rendered = (_mapped(manifest, text) for manifest in manifests)
    return tuple(_in_namespace(manifest, template.namespace) for manifest in rendered)


def _values_of(template: ClusterTemplate) -> dict[str, Any]:
    """Return what the variables stand for. A Site's nodes are those that take pods: the workers."""
    return {
        "CONTROL_PLANE_MACHINE_COUNT": 1,
        "WORKER_MACHINE_COUNT": template.nodes,
        **template.values,
        "CLUSTER_NAME": str(template.site),
        "NAMESPACE": template.namespace,
    }


def _refuse_wrong(
    manifests: tuple[Object, ...],
    template: ClusterTemplate,
    named: set[str],
    values: Mapping[str, Any],
) -> None:
    where = f"spec.template.values of Site {template.site}"
    optional = {v.name for v in _variables(manifests) if v.default is not None}
    needed = {v.name for v in _variables(manifests) if v.default is None}
    if missing := sorted(needed - values.keys()):
        raise PermanentError(
            f"template {template.name} has no value for {', '.join(missing)}: add it to {where}"
        )
    if fixed := sorted(template.values.keys() & set(FIXED)):
        raise PermanentError(f"{', '.join(fixed)} follows from the Site: drop it from {where}")
    counts = {"CONTROL_PLANE_MACHINE_COUNT", "WORKER_MACHINE_COUNT"}
    if unknown := sorted(template.values.keys() - named - counts):
        known = ", ".join(sorted((needed | optional) - set(FIXED))) or "none"
        raise PermanentError(
            f"template {template.name} knows no {', '.join(unknown)} of {where}; it knows {known}"
        )


def _filled(parts: tuple[_Part, ...], values: Mapping[str, Any]) -> Any:
    """Return the value of a scalar made of texts and variables."""
    if len(parts) == 1 and isinstance(parts[0], _Variable):
        return _value_of(parts[0], values)
    return "".join(
        part if isinstance(part, str) else _as_text(_value_of(part, values)) for part in parts
    )


def _value_of(variable: _Variable, values: Mapping[str, Any]) -> Any:
    """Return what a variable stands for. A default counts where the value is unset or empty."""
    value = values.get(variable.name)
    if variable.default is None or value not in (None, ""):
        return value
    return _typed(variable.default)


def _typed(text: str) -> Any:
    """Return a default as JSON reads it, else as text.

    A number that would lose something stays a text: 1.30 is a version.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return text if is_number and json.dumps(value) != text else value


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _mapped(value: Any, text: Callable[[tuple[_Part, ...]], Any]) -> Any:
    """Return a document with every scalar and every key filled in, without what is null."""
    if isinstance(value, str):
        return text(tuple(_parts(value)))
    if isinstance(value, Mapping):
        pairs = ((str(_mapped(k, text)), _mapped(v, text)) for k, v in value.items())
        return {k: _as_texts(v) if k in TEXTS else v for k, v in pairs if v is not None}
    if isinstance(value, list | tuple):
        return [_mapped(item, text) for item in value]
    return value


def _as_texts(value: Any) -> Any:
    """Return a map of texts: YAML's quotes around a variable are not known any more."""
    if not isinstance(value, Mapping):
        return value
    return {key: _as_text(inner) for key, inner in value.items()}


def _in_namespace(manifest: Object, namespace: str) -> Object:
    return {**manifest, "metadata": {**manifest.get("metadata", {}), "namespace": namespace}}


def _variables(value: Any) -> Iterator[_Variable]:
    """Yield every variable of a document."""
    if isinstance(value, str):
        yield from (part for part in _parts(value) if isinstance(part, _Variable))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _variables(key)
            yield from _variables(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _variables(item)


def _parts(text: str) -> Iterator[_Part]:
    """Yield the texts and variables a scalar is made of; the empty text for an empty one."""
    plain, at = "", 0
    while at < len(text):
        if text.startswith("$${", at):
            plain, at = plain + "${", at + len("$${")
        elif text.startswith("${", at) and (end := _end_of(text, at + 2)):
            if plain:
                yield plain
            yield _variable(text[at + 2 : end])
            plain, at = "", end + 1
        else:
            plain, at = plain + text[at], at + 1
    if plain or not text:
        yield plain


def _end_of(text: str, at: int) -> int:
    """Return where the brace that was opened before `at` is closed; 0: it is not."""
    depth = 1
    for index in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return 0


def _variable(inner: str) -> _Variable:
    """Return the variable between two braces. PermanentError: it is none."""
    name, operator, default = _split(inner)
    if not name.isidentifier() or not name.isascii():
        raise PermanentError(
            f"${{{inner}}} is no variable that can be filled in: write ${{NAME}}, "
            "${NAME:=default}, or $${ for a text that begins so"
        )
    return _Variable(name=name, default=default if operator else None)


def _split(inner: str) -> tuple[str, str, str]:
    name = inner.strip()
    for index, _ in enumerate(inner):
        for operator in _OPERATORS[:-1]:
            if inner.startswith(operator, index):
                return inner[:index].strip(), operator, inner[index + len(operator) :].strip()
    return name, "", ""
