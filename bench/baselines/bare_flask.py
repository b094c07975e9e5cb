"""The ceilings: a route that only reads a report's JSON, and one that only asks the provider."""

import os

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=200))
url = os.environ["OBDTRACK_PROVIDER_URL"] + "outgoing/send"


@app.get("/livez")
def livez() -> str:
    return "ok"


@app.post("/webhooks/mobtexting")
def receive() -> ResponseReturnValue:
    return jsonify(status="ok", mid=request.get_json()["mid"])


@app.post("/api/v1/calls")
def place() -> ResponseReturnValue:
    response = session.post(url, json=request.get_json(), timeout=(3, 8))
    return jsonify(response.json()), 201
