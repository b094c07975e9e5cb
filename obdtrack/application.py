"""Puts the parts together: the only place that knows all of them."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response

from obdtrack.config import Settings, load_settings, require_for_serving
from obdtrack.jobs import Background
from obdtrack.providers.mobtexting import MobTexting
from obdtrack.storage.database import open_database
from obdtrack.storage.deliveries import Stored
from obdtrack.storage.migrate import check_schema
from obdtrack.storage.vault import Vault
from obdtrack.storage.writer import GroupWriter
from obdtrack.web import api, health
from obdtrack.web.access import guard
from obdtrack.web.document import register_api
from obdtrack.web.errors import register_errors
from obdtrack.web.observe import observe
from obdtrack.web.webhooks import MAX_BODY, Callback
from obdtrack.workflows.context import Context
from obdtrack.workflows.quarantine_delivery import Quarantine
from obdtrack.workflows.receive_delivery import Received, receive_deliveries


def make_context(settings: Settings) -> Context:
    """Give the parts that workflows need, as the settings say; nothing is connected yet."""
    return Context(
        settings=settings,
        store=open_database(settings.database_url),
        provider=MobTexting(
            url=settings.provider_url,
            token=settings.provider_token,
            timezone=settings.provider_timezone,
            webhook_id=settings.webhook_id,
            fields=settings.webhook_fields,
            total_timeout=settings.provider_timeout,
            read_timeout=min(8.0, settings.provider_timeout),
        ),
        vault=Vault(settings.secret_key),
    )


def make_background(context: Context) -> Background:
    """Give the background work of a process that serves; it is not started yet."""
    return Background(context, chores=context.settings.jobs)


def create_app(context: Context | None = None) -> Flask:
    """Make the WSGI application, from the environment's settings or from a given context.

    Raises ConfigError if a setting is missing or wrong, or if the database does not fit the code.
    """
    own = context is None
    context = context or make_context(load_settings())
    require_for_serving(context.settings)
    with context.store.connection_context():
        check_schema(context.store)
    app = Flask("obdtrack.web")
    app.extensions["obdtrack"] = context
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    observe(app)
    guard(app)
    register_errors(app)
    register_api(app, api.blueprint)
    app.register_blueprint(health.blueprint)
    app.after_request(_harden)
    app.teardown_request(lambda _: _release(context))
    _put_callback_in_front(app, context)
    if own:
        _start_with_first_request(app, make_background(context))
    return app


def _start_with_first_request(app: Flask, background: Background) -> None:
    """Start threads only once requests come: a server may fork after it has loaded the app."""
    serve = app.wsgi_app
    started: list[bool] = []

    def start_then_serve(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if not started:
            started.append(True)
            background.start()
        return serve(environ, start_response)

    app.wsgi_app = start_then_serve  # type: ignore[method-assign]  # Flask's documented way


def _put_callback_in_front(app: Flask, context: Context) -> None:
    writer: GroupWriter[Stored, Received] = GroupWriter(
        lambda batch: receive_deliveries(batch, context)
    )
    quarantine = Quarantine(context)
    app.extensions["quarantine"] = quarantine
    callback = Callback(
        app.wsgi_app,
        store=writer.write,
        reject=quarantine.take,
        now=context.now,
        secrets=context.settings.webhook_secrets,
        headers=context.settings.webhook_fields.values(),
    )
    app.wsgi_app = callback  # type: ignore[method-assign]  # Flask's documented way to wrap


def _release(context: Context) -> None:
    if not context.store.is_closed():
        context.store.close()


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
