"""The document as a page shows it: sections of operations, each with its fields in plain lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Fields = dict[str, Any]
MOST_DEPTH = 2


@dataclass(frozen=True)
class Line:
    """A field: its name with dots between the levels, its kind, and whether it has to be there."""

    name: str
    kind: str
    is_required: bool


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    anchor: str
    method: str
    path: str
    summary: str
    scope: str
    questions: tuple[Line, ...]
    fields: tuple[Line, ...]
    answers: tuple[tuple[str, str, tuple[Line, ...]], ...]
    events: tuple[tuple[str, str], ...]


def outline(document: Fields) -> dict[str, list[Operation]]:
    """The operations by the noun they belong to; pages and their files are left out."""
    sections: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != "pages":
                sections.setdefault(operation["tags"][0], []).append(_operation(document, method, path, operation))
    return sections


def _operation(document: Fields, method: str, path: str, operation: Fields) -> Operation:
    body = next(iter(operation.get("requestBody", {}).get("content", {}).values()), {})
    answers, events = [], []
    for status, answer in operation["responses"].items():
        events += list(answer.get("x-events", {}).items())
        if "$ref" not in answer:
            kinds = answer.get("content", {})
            shape = kinds.get("application/json", {}).get("schema", {})
            answers.append((status, ", ".join(kinds), tuple(lines(document, shape))))
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        scope=operation["x-scope"],
        questions=tuple(Line(each["name"], kind(document, each["schema"]), False) for each in operation["parameters"]),
        fields=tuple(lines(document, body.get("schema", {}))),
        answers=tuple(answers),
        events=tuple(events),
    )


def lines(document: Fields, schema: Fields, before: str = "", depth: int = 0) -> list[Line]:
    """The fields of a shape, those of shapes within it below them."""
    schema = _resolved(document, schema)
    found = []
    for name, inner in schema.get("properties", {}).items():
        found.append(Line(before + name, kind(document, inner), name in schema.get("required", ())))
        within = _within(document, inner)
        if depth < MOST_DEPTH and within.get("properties"):
            found += lines(document, within, f"{before}{name}.", depth + 1)
    return found


def kind(document: Fields, schema: Fields) -> str:
    """What a field may be, in a few words."""
    schema = _resolved(document, schema)
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema or "oneOf" in schema:
        return " | ".join(dict.fromkeys(kind(document, each) for each in schema.get("anyOf") or schema["oneOf"]))
    if schema.get("type") == "array":
        return f"[{kind(document, schema.get('items', {}))}]"
    limits = [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([str(schema.get("type", "any")), *limits])


def _within(document: Fields, schema: Fields) -> Fields:
    schema = _resolved(document, schema)
    inner = [_resolved(document, each) for each in (schema.get("items"), *schema.get("anyOf", ())) if each]
    return next((each for each in inner if "properties" in each), schema)


def _resolved(document: Fields, schema: Fields) -> Fields:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema
