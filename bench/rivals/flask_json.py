"""The ceiling: a Flask route that reads the JSON of a report and does nothing with it."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.get("/livez")
def livez() -> str:
    return "ok"


@app.post("/webhooks/mobtexting")
def receive() -> ResponseReturnValue:
    report = request.get_json()
    return jsonify(status="ok", mid=report["mid"])
