"""The routes that place calls and tell what became of them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping, Sequence

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from obdtrack.providers.mobtexting.simulator.bodies import Body, accepted_body, status_body
from obdtrack.providers.mobtexting.simulator.call_store import QUESTIONS
from obdtrack.providers.mobtexting.simulator.calls import SimulatedCall
from obdtrack.providers.mobtexting.simulator.error_responses import (
    invalid,
    login_page,
    login_redirect,
    rate_limited,
    refusal,
)
from obdtrack.providers.mobtexting.simulator.scenarios import SimulatedResponse, deciding_fate
from obdtrack.providers.mobtexting.simulator.send_request import InvalidOrderError, read_order
from obdtrack.providers.mobtexting.simulator.state import current

RETRY_AFTER_SECONDS = 30

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

outgoing = Blueprint("outgoing", __name__, url_prefix="/outgoing")


@outgoing.post("/send")
def send() -> ResponseReturnValue:
    """Place the calls of one request, if their fate allows, and answer as it says."""
    simulator = current()
    if wait_seconds := simulator.sends.wait_seconds():
        return rate_limited(wait_seconds)
    try:
        order = read_order(request.get_json(silent=True))
    except InvalidOrderError as error:
        return invalid(error.errors)
    fate = deciding_fate(order.to)
    if fate.accepts and not simulator.balance.pays(len(order.to)):
        return _no_balance(())
    recordings_url = f"{request.host_url}simulator/recordings/"
    calls = simulator.place(order, recordings_url) if fate.accepts else ()
    if fate.slow:
        simulator.pause()
    return _ANSWERS[fate.response](calls)


@outgoing.get("/callstatus")
def callstatus() -> ResponseReturnValue:
    """Tell where the calls stand that fit the question."""
    question = {key: request.args[key] for key in QUESTIONS if request.args.get(key)}
    if not question:
        return invalid({"id": ["One of id, cid, date and mobile is required."]})
    if not _DAY.fullmatch(question.get("date", "2000-01-01")):
        return invalid({"date": ["The date does not match the format Y-m-d."]})
    return jsonify(status_body(current().ledger.find(question)))


def _success(calls: Sequence[SimulatedCall]) -> ResponseReturnValue:
    return jsonify(_accepted(calls))


def _without_id(calls: Sequence[SimulatedCall]) -> ResponseReturnValue:
    return jsonify(_accepted(calls) | {"data": []})


def _accepted(calls: Sequence[SimulatedCall]) -> Body:
    """Return the success body in the words of `calls`; without any, in those of the settings."""
    spoken = [call.generation for call in calls] or [current().config.generation]
    return accepted_body(calls, spoken[0])


def _dropped(calls: Sequence[SimulatedCall]) -> ResponseReturnValue:
    """Close the connection under the answer; only a real server has one to close."""
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return _error(calls)


def _error(_: Sequence[SimulatedCall]) -> ResponseReturnValue:
    return refusal(500, "Server Error")


def _invalid(_: Sequence[SimulatedCall]) -> ResponseReturnValue:
    return invalid({"to": ["The to format is invalid."]})


def _no_balance(_: Sequence[SimulatedCall]) -> ResponseReturnValue:
    return refusal(400, "Insufficient balance.", http_status=200)


_ANSWERS: Mapping[SimulatedResponse, Callable[[Sequence[SimulatedCall]], ResponseReturnValue]] = {
    SimulatedResponse.SUCCESS: _success,
    SimulatedResponse.WITHOUT_ID: _without_id,
    SimulatedResponse.DROPPED: _dropped,
    SimulatedResponse.ERROR: _error,
    SimulatedResponse.LOGIN_PAGE: lambda _: login_page(),
    SimulatedResponse.REDIRECT: lambda _: login_redirect(),
    SimulatedResponse.INVALID: _invalid,
    SimulatedResponse.NO_BALANCE: _no_balance,
    SimulatedResponse.RATE_LIMITED: lambda _: rate_limited(RETRY_AFTER_SECONDS),
}
