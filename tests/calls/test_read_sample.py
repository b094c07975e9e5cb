"""Explaining a pasted sample: every form it is copied in, what is understood, what would help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from obdtrack.application import make_services
from obdtrack.domain.reports import Report, Unreadable
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.operations.webhooks.sample import (
    describe,
    explain_sample,
    read_request,
)
from obdtrack.providers.base import Explanation
from obdtrack.providers.mobtexting.field_mapping import JSON_TEMPLATE, QUERY_TEMPLATE
from tests import factories

CALL_ID = f"{factories.MID}:1"
FORMS = {
    "a URL": f"https://a.test/webhooks/mobtexting?call_id={CALL_ID}",
    "a path": f"/webhooks/mobtexting?call_id={CALL_ID}",
    "a query": f"?call_id={CALL_ID}",
    "a form": f"call_id={CALL_ID}&x=1",
    "JSON": json.dumps({"call_id": CALL_ID}),
    "almost JSON": f'{{"call_id": "{CALL_ID}",}}',
    "HTTP text": f"PUT /x HTTP/1.1\nHost: a.test\n\ncall_id={CALL_ID}",
    "HTTP text without headers": f"POST https://a.test/x\ncall_id={CALL_ID}",
    "curl with JSON": f'curl -sX POST https://a.test/ \\\n -d \'{{"call_id": "{CALL_ID}"}}\'',
    "curl with a form": f"curl https://a.test/ -d x=1 --data-raw call_id={CALL_ID}",
    "curl with a query": f"curl --location 'https://a.test/?call_id={CALL_ID}'",
    "curl -G": f"curl -G https://a.test/ -d call_id={CALL_ID}",
}


def explained(sample: str, **changes: Any) -> Explanation:
    return explain_sample(sample, factories.settings(**changes))


def suggested(sample: str, **changes: Any) -> dict[str, str]:
    return {found.name: found.key for found in explained(sample, **changes).suggestions}


@pytest.mark.parametrize("sample", FORMS.values(), ids=FORMS.keys())
def test_every_form_a_sample_is_copied_in_is_read(sample):
    found = explained(sample)
    assert found.reading.provider_id == CALL_ID
    assert ("provider_id", "call_id", CALL_ID, True) in found.fields


def test_method_and_headers_are_taken_from_http_text():
    request = read_request("PUT /x?a=1 HTTP/1.1\nContent-Type: text/plain\nX-Ref: 7\n\nb=2")
    assert (request.method, request.query, request.body) == ("PUT", "a=1", b"b=2")
    assert (request.content_type, request.headers["x-ref"]) == ("text/plain", "7")


def test_a_command_with_an_open_quote_is_told():
    with pytest.raises(ObdtrackError, match="cannot be read"):
        read_request("curl 'https://a.test/")


def test_unknown_keys_are_guessed_by_their_values():
    sample = (
        f"?ref={CALL_ID}&result=BUSY&begin=2026-11-23 11:57:23&fin=2026-11-23 11:57:39"
        "&msisdn=918867135001&cli=918068280000&secs=23&rec=https://a.test/x.wav"
    )
    assert suggested(sample) == {
        "provider_id": "ref",
        "status": "result",
        "started_at": "begin",
        "ended_at": "fin",
        "to": "msisdn",
        "bridge": "cli",
        "duration_seconds": "secs",
        "recording_url": "rec",
    }


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("bill_seconds=23", "billable_seconds"),
        ("billed=00:00:23", "billable_seconds"),
        ("bill_charges=0.50", "charges"),
        ("bill_cost=23", "charges"),
    ],
)
def test_what_is_billed_is_a_length_unless_it_is_named_an_amount(sample, name):
    assert suggested(f"id={CALL_ID}&{sample}") == {name: sample.partition("=")[0]}


def test_with_the_suggestion_the_sample_becomes_a_report():
    found = explained(f"ref={CALL_ID}&result=BUSY")
    assert isinstance(found.reading, Unreadable)
    assert isinstance(found.then, Report)
    assert (found.then.provider_id, found.then.status) == (CALL_ID, "busy")


def test_a_suggestion_keeps_what_is_configured():
    found = explained(f"ref={CALL_ID}&result=BUSY", webhook_fields={"provider_id": "ref"})
    assert found.mapping == {"provider_id": "ref", "status": "result"}


def test_of_two_numbers_none_is_guessed():
    assert suggested("a=918867135001&b=918867135002") == {}


def test_a_lone_time_is_the_end_unless_it_is_named_a_start():
    assert suggested("?when=2026-11-23 11:57:23") == {"ended_at": "when"}
    assert suggested("?dialled=2026-11-23 11:57:23") == {"started_at": "dialled"}


def test_a_template_says_for_certain_what_its_keys_hold():
    found = explained("?ref={{id}}&dst={{to}}&id={{mid}}&cut={{from|cut:-10}}")
    assert {(hint.name, hint.key, hint.certain) for hint in found.suggestions} == {
        ("provider_id", "ref", True), ("to", "dst", True), ("mid", "id", True),
        ("caller", "cut", True),
    }  # fmt: skip
    assert describe(found.then) == "a report that names its call"


@pytest.mark.parametrize(
    ("placeholder", "name"),
    [
        ("@{{id}}", "provider_id"),
        ("{{ id }}", "provider_id"),
        ("{{outgoing.id}}", "provider_id"),
        ("{{outgoing.caller_id}}", "caller"),
        ("{{to|slice:-10}}", "to"),
        ("{{ to | cut:-10 }}", "to"),
        ("{{start_at|date_format:'d/m/Y'}}", "started_at"),
        ('{{end_at|date_format:"Y-m-d H:i:s"}}', "ended_at"),
        ("{{status|downcase}}", "status"),
        ("{{status|downcase|default:'none'}}", "status"),
        ("{{id|slice:-10}}", None),
        ("{{caller.name}}", None),
        ("{{ caller.name | upcase }}", None),
        ("{{outgoing.country}}", None),
        ("{{nothing.known}}", None),
    ],
)
@pytest.mark.parametrize(
    "form", ["?x={sample}", '{{"x": "{sample}"}}', '{{"x": {sample}}}', "x={sample}&y=1"]
)
def test_every_placeholder_of_the_documentation_is_understood(form, placeholder, name):
    found = suggested(form.format(sample=placeholder))
    assert found == ({name: "x"} if name else {})


def test_a_template_may_be_pasted_escaped():
    assert suggested("?x=%7B%7Bid%7D%7D&y=%7B%7B+to+%7C+slice:-10+%7D%7D") == {
        "provider_id": "x",
        "to": "y",
    }


def test_a_placeholder_inside_an_object_is_named_by_its_path():
    sample = '{"call": {"ref": "{{id}}", "result": {"state": "{{status}}"}}}'
    assert suggested(sample) == {"provider_id": "call.ref", "status": "call.result.state"}
    assert describe(explained(sample).then) == "a report that names its call"


NOTES = {
    "?to={{to|slice:-10}}": "a part of the number",
    "?id={{id|slice:-10}}": "no call is known by a part",
    "?start_at={{start_at|date_format:'d/m/Y H:i:s'}}": "OBDTRACK_PROVIDER_DATE_ORDER=dmy",
    "?start_at={{start_at|date_format:'m-d-Y H:i:s'}}": "OBDTRACK_PROVIDER_DATE_ORDER=mdy",
    "?start_at={{start_at|date_format:'d/m/Y'}}": "a date without a time",
    "?start_at={{start_at|date_format:'Y-m-d h:i:s'}}": "without AM or PM",
    "?status={{status|reverse}}": "what `reverse` makes of the value is not known here",
    "?id=@{{id}}": "write {{id}}",
}


@pytest.mark.parametrize(("sample", "words"), NOTES.items())
def test_what_a_filter_costs_is_said(sample, words):
    (note,) = explained(sample).notes
    assert words in note


@pytest.mark.parametrize(
    "placeholder",
    ["{{status|downcase}}", "{{start_at|date_format:'Y-m-d H:i:s'}}", "{{to}}", "{{to|trim}}",
     "{{start_at|date_format:'Y-m-d h:i:s A'}}"],
)  # fmt: skip
def test_a_filter_that_costs_nothing_is_not_mentioned(placeholder):
    assert explained(f"?x={placeholder}").notes == []


def test_an_order_of_dates_that_is_set_already_is_not_advised():
    sample = "?start_at={{start_at|date_format:'d/m/Y H:i:s'}}"
    assert explained(sample, provider_date_order="dmy").notes == []
    assert explained(sample, provider_date_order="mdy").notes != []


def test_a_cut_number_names_the_call_together_with_its_submission():
    found = explained("?mid={{mid}}&to={{to|slice:-10}}&message_status={{status}}")
    assert describe(found.reading) == "a report that names its call by submission and number"
    assert found.reading.to == "8867135001"


def test_an_opt_out_of_another_product_is_told_as_one():
    sample = '{"event": "sms:unsubscription", "payload": {"receiver": "918867135001"}}'
    assert describe(explained(sample).reading) == "no report: an opt-out of sms, not of calls"


@pytest.mark.parametrize("template", [QUERY_TEMPLATE, JSON_TEMPLATE])
def test_the_offered_templates_need_no_setting(template):
    found = explained(template)
    assert all(field.name and field.used for field in found.fields)
    assert found.suggestions == []
    assert describe(found.reading) == "a report that names its call"


def test_of_two_keys_for_one_name_the_better_is_used():
    found = explained(f"uuid=x&id={CALL_ID}")
    assert [(field.key, field.used) for field in found.fields] == [("uuid", False), ("id", True)]


def test_secrets_in_a_sample_are_not_shown():
    found = explained(f"?token=canary&x_secret=canary&call_id={CALL_ID}")
    assert "canary" not in repr(found.fields)


def test_a_key_the_setting_cannot_hold_is_not_suggested():
    assert suggested(json.dumps({"a,b": CALL_ID})) == {}


def test_a_report_that_names_no_call_is_told():
    assert "does not say which call" in describe(explained("to=918867135001").reading)


def test_a_wrong_setting_is_told():
    with pytest.raises(ConfigError, match="no field 'nonsense'"):
        explained("a=b", webhook_fields={"nonsense": "x"})


@pytest.mark.parametrize(("order", "month"), [("dmy", 4), ("mdy", 9)])
def test_the_order_of_dates_that_is_set_reaches_samples_and_reports(sqlite_store, order, month):
    text = f"?call_id={CALL_ID}&start_at=09/04/2021 16:27:39"
    settings = factories.settings(
        provider_date_order=order, database_url=f"sqlite:///{sqlite_store.database}"
    )
    assert explain_sample(text, settings).reading.started_at.month == month
    provider = make_services(settings).provider
    assert provider.read_delivery(read_request(text)).started_at.month == month
