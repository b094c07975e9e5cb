"""How a command ends that was refused."""

from __future__ import annotations

import pytest

from obdtrack import cli
from obdtrack.errors import Code, ConfigError, ObdtrackError

REFUSED = ObdtrackError(Code.INVALID, "The plan is invalid.", fields={"budget": ["No.", "Never."]})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError("Not so."), "obdtrack: Not so.\n"),
        (REFUSED, "obdtrack: The plan is invalid.\n  budget: No. Never.\n"),
    ],
)
def test_what_was_wrong_is_said_by_field_with_status_2(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(**_: str) -> None:
        raise error

    monkeypatch.setattr(cli, "_group", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (2, said)
