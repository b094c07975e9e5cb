"""`python -m bench`: the command line of all benchmarks."""

from __future__ import annotations

import click

from bench import growth, ingest, memory, place


@click.group(help="Benchmarks. Everything runs on this machine, on 127.0.0.1.")
def main() -> None:
    """Group the benchmarks."""


for benchmark in (ingest, growth, place, memory):
    main.add_command(benchmark.command, benchmark.__name__.removeprefix("bench."))

if __name__ == "__main__":
    main()
