"""The OpenAPI document: it is well-formed, it is complete, and the role and shapes in it are those that hold."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from flask_admin_ui.api import document
from flask_admin_ui.api.operation import operation_of
from flask_admin_ui.security.gate import PUBLIC
from tests.support.admin import Actor


@pytest.fixture
def described(app: Flask) -> dict[str, Any]:
    return document.build(app)


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, address, operation)
        for address, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_openapi_3_1(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()
    assert described["openapi"] == "3.1.0"


def test_every_route_under_api_is_an_operation(app: Flask) -> None:
    """A new route is declared with `flask_admin_ui.api.operation`."""
    undeclared = [
        rule.rule for rule in document.api_rules(app) if operation_of(app.view_functions[rule.endpoint]) is None
    ]
    assert undeclared == []


def test_it_has_every_route_and_no_other(app: Flask, described: dict[str, Any]) -> None:
    there = {
        (method.lower(), document.address_of(rule))
        for rule in document.api_rules(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, address) for method, address, _ in operations(described)} == there


def test_what_it_calls_public_is_what_the_gate_lets_pass(app: Flask) -> None:
    declared = {rule.endpoint: operation_of(app.view_functions[rule.endpoint]) for rule in document.api_rules(app)}
    public = {endpoint for endpoint, operation in declared.items() if operation is not None and operation.public}
    assert public == {endpoint for endpoint in PUBLIC if endpoint.startswith("api_")}


def test_operation_ids_are_unique(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))


def test_secrets_leave_in_three_answers_only(described: dict[str, Any]) -> None:
    shapes = described["components"]["schemas"]
    with_secret = {name for name, shape in shapes.items() if {"password", "token"} & shape.get("properties", {}).keys()}
    bodies = {"NewDevice", "SignIn", "NewPerson", "PersonChange", "NewCloudflareToken"}
    assert with_secret - bodies == {"DeviceWithPassword", "SignedIn", "TokenWithText"}


def test_it_is_served_to_who_has_signed_in(admin: Actor, stranger: Actor) -> None:
    assert admin.get("/api/openapi.json").get_json()["info"]["title"] == "GoSIP"
    assert stranger.get("/api/openapi.json").status_code == 401


@pytest.mark.parametrize(
    ("path", "links"),
    [
        ("/api/devices?size=1", {"first": 1, "next": 2, "last": 3}),
        ("/api/devices?size=1&page=2", {"first": 1, "prev": 1, "next": 3, "last": 3}),
        ("/api/devices", {"first": 1, "last": 1}),
    ],
)
def test_a_list_links_to_its_other_parts(system: Any, admin: Actor, path: str, links: dict[str, int]) -> None:
    """RFC 8288."""
    for number in ("1001", "1002", "1003"):
        system.add_device(number)
    header = admin.get(path).headers["Link"]
    found = {part.partition('rel="')[2].rstrip('"'): part for part in header.split(", ")}
    assert found.keys() == links.keys()
    assert all(f"page={number}>" in found[relation] for relation, number in links.items())


def test_it_says_which_parts_of_a_list_can_be_asked_for(described: dict[str, Any]) -> None:
    parameters = {one["name"]: one["schema"] for one in described["paths"]["/api/devices"]["get"]["parameters"]}
    assert (parameters["page"]["minimum"], parameters["size"]["minimum"], parameters["size"]["maximum"]) == (1, 1, 100)
