"""The OpenAPI document (version 3.1) of the API, made from what the operations declare.

Nothing is written here a second time: addresses come from the routes, shapes from what reads bodies and writes
answers, statuses from what the declaration implies.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from werkzeug.routing import Rule

from appliance import __version__
from appliance.wire import camel
from flask_admin_ui.api.once import KEY
from flask_admin_ui.api.operation import JSON, Operation, operation_of
from flask_admin_ui.shapes import Problem

PROBLEM_JSON = "application/problem+json"
CHANGING = ("post", "patch", "put", "delete")
DESCRIPTION = (
    "Everything that the admin pages do, for programs, with the rights of the person who signs in. Names are "
    "camelCase; moments are RFC 3339 in UTC, durations seconds. An error is a problem document (RFC 9457) "
    "whose `details` name each refused field. Requests that nobody has signed in for are answered 401."
)
REFUSALS = {
    400: "The request could not be understood.",
    401: "Nobody is signed in.",
    403: "Not for this account.",
    404: "There is no such thing, or it belongs to somebody else.",
    406: "There is no form of the answer that the Accept header takes.",
    409: "It clashes with something that is there.",
    412: "Somebody else has changed it since the state that If-Match names.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "Some values are not allowed; `details` names each.",
    429: "Too many requests or attempts; Retry-After says how long to wait.",
    503: "A part of the system does not answer.",
}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A personal token, or that of a sign-in."},
    "browser": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-gosip-session",
        "description": "The session of the admin pages; a change also needs the page's token in X-CSRFToken.",
    },
}
CONVERTERS: dict[str, dict[str, Any]] = {
    "IntegerConverter": {"type": "integer", "minimum": 0},
    "UnicodeConverter": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    "PathConverter": {"type": "string", "minLength": 1},
}


def api_rules(app: Flask) -> Iterator[Rule]:
    """The routes of the API."""
    return (rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/"))


def build(app: Flask) -> dict[str, Any]:
    """The whole document."""
    shapes = Shapes()
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(api_rules(app), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        declared = operation_of(view)
        assert declared is not None, f"{rule.endpoint} is no operation: see flask_admin_ui.api.operation"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            described = describe(rule, view, declared, method.lower(), shapes)
            paths.setdefault(address_of(rule), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GoSIP",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "paths": paths,
        "components": {"schemas": shapes.definitions(), "securitySchemes": SECURITY_SCHEMES},
    }


class Shapes:
    """The schemas that the document names. Each is generated once, all together, so that names stay unique."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]] = {}

    def reference(self, shape: Any, mode: JsonSchemaMode) -> dict[str, Any]:
        """A schema object that becomes complete with `definitions`."""
        if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
            return {"type": "object" if shape is dict else "string"}
        return self._wanted.setdefault((shape, mode), {})

    def definitions(self) -> dict[str, Any]:
        generator = GenerateJsonSchema(by_alias=True, ref_template="#/components/schemas/{model}")
        inputs = [(shape, mode, shape.__pydantic_core_schema__) for shape, mode in self._wanted]
        references, definitions = generator.generate_definitions(inputs)
        for (shape, mode), schema in self._wanted.items():
            schema.update(references[shape, mode])
        return dict(sorted(definitions.items()))


def describe(rule: Rule, view: Callable[..., Any], declared: Operation, method: str, shapes: Shapes) -> dict[str, Any]:
    blueprint, _, function = rule.endpoint.partition(".")
    tag = blueprint.removeprefix("api_")
    found: dict[str, Any] = {
        "operationId": camel(f"{tag}_{function}"),
        "tags": [tag],
        "summary": declared.summary,
        "parameters": [*path_parameters(rule), *query_parameters(declared), *header_parameters(declared, method)],
        "responses": responses(rule, declared, method, shapes),
    }
    if text := inspect.getdoc(view):
        found["description"] = text
    if declared.public:
        found["security"] = []
    if declared.admin:
        found["x-role"] = "admin"
    if declared.takes is not None:
        schema = shapes.reference(declared.takes, "validation")
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return found


def address_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)


def path_parameters(rule: Rule) -> list[dict[str, Any]]:
    found = []
    for name in sorted(rule.arguments):
        converter = rule._converters[name]
        schema = dict(CONVERTERS[type(converter).__name__])
        if getattr(converter, "max", None) is not None:
            schema["maximum"] = converter.max  # type: ignore[attr-defined]
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def query_parameters(declared: Operation) -> list[dict[str, Any]]:
    """One for each field of the query's shape."""
    if declared.query is None:
        return []
    schema = declared.query.model_json_schema(by_alias=True)
    needed = schema.get("required", [])
    found = []
    for name, described in schema["properties"].items():
        described = without_null(described)
        described.pop("title", None)
        parameter = {"name": name, "in": "query", "required": name in needed, "schema": described}
        if text := described.pop("description", ""):
            parameter["description"] = text
        found.append(parameter)
    return found


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what is missing is missing."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return dict(schema)
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**rest, **kinds[0]}


def header_parameters(declared: Operation, method: str) -> list[dict[str, Any]]:
    found = []
    if declared.guarded:
        found.append(header("If-Match", "The ETag of the state that this was decided on; 412 when it has changed."))
    if method in CHANGING and not declared.public:
        text = (
            "A key of your own for this one request, best a random UUID. Repeated with the same key within a day, it "
            "is not carried out again and gets the same answer, marked Idempotency-Replayed; 422 when the request "
            "differs, 409 while the first is carried out. A refused request changed nothing: its key is free again."
        )
        found.append(header("Idempotency-Key", text, pattern=f"^(?:{KEY.pattern})$"))
    return found


def header(name: str, text: str, **schema: str) -> dict[str, Any]:
    described = {"type": "string", **schema}
    return {"name": name, "in": "header", "required": False, "schema": described, "description": text}


def responses(rule: Rule, declared: Operation, method: str, shapes: Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in {declared.status: declared.gives, **declared.also}.items():
        response: dict[str, Any] = {"description": declared.summary if status < 300 else REFUSALS[status]}
        if shape is not None:
            schema = shapes.reference(shape, "serialization")
            response["content"] = {declared.media_type: {"schema": schema}}
        found[str(status)] = response
    schema = shapes.reference(Problem, "serialization")
    for status in sorted(refusals(rule, declared, method)):
        content = found.setdefault(str(status), {"description": REFUSALS[status]}).setdefault("content", {})
        content[PROBLEM_JSON] = {"schema": schema}
    return dict(sorted(found.items()))


def refusals(rule: Rule, declared: Operation, method: str) -> set[int]:
    """The statuses of the problems that an operation may answer."""
    found = {429, 503, *declared.refusals}
    if not declared.public:
        found.add(401)
        if method in CHANGING:
            # A browser's change without its token, a reading token, and the refusals of an Idempotency-Key.
            found |= {400, 403, 409, 422}
    if declared.admin:
        found.add(403)
    if rule.arguments:
        found.add(404)
    if declared.gives is not None:
        found.add(406)
    if declared.query is not None:
        found.add(422)
    if declared.takes is not None:
        found |= {400, 413, 415, 422}
    if declared.clashes:
        found.add(409)
    if declared.guarded:
        found.add(412)
    return found
