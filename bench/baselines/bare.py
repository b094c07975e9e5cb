"""Routes that only parse a report or only ask the provider, and a provider that only accepts."""

import json
import os
import re
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from bench.load import CALLBACK, MID, PLACE, filled_in

app = Flask(__name__)
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=200))
url = os.environ["OBDTRACK_PROVIDER_URL"] + "outgoing/send"
app.get("/livez")(lambda: "ok")


@app.post(CALLBACK)
def receive() -> ResponseReturnValue:
    return jsonify(status="ok", mid=request.get_json()["mid"])


@app.post(PLACE)
def place() -> ResponseReturnValue:
    response = session.post(url, json=request.get_json(), timeout=(3, 8))
    return jsonify(response.json()), 201


def prompt(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Accept a call, or those of a list, at once."""
    found = re.search(rb'"to": *"?([+0-9,]+)', environ["wsgi.input"].read())
    numbers = [int(one[-8:]) for one in found[1].split(b",")] if found else [0]
    mid = filled_in(MID, numbers[0])
    entries = [
        {"id": f"{mid}:{place}", "mobile": f"9188{number:08}", "charges": "0.5000"}
        for place, number in enumerate(numbers, start=1)
    ]
    content = json.dumps({"status": "200", "message": "OK", "data": entries}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [content]


def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Accept a call after two seconds."""
    time.sleep(2 if environ["REQUEST_METHOD"] == "POST" else 0)
    return prompt(environ, start_response)
