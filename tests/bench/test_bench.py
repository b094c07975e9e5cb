"""The benchmarks' own parts: what is filled in is what the product would have written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from bench import databases, growth, product
from bench.databases import Databases
from bench.load import CALL, CALLBACK, MID, PLACE, filled_in, report, request
from bench.measure import measured, ratios, standings, table
from bench.product import HERE, MAKE_KEY, SECRET, post, serving
from bench.targets import verdicts

CALLS = 40
REPORTS = 4


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, postgres_folder: Path) -> Iterator[Databases]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "WORKPLACE", postgres_folder)
        with databases.filled(request.param, CALLS, growth.HISTORIES, growth.DAYS) as made:
            yield made


def count(database: Databases, rows: str, what: str = "*") -> int:
    return database.ask(database.template, f"SELECT count({what}) FROM {rows}")


class TestFill:
    def test_every_call_is_there_with_its_rows(self, database: Databases) -> None:
        tables = ("submissions", "calls", "deliveries", "events")
        counts = [count(database, table) for table in tables]
        assert counts == [CALLS, CALLS, CALLS * REPORTS, CALLS * (REPORTS + 2)]

    def test_it_is_what_the_product_would_compute(self, database: Databases) -> None:
        found = product.run(database.template, "rebuild", "--check")
        assert found.splitlines() == [f"{CALLS} calls, 0 differ", "figures: 0 differ"]

    def test_calls_end_in_every_way(self, database: Databases) -> None:
        assert count(database, "calls", "DISTINCT status") == len(set(growth.ENDINGS))

    def test_calls_are_spread_over_the_days(self, database: Databases) -> None:
        day = 24 * 60 * 60 * 10**6
        days = count(database, "calls", f"DISTINCT created_at / {day}")
        assert days in (growth.DAYS, growth.DAYS + 1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestServed:
    def test_every_question_is_answered(self, database: Databases) -> None:
        key = product.run(database.template, *MAKE_KEY)
        with serving(database.template) as server:
            for path in set(growth.QUESTIONS.values()) - {CALLBACK}:
                url = f"http://127.0.0.1:{server.port}{filled_in(path, 5)}"
                headers = {"Authorization": f"Bearer {key}"}
                assert requests.get(url, headers=headers, timeout=30).status_code == 200, url

    def test_a_report_finds_its_call(self, database: Databases) -> None:
        url = database.fresh()
        with serving(url) as server:
            for n in (7, CALLS - 1, CALLS):
                post(server.port, CALLBACK, SECRET, filled_in(report(), n))
        outcomes = "SELECT count(*) FROM deliveries WHERE outcome = "
        assert database.ask(url, f"{outcomes} 'matched'") == CALLS * REPORTS + 2
        assert database.ask(url, f"{outcomes} 'unmatched'") == 1


class TestTemplates:
    def test_they_keep_their_length(self) -> None:
        template = request(CALLBACK, SECRET, report())
        assert len({len(filled_in(template, n)) for n in (0, 5, 99_999_999)}) == 1

    def test_they_announce_the_length_of_their_body(self) -> None:
        head, body = filled_in(request(PLACE, "key", CALL), 5).split("\r\n\r\n")
        assert f"Content-Length: {len(body)}" in head.splitlines()

    def test_a_call_has_one_name_in_report_and_lookup(self) -> None:
        assert f'"mid": "{filled_in(MID, 5)}"' in filled_in(report(), 5)

    def test_a_mark_has_the_last_digits_of_the_call(self) -> None:
        assert filled_in("{12} {8} {4}", 1_234_567_890) == "001234567890 34567890 7890"


class TestComparison:
    def found(self, rates: dict[tuple[str, int], float]) -> list[dict[str, object]]:
        rest = {"p50 ms": 1.0, "p99 ms": 2.0, "CPU µs": 3.0}
        return [measured("load", *turn, rest | {"rate": rate}) for turn, rate in rates.items()]

    def test_only_figures_of_one_round_are_compared(self) -> None:
        found = self.found({("a", 1): 100, ("b", 1): 200, ("b", 2): 40, ("a", 2): 10})
        assert ratios(found, "load", "rate", "b", "a") == [2, 4]
        shown = standings(found, {("rate", "a"): " (≥ 2)"})
        assert "× rate of a (≥ 2)" in shown
        assert shown.splitlines()[-1].endswith(" 3.00 (2.00–4.00) |")

    def test_who_was_not_measured_is_not_compared_with(self) -> None:
        assert "×" not in standings(self.found({("a", 1): 5}), {("rate", "x"): ""})

    def test_a_target_is_met_by_the_median_of_ratios_or_of_figures(self) -> None:
        rates = {"old": [100, 200, 100], "here": [150, 400, 200]}
        figures = [
            measured(load, side, number, {"rate": rate, "CPU µs": 9})
            for load in ("reports × 16", "home page")
            for side, each in rates.items()
            for number, rate in enumerate(each, start=1)
        ]
        shown = [row.replace(" ", "") for row in verdicts(figures, "sqlite", "old").splitlines()]
        assert shown[2:] == [
            "|reports×16:rate|≥×1.55|2.00(1.50–2.00)|yes|",
            "|reports×16:CPUµs|≤×0.6|1.00(1.00–1.00)|no|",
            "|homepage:CPUµs|≤6,000|9.00(9.00–9.00)|yes|",
        ]

    def test_a_table_is_markdown(self) -> None:
        assert table(("what", "ms"), [["one", "1.5"], ["eleven", "11.5"]]).splitlines() == [
            "| what   |   ms |",
            "| ------ | ---: |",
            "| one    |  1.5 |",
            "| eleven | 11.5 |",
        ]


def test_the_benchmarks_stay_small() -> None:
    endings = {".py", ".lua", ".js", ".json"}
    files = [f for f in Path(HERE, "bench").rglob("*.*") if "node_modules" not in f.parts]
    lines = [f.read_text().count("\n") for f in files if f.suffix in endings]
    assert 500 < sum(lines) <= 1600
