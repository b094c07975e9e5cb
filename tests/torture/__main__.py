"""`python -m tests.torture`: the long runs, a line of figures each, kept in docs/reliability.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from obdtrack.store.database import open_database
from tests.torture import mutants
from tests.torture.audit import fail_everywhere
from tests.torture.campaigns import CampaignFate, freeze_campaign, kill_campaign
from tests.torture.clients import STARTS, meet_slow_clients, stand_a_flood
from tests.torture.crowds import place_under_keys, report_the_same
from tests.torture.cuts import Cut, cut_everywhere
from tests.torture.databases import postgres, quiet, scratch
from tests.torture.disks import fill_the_disk
from tests.torture.everywhere import SCENARIOS
from tests.torture.feed import follow_feed
from tests.torture.forwarding import forward_through_kills
from tests.torture.freezes import DATABASES, freeze_again_and_again, freeze_holding_figures
from tests.torture.kills import kill_again_and_again
from tests.torture.machine import Calls
from tests.torture.mixed import freeze_one, mix_everything, stop_the_database
from tests.torture.mutants import Mutant
from tests.torture.one_call import report_of_calls
from tests.torture.pair import ANSWER_SECONDS, POLLING, pair
from tests.torture.polling import PER_MINUTE, lose_reports
from tests.torture.upgrades import upgrade_again_and_again

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
PERCENT = (0, 10, 50, 100)
SUBTLE = (mutants.leave_early_reports_alone, mutants.believe_the_last_report)
MEGABYTES_MORE = 64
"""What a flood may add to the server's memory: its threads, and what they work on at once."""

Figures = tuple[str, bool]
"""What was seen, in words, and whether every promise was kept."""


def kills(count: int) -> Figures:
    """Kill the loaded server."""
    seen = kill_again_and_again(count, seed=count)
    words = (
        f"{seen.kills} kills, {seen.acknowledged} reports acknowledged: {seen.lost} lost; "
        f"{seen.dialled} numbers dialled: {seen.twice} twice; {seen.interrupted} submissions "
        f"interrupted: {seen.left_submitting} left in doubt without a word"
    )
    return words, seen.wrong == 0


def operations(_: int) -> Figures:
    """Fail every operation in every way."""
    tries = wrong = 0
    for scenario in SCENARIOS:
        with scratch() as folder:
            verdict = fail_everywhere(scenario, folder)
        tries, wrong = tries + verdict.tries, wrong + len(verdict.wrong)
    return f"{tries} failures in {len(SCENARIOS)} scenarios: {wrong} violations", wrong == 0


def cuts(rounds: int) -> Figures:
    """Cut the connection to the provider."""
    wrong = cut_everywhere(rounds)
    words = f"{rounds * len(Cut)} connections at {len(Cut)} points: {len(wrong)} wrong or twice"
    return words, not wrong


def lost_reports(calls: int) -> Figures:
    """Lose reports."""
    seen = [lose_reports(calls, percent) for percent in PERCENT]
    unknown, most = sum(one.not_known for one in seen), max(one.most_in_a_minute for one in seen)
    words = (
        f"{calls} calls each at {', '.join(map(str, PERCENT))} % lost: {unknown} not known in the "
        f"end; at most {most} questions a minute of {PER_MINUTE} allowed"
    )
    return words, unknown == 0 and most <= PER_MINUTE


def crowds(reports: int) -> Figures:
    """Ask for the same thing at once."""
    told, placed = report_the_same(reports), place_under_keys(reports)
    words = (
        f"{told.posts} posts of {reports} reports: {told.times[1]} events; "
        f"{placed.posts} posts of {reports} keys: {placed.times[1]} dials"
    )
    return words, told.times == placed.times == {1: reports}


def machine(examples: int) -> Figures:
    """Do anything in any order; new examples in every run.

    The faults that it takes many stories to notice are built in here, and not in every test run.
    """
    some = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Calls, settings=some)
    missed = [mutant.__name__ for mutant in SUBTLE if not _is_noticed(mutant, some)]
    words = f"{examples} stories of up to 30 steps: 0 violations"
    return words + "".join(f"; {name} is not noticed" for name in missed), not missed


def _is_noticed(mutant: Mutant, some: settings) -> bool:
    unshrunk = settings(some, phases=[Phase.generate], report_multiple_bugs=False)
    try:
        with mutant():
            run_state_machine_as_test(Calls, settings=unshrunk)
    except AssertionError:
        return True
    return False


def full_disk(times: int) -> Figures:
    """Fill the disk."""
    seen = [fill_the_disk() for _ in range(times)]
    dialled = sum(full.dialled for full, _ in seen)
    back = sum(after.codes == (200, 201) for _, after in seen)
    refused = sum(full.codes == (503, 503) for full, _ in seen)
    words = f"{times} times: {refused} answered 503, {dialled} dialled, {back} recovered"
    return words, (refused, dialled, back) == (times, 0, times)


def slow_sockets(count: int) -> Figures:
    """Keep slow clients."""
    codes = meet_slow_clients(count)
    words = (
        f"{count} sockets each in {', '.join(STARTS)}: "
        f"{codes.count(200)} of {len(codes)} honest reports answered 200"
    )
    return words, codes.count(200) == len(codes)


def upgrades(restarts: int) -> Figures:
    """Restart on a socket that stays open, and migrate, beside reports and look-ups."""
    with scratch() as folder:
        seen = upgrade_again_and_again(folder, restarts)
    words = (
        f"{restarts} restarts and one migration beside 16 clients: {len(seen.seconds)} requests "
        f"answered 200, {len(seen.other)} otherwise; longest wait {max(seen.seconds):.1f} s"
    )
    return words, not seen.other and max(seen.seconds) < ANSWER_SECONDS


def a_flood(seconds: int) -> Figures:
    """Post without the secret."""
    seen = stand_a_flood(seconds)
    taken = seen.honest.count(200)
    words = (
        f"{seconds} s, {seen.posts} posts without the secret: {seen.rows} rows written, {taken} of "
        f"{len(seen.honest)} honest reports answered 200; {seen.before:.0f} MB resident before, "
        f"{seen.after:.0f} MB after"
    )
    bounded = seen.after < seen.before + MEGABYTES_MORE
    return words, seen.rows == 0 and taken == len(seen.honest) and bounded


def mixed(seconds: int) -> Figures:
    """Do everything at once on two servers."""
    with pair(**POLLING) as servers:
        seen = mix_everything(servers, seconds)
    words = (
        f"{seconds} s, {seen.codes[200]} reports and {seen.codes[201]} calls at two servers, "
        f"{seen.rebuilds} times `rebuild`: {seen.refused} refused, {seen.rebuilds_failed} rebuilds "
        f"failed, {seen.deadlocks} deadlocks inside, {seen.left_unmatched} reports left unmatched; "
        f"slowest answer {seen.slowest:.1f} s"
    )
    return words, seen.refused == seen.rebuilds_failed == seen.left_unmatched == 0


def freezes(times: int) -> Figures:
    """Freeze one of two servers, on both databases at once: they spend their time waiting."""
    with ThreadPoolExecutor() as pool:
        seen = list(pool.map(partial(freeze_again_and_again, times), DATABASES))
    told = [
        f"{one.freezes} times on {database}, {one.decided} calls decided meanwhile: "
        f"{one.wrong_dials} wrong dials, slowest report of the other server "
        f"{one.slowest_report:.1f} s"
        for one, database in zip(seen, DATABASES, strict=True)
    ]
    well = all(one.wrong_dials == 0 and one.slowest_report < ANSWER_SECONDS for one in seen)
    return "; ".join(told), well


def figures_held(times: int) -> Figures:
    """Freeze one of two servers where all figures are written and not yet committed."""
    seen = [freeze_holding_figures(times, database) for database in DATABASES]
    told = [
        f"{times} times on {database}: {one.refused} of {one.codes.total()} requests to the other "
        f"answered 503, slowest answer {one.slowest:.1f} s"
        for one, database in zip(seen, DATABASES, strict=True)
    ]
    well = all(one.slowest < ANSWER_SECONDS and one.codes.keys() <= {200, 201, 503} for one in seen)
    return "; ".join(told), well and seen[1].refused == 0


def one_call(reports: int) -> Figures:
    """Report one call thousands of times."""
    one, many = report_of_calls(reports, 1), report_of_calls(reports, reports)
    share = one.rate / many.rate
    words = (
        f"{reports} distinct reports of one call, {one.rate:.0f} a second, of as many calls "
        f"{many.rate:.0f}: {share:.2f}; {one.outcomes['ignored']} kept raw only"
    )
    return words, share >= 0.5


def database_stopped(seconds: int) -> Figures:
    """Stop PostgreSQL under load, its connections open."""
    with pair() as servers:
        seen = stop_the_database(servers, seconds)
    words = (
        f"{seconds} s, {seen.refused} of {seen.codes.total()} requests refused: slowest answer "
        f"{max(seen.slowest.values()):.1f} s, of `/livez` {seen.slowest['/livez']:.1f} s; "
        f"{seen.acknowledged} reports acknowledged: {seen.lost} lost"
    )
    return words, seen.lost == 0 and max(seen.slowest.values()) < ANSWER_SECONDS


def server_frozen(times: int) -> Figures:
    """Freeze one of two servers in a transaction."""
    with pair() as servers:
        seen = freeze_one(servers, times, 3)
    words = (
        f"{times} freezes of one of two servers in a transaction: {seen.refused} of "
        f"{seen.codes.total()} requests to the other refused, slowest answer "
        f"{max(seen.slowest.values()):.1f} s; {seen.acknowledged} reports acknowledged: "
        f"{seen.lost} lost"
    )
    kept = seen.lost == seen.refused == 0
    return words, kept and max(seen.slowest.values()) < ANSWER_SECONDS


def campaign_kills(times: int) -> Figures:
    """Kill the server of a running campaign."""
    return _of_campaign(kill_campaign(times, 20 * times), "kills")


def campaign_freezes(times: int) -> Figures:
    """Freeze one of two servers that share a campaign, for longer than a lease."""
    seen = [_of_campaign(freeze_campaign(times, 40 * times, one), f"freezes on {one}")
            for one in DATABASES]  # fmt: skip
    return "; ".join(words for words, _ in seen), all(well for _, well in seen)


def _of_campaign(seen: CampaignFate, faults: str) -> Figures:
    words = (
        f"{seen.faults} {faults} while {seen.numbers} numbers are called: {seen.interrupted} calls "
        f"interrupted, {seen.dialled} numbers dialled, {seen.twice} twice, {seen.lost} lost"
    )
    return words, seen.twice == seen.lost == 0


def forwarding(kills: int) -> Figures:
    """Kill the server and the receiver of its events, the latter twice as often."""
    seen = forward_through_kills(kills, 2 * kills)
    words = (
        f"{seen.server_kills} kills of the server, {seen.receiver_kills} of the receiver, "
        f"{seen.events} events: {seen.lost} lost, of {seen.disordered} calls out of order; "
        f"{seen.again} arrived again"
    )
    return words, seen.wrong == 0


def feed_followed(events: int) -> Figures:
    """Write events from eight threads, which commit in adverse order, and read them meanwhile."""
    with scratch() as folder, postgres(folder / "data") as url:
        store = open_database(url)
        seen = follow_feed(store, events)
        store.close_all()
    words = (
        f"{seen.events} events by 8 writers on PostgreSQL, of whom one always holds its "
        f"transaction open: {seen.skipped} skipped, {seen.twice} twice, {seen.disordered} of a "
        "call out of order"
    )
    return words, seen.wrong == 0


RUNS: dict[str, tuple[Callable[[int], Figures], int, str]] = {
    "kills": (kills, 200, "kill -9 under load"),
    "campaign-kills": (campaign_kills, 100, "kill -9 while a campaign runs"),
    "campaign-freezes": (campaign_freezes, 20, "one of two servers of a campaign frozen"),
    "operations": (operations, 1, "every operation fails"),
    "cuts": (cuts, 20, "provider's connection cut"),
    "lost-reports": (lost_reports, 10_000, "reports lost"),
    "feed": (feed_followed, 100_000, "commits in adverse order"),
    "forwarding": (forwarding, 50, "kill -9 of both ends while events are sent"),
    "crowds": (crowds, 100, "the same at once, 8 threads"),
    "machine": (machine, 500, "any order"),
    "slow-sockets": (slow_sockets, 500, "slow clients"),
    "flood": (a_flood, 30, "flood, in seconds"),
    "upgrades": (upgrades, 20, "upgrades beside a load"),
    "one-call": (one_call, 6000, "thousands of reports of one call"),
    "full-disk": (full_disk, 10, "disk full"),
    "freezes": (freezes, 20, "one of two servers frozen"),
    "figures-held": (figures_held, 20, "one of two servers frozen with uncommitted figures"),
    "mixed": (mixed, 1200, "everything at once on PostgreSQL, in seconds"),
    "database-stopped": (database_stopped, 60, "PostgreSQL hangs, in seconds"),
    "server-frozen": (server_frozen, 20, "one server on PostgreSQL frozen"),
}


def main() -> None:
    """Run what was asked for, print the figures and keep them."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    for name, (_, default, fault) in RUNS.items():
        words = f"{fault}: how many (0: not at all; default {default})"
        parser.add_argument(f"--{name}", type=int, default=default, help=words)
    chosen = vars(parser.parse_args())
    rows, kept = [], True
    for row, well in _run_all({name: chosen[name.replace("-", "_")] for name in RUNS}):
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
        rows, kept = [*rows, row], kept and well
    _keep(rows)
    sys.exit(not kept)


def _run_all(counts: dict[str, int]) -> Iterator[tuple[str, bool]]:
    for name, count in counts.items():
        run, _, fault = RUNS[name]
        if count:
            began = time.monotonic()
            with quiet():
                words, well = run(count)
            verdict = "kept" if well else "BROKEN"
            yield f"| {fault} | {words} | {verdict} | {time.monotonic() - began:.0f} s |", well


def _keep(rows: list[str]) -> None:
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    command = " ".join(["python -m tests.torture", *sys.argv[1:]])
    table = [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[2]:.1f}: `{command}`",
        "",
        "| fault | figures | promise | took |",
        "|---|---|---|---|",
        *rows,
    ]
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text("\n".join([before + BEGIN, *table, END + after]))


if __name__ == "__main__":
    main()
