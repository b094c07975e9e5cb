"""Routes beside the provider's API: what was placed, recordings, the login page."""

from __future__ import annotations

import io
import wave
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from obdtrack.providers.mobtexting.simulator.bodies import status_word
from obdtrack.providers.mobtexting.simulator.call_store import LoggedCall
from obdtrack.providers.mobtexting.simulator.config import wire_time
from obdtrack.providers.mobtexting.simulator.error_responses import login_page
from obdtrack.providers.mobtexting.simulator.state import current

SAMPLES_PER_SECOND = 8000

inspection = Blueprint("inspection", __name__)


@inspection.get("/login")
def login() -> ResponseReturnValue:
    """Show the page that strangers are sent to."""
    return login_page()


@inspection.get("/simulator/calls")
def list_calls() -> ResponseReturnValue:
    """List every call that was placed, oldest first."""
    return jsonify({"data": [_row(entry) for entry in current().ledger.entries()]})


@inspection.get("/simulator/recordings/<call_id>.wav")
def recording(call_id: str) -> ResponseReturnValue:
    """Play what was said in a call: a second of silence."""
    if not current().ledger.find({"id": call_id}):
        return Response(status=404)
    return Response(_silence(), mimetype="audio/wav")


def _row(entry: LoggedCall) -> dict[str, Any]:
    call = entry.call
    return {
        "id": call.id,
        "to": call.to,
        "bridge": call.order.bridge,
        "flow_id": call.order.flow_id,
        "audio": call.order.audio,
        "name": call.order.name,
        "interval": call.order.interval,
        "fate": call.fate.name,
        "status": status_word(entry),
        "placed_at": wire_time(call.placed_at),
    }


def _silence() -> bytes:
    """Return one second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLES_PER_SECOND)
        sound.writeframes(bytes(2 * SAMPLES_PER_SECOND))
    return file.getvalue()
