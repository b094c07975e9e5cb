"""`simulator`: a stand-in for the provider, on loopback only."""

from __future__ import annotations

import click

from obdtrack.cli.output import examples
from obdtrack.errors import ConfigError
from obdtrack.providers.mobtexting.simulator.server import FATES_HELP, SimulatorConfig, serve
from obdtrack.settings import base_url, entries

_FATES = "\b\n" + FATES_HELP.replace("\n\n", "\n\n\b\n")  # else click would join the lines
_EPILOG = f"{_FATES}\n\n{examples('simulator', 'simulator --port 9001 --balance 20')}"


@click.command(epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=8001, show_default=True, help="Where it listens.")
@click.option("--token", default="simulated-token", show_default=True, help="What callers send.")
@click.option(
    "--callback",
    default="http://127.0.0.1:8000/webhooks/mobtexting",
    show_default=True,
    help="Where reports go unless a webhook was registered.",
)
@click.option("--secret", envvar="OBDTRACK_WEBHOOK_SECRETS", help="What reports carry.")
@click.option("--ring-seconds", default=3.0, show_default=True, help="How long a phone rings.")
@click.option(
    "--generation",
    type=click.Choice(["2019", "2024"]),
    default="2019",
    show_default=True,
    help="Which of the provider's two response formats to use.",
)
@click.option(
    "--slow-seconds", default=60.0, show_default=True, help="How long a slow response takes."
)
@click.option("--balance", type=int, help="How many numbers are paid for; the next are refused.")
@click.option("--sends-per-second", type=int, help="Requests to place calls before HTTP 429.")
@click.option("--bad-flow", default="666", show_default=True, help="Calls of this flow all fail.")
def command(
    host: str,
    port: int,
    token: str,
    callback: str,
    secret: str | None,
    ring_seconds: float,
    generation: str,
    slow_seconds: float,
    balance: int | None,
    sends_per_second: int | None,
    bad_flow: str,
) -> None:
    """Run a stand-in for the provider on loopback.

    Responds as the provider does and posts reports, until Ctrl-C.
    """
    config = SimulatorConfig(
        token=token,
        callback_url=callback,
        secret=next(iter(entries(secret)), None),
        ring_seconds=ring_seconds,
        generation="2024" if generation == "2024" else "2019",
        slow_seconds=slow_seconds,
        balance=balance,
        sends_per_second=sends_per_second,
        bad_flow=bad_flow,
    )
    click.echo(f"The simulator listens on {base_url(host, port)}/api/v2/", err=True)
    try:
        serve(config, host=host, port=port)
    except ValueError as error:
        raise ConfigError(str(error)) from None
