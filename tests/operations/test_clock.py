"""A provider whose times are read in the wrong zone is found out, and the setting named."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.domain.clock_offset import ENOUGH, find_skew
from obdtrack.operations.system_status import current_status
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import NOON
from tests.operations.conftest import Account

UTC = ZoneInfo("UTC")
INDIA = timedelta(hours=5, minutes=30)
SLOW = timedelta(seconds=20)


def pairs(*offsets: timedelta) -> list[tuple]:
    """End times that lie so far from their receipt, which is a little late as ever."""
    times = [NOON + timedelta(minutes=n) for n in range(len(offsets))]
    return [(time + offset - SLOW, time) for time, offset in zip(times, offsets, strict=True)]


SUGGESTED = {
    "india": (UTC, INDIA, "Asia/Kolkata"),
    "nepal": (UTC, timedelta(hours=5, minutes=45), "Asia/Kathmandu"),
    "back to utc": (ZoneInfo("Asia/Kolkata"), -INDIA, "UTC"),
    "west": (UTC, timedelta(hours=-5), "Etc/GMT+5"),
    "east": (UTC, timedelta(hours=9), "Etc/GMT-9"),
    "no zone at all": (UTC, timedelta(minutes=15), None),
}


@pytest.mark.parametrize(("zone", "offset", "name"), SUGGESTED.values(), ids=SUGGESTED.keys())
def test_a_steady_offset_names_the_zone_that_ends_it(zone, offset, name):
    skew = find_skew(pairs(*[offset] * ENOUGH), zone, NOON)
    assert (skew.offset, skew.suggestion) == (offset, name)
    if name:
        assert f"OBDTRACK_PROVIDER_TIMEZONE={name}" in skew.sentence()
        assert NOON.astimezone(ZoneInfo(name)).utcoffset() == (
            NOON.astimezone(zone).utcoffset() + offset
        )


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Kolkata")], ids=str)
@pytest.mark.parametrize("hours", [-12, 12])
def test_half_a_day_is_a_twelve_hour_clock_and_no_zone(zone, hours):
    skew = find_skew(pairs(*[timedelta(hours=hours)] * ENOUGH), zone, NOON)
    assert skew.suggestion is None
    assert "12-hour clock" in skew.sentence()
    assert "OBDTRACK_PROVIDER_TIMEZONE" not in skew.sentence()


@pytest.mark.parametrize(
    "offsets",
    [
        [timedelta()] * 9,
        [timedelta(minutes=-4)] * 9,
        [INDIA] * (ENOUGH - 1),
        [timedelta(hours=n) for n in range(9)],
    ],
    ids=["in time", "a habit of minutes", "too few", "all over the place"],
)
def test_nothing_is_said_of_what_is_no_steady_offset(offsets):
    assert find_skew(pairs(*offsets), UTC, NOON) is None


def test_some_late_reports_do_not_hide_a_steady_offset():
    late = [INDIA - timedelta(hours=3)] * 3
    assert find_skew(pairs(*late, *[INDIA] * 9), UTC, NOON).offset == INDIA


@given(st.lists(st.timedeltas(timedelta(hours=-14), timedelta(hours=14)), max_size=20))
def test_any_times_are_judged_without_a_fault(offsets):
    skew = find_skew(pairs(*offsets), UTC, NOON)
    assert skew is None or skew.sentence()


def test_the_last_reports_of_the_account_are_compared(account: Account, services: Services):
    account.reported_calls(ENOUGH, off=INDIA)
    assert current_status(services).skew.suggestion == "Asia/Kolkata"


def test_reports_without_times_say_nothing(account: Account, services: Services):
    for _ in range(ENOUGH):
        account.report(account.place(), start_at=None, end_at=None)
    assert current_status(services).skew is None


def test_readyz_tells_key_holders_the_setting(account: Account, reader: Caller):
    account.reported_calls(ENOUGH, off=INDIA)
    details = reader.client.get("/readyz", headers=reader.headers).json["details"]
    assert "set OBDTRACK_PROVIDER_TIMEZONE=Asia/Kolkata" in details["clock"]
