"""Benchmarks anyone can run, on 127.0.0.1: `python -m bench NAME`, or `make bench` for the first.

Candidates run one at a time, in turn, each on a fresh copy of one database, and only ratios within
one round are compared: two runs on one machine differ, the ratios hardly do. Results go to
`bench/results/`, databases to `var/bench/` (a real disk: on tmpfs a commit costs nothing). Needed
beside requirements-dev.txt: wrk (`apt install wrk`, `brew install wrk`), and Node.js for Fastify.
"""
