"""The benchmarks' own parts: what is filled in is what the product would have written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from bench import databases, growth, product
from bench.comparison import beside, measured, ratios, standings, table
from bench.databases import Databases
from bench.load import CALL, MID, PLACE, filled, report, request
from bench.product import CALLBACK, MAKE_KEY, SECRET, serving

CALLS = 40
REPORTS = 4


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "WORKPLACE", tmp_path_factory.mktemp("bench"))
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


class TestServed:
    def test_every_question_is_answered(self, database: Databases) -> None:
        key = product.run(database.template, *MAKE_KEY)
        with serving(database.template) as server:
            for path in set(growth.QUESTIONS.values()) - {CALLBACK}:
                asked = filled(growth.dated(path), 5).replace("{7}", "0000005")
                asked = asked.replace("{4}", "0005")
                headers = {"Authorization": f"Bearer {key}"}
                url = f"http://127.0.0.1:{server.port}{asked}"
                assert requests.get(url, headers=headers, timeout=30).status_code == 200, asked

    def test_a_report_finds_its_call(self, database: Databases) -> None:
        url = database.fresh()
        with serving(url) as server:
            for n in (7, CALLS - 1, CALLS):
                server.post(CALLBACK, SECRET, filled(report(), n))
        outcomes = "SELECT count(*) FROM deliveries WHERE outcome = "
        assert database.ask(url, f"{outcomes} 'matched'") == CALLS * REPORTS + 2
        assert database.ask(url, f"{outcomes} 'unmatched'") == 1


class TestTemplates:
    def test_they_keep_their_length(self) -> None:
        template = request(CALLBACK, SECRET, report())
        assert len({len(filled(template, n)) for n in (0, 5, 99_999_999)}) == 1

    def test_they_announce_the_length_of_their_body(self) -> None:
        head, body = filled(request(PLACE, "key", CALL), 5).split("\r\n\r\n")
        assert f"Content-Length: {len(body)}" in head.splitlines()

    def test_a_call_has_one_name_in_report_and_lookup(self) -> None:
        assert f'"mid": "{filled(MID, 5)}"' in filled(report(), 5)


class TestComparison:
    def found(self, rates: dict[tuple[str, int], float]) -> list[dict[str, object]]:
        rest = {"p50": 1.0, "p99": 2.0, "cpu": 3.0, "resident": 4.0}
        return [measured("load", *turn, rest | {"rate": rate}) for turn, rate in rates.items()]

    def test_only_figures_of_one_round_are_compared(self) -> None:
        found = self.found({("a", 1): 100, ("b", 1): 200, ("a", 2): 10, ("b", 2): 40})
        assert ratios(found, "load", "rate", "b", "a") == [2, 4]
        (shown,) = standings(found, {"a": "A", "b": "B"}, {("rate", "a"): " (≥ 2)"})
        assert "× rate of a (≥ 2)" in shown
        assert " 3.00 (2.00–4.00) |" in shown

    def test_who_was_not_measured_is_not_compared_with(self) -> None:
        (shown,) = standings(self.found({("a", 1): 5}), {"a": "A"}, {("rate", "x"): ""})
        assert "×" not in shown

    def test_two_stand_beside_each_other_with_the_ratio_of_the_second_to_the_first(self) -> None:
        shown = beside("T", self.found({("a", 1): 100, ("b", 1): 97}), "a", "b", ["rate"])
        assert shown.splitlines()[-1].endswith(" 100 | 97 | 0.97 (0.97–0.97) |")

    def test_a_table_is_markdown(self) -> None:
        lines = table("T", ("what", "ms"), [["one", "1.5"], ["eleven", "11.5"]]).splitlines()
        assert lines[2:] == [
            "| what   |   ms |",
            "| ------ | ---: |",
            "| one    |  1.5 |",
            "| eleven | 11.5 |",
        ]
