"""The simulator as a Flask application."""

from __future__ import annotations

from flask import Blueprint, Flask
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from obdtrack.providers.mobtexting.simulator.access import admit
from obdtrack.providers.mobtexting.simulator.config import SimulatorConfig
from obdtrack.providers.mobtexting.simulator.developer import developer
from obdtrack.providers.mobtexting.simulator.error_responses import refusal
from obdtrack.providers.mobtexting.simulator.inspection import inspection
from obdtrack.providers.mobtexting.simulator.outgoing import outgoing
from obdtrack.providers.mobtexting.simulator.state import Simulator

API_PATH = "/api/v2/"
LARGEST_REQUEST_BYTES = 4 * 1024 * 1024


class _DocumentedOrder(DefaultJSONProvider):
    """JSON whose keys keep the order the provider's documentation has them in."""

    sort_keys = False


def create_simulator(config: SimulatorConfig) -> Flask:
    """Return the application of a new simulator, which is its `extensions["simulator"]`.

    The simulator's threads are daemons; `Simulator.close` ends them earlier.
    """
    return application(Simulator(config))


def application(simulator: Simulator) -> Flask:
    """Return the application that speaks for `simulator`."""
    app = Flask("obdtrack.simulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST_BYTES
    # A doubled slash is a mistake in the base address, better told than redirected away.
    app.url_map.merge_slashes = False
    app.json = _DocumentedOrder(app)
    app.extensions["simulator"] = simulator
    api = Blueprint("api", __name__, url_prefix=API_PATH.rstrip("/"))
    api.before_request(admit)
    api.register_blueprint(outgoing)
    api.register_blueprint(developer)
    app.register_blueprint(api)
    app.register_blueprint(inspection)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _http_error(error: HTTPException) -> ResponseReturnValue:
    response = refusal(error.code or 500, error.name)
    # Allow of a 405, Retry-After and the like belong to the answer.
    kept = [(key, value) for key, value in error.get_headers() if key != "Content-Type"]
    response.headers.extend(kept)
    return response
