"""The API document (OpenAPI 3.1), made from the schemas and the routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask, Response, current_app, jsonify
from flask_smorest import Api, Blueprint

from obdtrack.access.keys import Scope
from obdtrack.web.api.glossary import complete, problem_example
from obdtrack.web.api.schemas import ProblemSchema
from obdtrack.web.http.auth import needs
from obdtrack.web.http.errors import PROBLEM_JSON, on_http_exception

View = TypeVar("View", bound=Callable[..., Any])

DOCUMENT_ENDPOINT = "api-docs.openapi_json"

_DESCRIPTION = """Places calls, and shows what happened to them and how we know.

Every request carries an API key: `Authorization: Bearer <key>`. Times are RFC 3339 in UTC."""


class ProblemApi(Api):
    """flask-smorest with its errors as `application/problem+json`."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: Any) -> Any:
        """Respond as the rest of the application does."""
        return on_http_exception(error)

    def _register_responses(self) -> None:
        # The library would describe errors as application/json.
        schema = self.ma_plugin.resolver.resolve_schema_dict(ProblemSchema)
        described = {status.name: (status, status.phrase) for status in HTTPStatus if status >= 400}
        described["DEFAULT_ERROR"] = HTTPStatus.UNPROCESSABLE_ENTITY, "An error (RFC 9457)"
        for name, (status, phrase) in described.items():
            content = {PROBLEM_JSON: {"schema": schema, "example": problem_example(status)}}
            response = {"description": phrase, "content": content}
            self.spec.components.response(name, response, lazy=True)

    def completed(self) -> dict[str, Any]:
        """Return the document, with what its schemas do not say of themselves."""
        refs = self.ma_plugin.converter.refs.items()
        titles = {name: (key[0].__doc__ or "").partition("\n")[0] for key, name in refs}
        return complete(self.spec.to_dict(), titles)


def secured(scope: Scope, *errors: HTTPStatus) -> Callable[[View], View]:
    """Name the scope a route needs, for the guard and for the document, with its likely errors."""
    likely = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, *errors)
    responses = {str(status.value): status.name for status in likely}

    def decorate(view: View) -> View:
        documented = Blueprint.doc(responses=responses, **{"x-scope": scope.value})(view)
        marked: View = needs(scope)(documented)
        return marked

    return decorate


def api_document() -> dict[str, Any]:
    """Return the document as it is served."""
    view = current_app.view_functions[DOCUMENT_ENDPOINT]
    served: Response = view()  # type: ignore[assignment]  # a view may return other things too
    found: dict[str, Any] = served.get_json()
    return found


def register_api(app: Flask, *blueprints: Blueprint, intervals: Iterable[int]) -> None:
    """Serve these parts of the REST API, and the document about them.

    `intervals` are the minutes between redials that the provider offers.
    """
    app.config.update(
        API_TITLE="obdtrack",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": _DESCRIPTION},
            "security": [{"key": []}],
            "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        },
    )
    document = ProblemApi(app)
    for blueprint in blueprints:
        document.register_blueprint(blueprint)
    if placing := document.spec.components.schemas.get("PlaceCall"):
        placing["properties"]["interval"]["enum"] = list(intervals)

    @needs(Scope.READ)
    def guarded_document() -> Response:
        return jsonify(document.completed())

    app.view_functions[DOCUMENT_ENDPOINT] = guarded_document
