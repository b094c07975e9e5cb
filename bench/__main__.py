"""`python -m bench`: the command line of all benchmarks."""

import click

from bench import against, growth, ingest, memory, place

main = click.Group(help="Benchmarks. Everything runs on this machine, on 127.0.0.1.")
for benchmark in (ingest, place, growth, memory, against):
    main.add_command(benchmark.command, benchmark.__name__.removeprefix("bench."))

if __name__ == "__main__":
    main()
