"""What placing a call costs at the least: a Flask route that asks the provider with requests."""

from __future__ import annotations

import os

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from requests.adapters import HTTPAdapter

app = Flask(__name__)
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=200))
url = os.environ["OBDTRACK_PROVIDER_URL"] + "outgoing/send"


@app.get("/livez")
def livez() -> str:
    return "ok"


@app.post("/api/v1/calls")
def place() -> ResponseReturnValue:
    response = session.post(url, json=request.get_json(), timeout=(3, 8))
    return jsonify(response.json()), 201
