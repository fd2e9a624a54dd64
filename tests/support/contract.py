"""Holds the API to its OpenAPI document: every answer of a test's app is compared with what the document says."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from flask_admin_ui.api import document


class Contract:
    """Looks at each answer under /api; `breaches` says in words what the document does not allow."""

    def __init__(self, app: Flask) -> None:
        self.document = document.build(app)
        self.breaches: list[str] = []
        self._validators: dict[int, Any] = {}
        app.after_request(self._look)

    def _look(self, response: Response) -> Response:
        if request.url_rule is not None and request.url_rule.rule.startswith("/api/"):
            self._compare(document.address_of(request.url_rule), response)
        return response

    def _compare(self, address: str, response: Response) -> None:
        # Views that a test adds for itself are not in it.
        operation = self.document["paths"].get(address, {}).get(request.method.lower())
        if operation is None:
            return  # nor have HEAD and OPTIONS a description of their own
        what = f"{request.method} {address} answers {response.status_code}"
        described = operation["responses"].get(str(response.status_code))
        if described is None:
            self.breaches.append(f"{what}, which is not described")
        elif content := described.get("content"):
            self._check_content(what, content, response)
        elif response.get_data():
            self.breaches.append(f"{what} with a body that is not described")

    def _check_content(self, what: str, content: dict[str, Any], response: Response) -> None:
        described = content.get(response.mimetype or "")
        if described is None:
            self.breaches.append(f"{what} as {response.mimetype}; described are {', '.join(content)}")
        elif (response.mimetype or "").endswith("json"):
            for error in self._validator(described["schema"]).iter_errors(response.get_json()):
                self.breaches.append(f"{what}: {error.message} at {list(error.instance_path)}")

    def _validator(self, schema: dict[str, Any]) -> Any:
        if id(schema) not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[id(schema)] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[id(schema)]
