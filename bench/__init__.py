"""Benchmarks anyone can run: `python -m bench NAME`, or `make bench` for the first.

    ingest   reports a second, against a bare Flask route, the obvious receiver, and Fastify
    growth   the same questions with ten thousand and with a million calls
    place    what placing a call costs beyond the provider's own time, and what it does to others
    memory   resident memory over many reports, time to the first answer

Contestants run one at a time, in turn, each on a fresh copy of one database, and only ratios
within one round are compared: two runs on one machine differ, the ratios hardly do. Results go to
`bench/results/`, databases to `var/bench/` (a real disk: on tmpfs a commit costs nothing).

Needed beside requirements-dev.txt: wrk (`apt install wrk`, `brew install wrk`); for Fastify also
Node.js 20 or newer with npm.
"""
