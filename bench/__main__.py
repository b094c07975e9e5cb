"""`python -m bench NAME`: benchmarks anyone can run, on 127.0.0.1.

Candidates take turns, each on a fresh copy of one database, and only ratios within one round are
compared: two runs differ, the ratios hardly do. Databases are made in `var/bench/` (a real disk: on
tmpfs a commit costs nothing). Needed: wrk (`apt install wrk`), and Node.js for Fastify.
"""

import click

from bench import against, campaign, growth, ingest, lists, memory, place, read, slow

main = click.Group(help=__doc__)
for benchmark in (ingest, place, read, campaign, growth, memory, slow, against):
    main.add_command(benchmark.command, benchmark.__name__.removeprefix("bench."))
main.add_command(lists.command, "import")
main()
