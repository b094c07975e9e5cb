"""Puts the parts together: the only place that knows all of them."""

from __future__ import annotations

from flask import Flask, Response

from obdtrack.config import Settings, load_settings, require_for_serving
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


def create_app(context: Context | None = None) -> Flask:
    """Make the WSGI application, from the environment's settings or from a given context.

    Raises ConfigError if a setting is missing or wrong, or if the database does not fit the code.
    """
    if context is None:
        context = make_context(load_settings())
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
    return app


def _put_callback_in_front(app: Flask, context: Context) -> None:
    writer: GroupWriter[Stored, Received] = GroupWriter(
        lambda batch: receive_deliveries(batch, context)
    )
    callback = Callback(
        app.wsgi_app,
        store=writer.write,
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
