"""Pages speak the reader's language: as the browser prefers, or as was chosen in the menu."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from babel.dates import format_timedelta
from flask import Flask
from flask_babel import Babel
from hypothesis import example, given
from hypothesis.strategies import timedeltas

from obdtrack.web.pages.language import ago
from tests.conftest import Caller
from tests.pages.conftest import Visitor, text_of

HINDI = {"Accept-Language": "hi-IN,hi;q=0.9,en;q=0.8"}


@pytest.mark.parametrize("language", ["en", "hi"])
def test_how_long_ago_is_said_as_the_library_says_it(language: str) -> None:
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: language)

    @given(passed=timedeltas(timedelta(days=-900), timedelta(days=900)))
    @example(passed=timedelta(hours=1.5))
    @example(passed=timedelta(days=6.5))
    def hold(passed: timedelta) -> None:
        said = format_timedelta(-passed, threshold=1, add_direction=True, locale=language)
        assert ago(passed) == (said if abs(passed) >= timedelta(seconds=1) else "now")

    with app.test_request_context():
        hold()


@pytest.mark.parametrize(
    ("preferred", "language"),
    [("hi-IN,hi;q=0.9,en;q=0.8", "hi"), ("en-IN,hi;q=0.5", "en"), ("fr", "en"), ("", "en")],
)
def test_a_page_speaks_as_the_browser_prefers(
    visitor: Visitor, preferred: str, language: str
) -> None:
    page = visitor.open("/", headers={"Accept-Language": preferred})
    assert f'<html lang="{language}"' in page.text
    assert "Accept-Language" in page.headers["Vary"]


def test_what_was_chosen_is_kept_and_is_offered_by_its_own_name(visitor: Visitor) -> None:
    menu = visitor.open("/campaigns?from=2026-11-01").text
    (chosen,) = re.findall(r'href="([^"]*lang=hi[^"]*)" lang="hi" hreflang="hi">हिन्दी<', menu)
    assert "from=2026-11-01" in chosen  # the page stays the same in all else
    visitor.open(chosen.replace("&amp;", "&"))
    kept = visitor.open("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="hi"' in kept
    assert re.search(r'lang="hi" hreflang="hi" aria-current="true"', kept)


def test_programs_are_told_in_english(visitor: Visitor) -> None:
    refused = visitor.open("/api/v1/calls/none", headers=HINDI)
    assert refused.json is not None
    assert refused.json["detail"].isascii()


def test_a_customer_hears_in_hindi_what_happened(visitor: Visitor, caller: Caller) -> None:
    call = caller.place().json
    caller.report()
    said = text_of(visitor.open(f"/calls/{call['id']}", headers=HINDI).text)
    assert "23 नव॰ 2026 को जवाब मिला; कॉल 11:57:23 UTC बजे शुरू हुई और 16 से॰ बाद, 11:57:39 बजे" in said


def test_an_error_is_told_in_hindi_on_a_page_and_in_english_to_programs(visitor: Visitor) -> None:
    nobody = "/calls/01a223d6-a391-759d-983f-02e2ca6b01f2"
    assert "इस आईडी की कोई कॉल नहीं है।" in text_of(visitor.open(nobody, headers=HINDI).text)
    wrong = visitor.open("/?from=27/11/2026", headers=HINDI).text
    assert "“27/11/2026” कोई दिन नहीं है; 2026-11-27 की तरह लिखें।" in text_of(wrong)
