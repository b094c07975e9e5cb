"""Puts the parts together: the only place that knows all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.quarantine import Quarantine
from obdtrack.calls.reports.receive import ReceivedDelivery, receive_deliveries
from obdtrack.campaigns.follow import follow
from obdtrack.domain.phone import NOT_WHOLE, whole
from obdtrack.errors import ConfigError
from obdtrack.jobs import KINDS, Background
from obdtrack.logs import configure_logs
from obdtrack.notifications.call_events import tell
from obdtrack.notifications.reading import Waiters
from obdtrack.providers import registry
from obdtrack.services import Services
from obdtrack.settings import (
    SECRET_LENGTH,
    SETTINGS,
    Settings,
    load_for_serving,
    require_for_serving,
)
from obdtrack.store.database import open_database, open_replica
from obdtrack.store.encryption import Encryption
from obdtrack.store.group_commit import Inbox
from obdtrack.store.migrate import check_schema
from obdtrack.web import health, metrics
from obdtrack.web.api import campaigns, destinations, events, routes
from obdtrack.web.api.openapi import register_api
from obdtrack.web.callback import Callback
from obdtrack.web.http.auth import guard
from obdtrack.web.http.errors import register_errors
from obdtrack.web.http.probes import Watch
from obdtrack.web.http.request_bodies import BoundedRequest
from obdtrack.web.http.request_log import observe
from obdtrack.web.http.request_metrics import Metered
from obdtrack.web.http.responses import HEADERS
from obdtrack.web.pages.register import register_pages
from obdtrack.web.pages.template_helpers import Templates

log = structlog.get_logger()


LISTENERS = (tell, follow)
"""Who hears of every change of a call, in its transaction: it is told before what follows."""


def load_to_serve(*, insecure: bool = False) -> Settings:
    """Read the settings; raises ConfigError with all that is wrong with them, the vendor's too."""
    return load_for_serving(insecure=insecure, also=_check_values)


def _check_values(values: Mapping[str, Any]) -> None:
    """Raise ConfigError for values that the readers of settings cannot judge."""
    wrong = registry.objections(values)
    bridge = values.get("bridge")
    if bridge and whole(bridge) is None:
        wrong.append(f"OBDTRACK_BRIDGE: {NOT_WHOLE}")
    if wrong:
        raise ConfigError("\n".join(wrong))


def make_services(settings: Settings, *, serving: bool = False) -> Services:
    """Return the parts that workflows need, as the settings say; nothing is connected yet.

    A process that is `serving` keeps nobody waiting for long, whatever its database does.

    Raises ConfigError if there is no database, or for a value that no part can work with.
    """
    _check_values({name: getattr(settings, name) for name in SETTINGS})
    provider, *others = registry.connected(settings)
    return Services(
        settings=settings,
        store=open_database(settings.database_url, create=False, serving=serving),
        provider=provider,
        others=tuple(others),
        encryption=Encryption(settings.secret_key),
        listeners=LISTENERS,
        read_store=open_replica(settings.read_database_url, serving=serving)
        if settings.read_database_url
        else None,
    )


def make_background(services: Services) -> Background:
    """Return the background work of a process that serves; it is not started yet."""
    return Background(services, KINDS if services.settings.jobs else ())


class Application(Flask):
    """The web application: `watch` has its figures, `quarantine` the reports it refused.

    `callback` takes reports, and `inbox` writes them. `waiters` are those who wait for events.
    """

    jinja_environment = Templates
    watch: Watch
    inbox: Inbox[InboundRequest, ReceivedDelivery]
    quarantine: Quarantine
    callback: Callback
    waiters: Waiters

    def ensure_sync(self, func: Any) -> Any:
        """Return the function as it is: none of ours is a coroutine, and Flask asks each time."""
        return func


def create_app(services: Services | None = None) -> Application:
    """Make the WSGI application, from the environment's settings or from given services.

    Raises ConfigError if a setting is missing or wrong, or if the database does not fit the code.
    """
    own = services is None
    if services is None:
        services = make_services(load_to_serve(), serving=True)
        configure_logs(services.settings.log_level)
        for sentence in registry.misspelt(os.environ):
            log.warning("setting_unknown", reason=sentence)
    require_for_serving(services.settings)
    token = services.settings.webhook_token
    if token and len(token) < SECRET_LENGTH:
        log.warning("webhook_token_short", characters=len(token))
    with services.store.connection_context():
        check_schema(services.store)
    services.store.close_idle()  # a server may fork after this; no connection may cross that
    app = Application("obdtrack.web", static_folder=None)
    app.extensions["obdtrack"] = services
    app.request_class = BoundedRequest
    app.config["TRUSTED_HOSTS"] = list(services.settings.trusted_hosts) or None
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    app.after_request(_harden)  # the first named runs last: what has headers of its own keeps them
    observe(app)
    guard(app)
    register_errors(app)
    app.waiters = Waiters(services)
    parts = (campaigns.blueprint, destinations.blueprint, events.make_blueprint(app.waiters))
    register_api(app, routes.blueprint, *parts, intervals=services.provider.intervals)
    app.watch = watch = Watch(services)
    register_pages(app, services, watch)
    app.register_blueprint(health.make_blueprint(watch))
    app.register_blueprint(metrics.make_blueprint(watch))

    @app.teardown_request
    def release(_: BaseException | None) -> None:
        for store in (services.store, services.read_store):
            if store is not None and not store.is_closed():
                store.close()

    if hops := services.settings.proxy_hops:  # by default none: anybody can say what a proxy says
        _put_in_front(app, ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops))
    _put_callback_in_front(app, services, watch)
    if own:
        _start_with_first_request(app, make_background(services))
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

    _put_in_front(app, start_then_serve)


def _put_in_front(app: Flask, outer: WSGIApplication) -> None:
    app.wsgi_app = outer  # type: ignore[assignment,method-assign]  # Flask's documented way to wrap


def _put_callback_in_front(app: Application, services: Services, watch: Watch) -> None:
    app.inbox = Inbox(watch.meter.counting(lambda batch: receive_deliveries(batch, services)))
    app.quarantine = Quarantine(services)
    app.callback = Callback(
        app.wsgi_app,
        store=app.inbox.write,
        admit=app.quarantine.admit,
        now=services.now,
        providers=services.providers.values(),
    )
    _put_in_front(app, Metered(app.callback, watch.meter))


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
