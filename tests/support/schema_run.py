"""Schemathesis on the admin app in this process: requests made from the OpenAPI document, right ones and wrong ones.

Each answer is compared with the document: no 5xx, no status, shape or media type that is not described, what the
document allows is taken and what it does not is refused, and nothing that needs a sign-in is given without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from flask import Flask
from schemathesis import hooks, openapi
from schemathesis.config import (
    ChecksConfig,
    ExamplesPhaseConfig,
    FuzzingPhaseConfig,
    GenerationConfig,
    PhasesConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    SimpleCheckConfig,
    StatefulPhaseConfig,
)
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import Interaction

from appliance.settings import SETTINGS
from appliance.wire import camel
from flask_admin_ui.api import document
from flask_admin_ui.api.once import HEADER, KEY

SEED = 20260
ELSEWHERE = ["/api/events/stream"]
"""Served by a program of its own."""
TAKEN = ["2xx", "401", "403", "404", "409", "412", "429"]
"""What may be answered to a request that the document allows; 401 to 429 say that the time or the asker is wrong."""
BEYOND_SCHEMA = {"ownerId", "strangers", "names", "chainPem", "keyPem"} | {camel(name) for name in SETTINGS}
"""Fields with a rule of their own: that the owner exists, that one excludes another, how a setting or a host name is
written, that a key fits its certificate."""
Token = Callable[[], str]


def breaches(app: Flask, token: Token | None, *, examples: int, scenarios: int) -> Iterator[str]:
    """What the app does that its document does not say. `token` gives a bearer token that is good now; None: nobody."""
    whole = openapi.from_dict(document.build(app), config=configuration(examples, scenarios))
    schema = whole.exclude(path=ELSEWHERE)
    schema.app = app
    if token is not None:
        schema.auth(refresh_interval=None)(bearer(token))
    adjust = fresh_keys(count(1))
    hooks.hook("before_call")(adjust)
    try:
        for event in from_schema(schema).execute():
            yield from faults(event)
    finally:
        hooks.unregister(adjust)


def fresh_keys(serials: Iterator[int]) -> Callable[..., None]:
    """A key stands for one request for a day: a second one with it is refused, and rightly so."""

    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        if KEY.fullmatch(str((case.headers or {}).get(HEADER, ""))):
            case.headers = {**case.headers, HEADER: f"request-{next(serials)}"}

    return before_call


def configuration(examples: int, scenarios: int) -> SchemathesisConfig:
    """The same requests at each run, and so many random ones beside those that touch each limit of the document."""
    generation = GenerationConfig(max_examples=examples, deterministic=True, database="none", no_shrink=True)
    several = GenerationConfig(max_examples=scenarios, deterministic=True, database="none", no_shrink=True)
    phases = PhasesConfig(
        examples=ExamplesPhaseConfig(generation=generation),
        fuzzing=FuzzingPhaseConfig(generation=generation),
        stateful=StatefulPhaseConfig(generation=several, enabled=scenarios > 0),
    )
    # Its own test of sign-in fails on an app in this process; the run of a stranger shows more.
    checks = ChecksConfig(
        ignored_auth=SimpleCheckConfig(enabled=False),
        positive_data_acceptance=PositiveDataAcceptanceConfig(expected_statuses=TAKEN),
    )
    project = ProjectConfig(base_url="https://localhost", phases=phases, generation=generation, checks=checks)
    return SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))


def bearer(token: Token) -> type[Any]:
    class Bearer:
        """RFC 6750 §2.1."""

        def get(self, case: Any, context: Any) -> str:
            return token()

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    return Bearer


def faults(event: events.EngineEvent) -> Iterator[str]:
    """In words, with the request that shows it."""
    match event:
        case events.ScenarioFinished():
            for case_id, checks in event.recorder.checks.items():
                interaction = event.recorder.interactions.get(case_id)
                for check in checks:
                    if check.failure_info is not None and not is_beyond_schema(check.name, interaction):
                        yield f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
        case events.NonFatalError() | events.FatalError():
            yield f"the run itself failed: {event}"


def is_beyond_schema(check: str, interaction: Interaction | None) -> bool:
    """Whether what the schema allows was refused for a reason that no schema can say."""
    if check != "positive_data_acceptance" or interaction is None or interaction.response is None:
        return False
    answer = interaction.response.json()
    fields = {one["field"] for one in answer["details"]}
    return answer["status"] == 422 and bool(fields) and fields <= BEYOND_SCHEMA
