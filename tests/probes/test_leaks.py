"""This file is for judging log lines: what leaks is found with its place, what does not is not."""

from __future__ import annotations

import base64
import textwrap

import pytest

from probes import leaks
from probes.encodings import Finder, Form
from probes.evidence.source import LogLine
from probes.leaks import blind_spots, scan, specimens
from probes.pii import DETECTORS
from probes.planting import PLANTABLE, plant

EMAIL = plant("email", "0123456789ab")
EVERYTHING = [plant(kind, "0123456789ab") for kind in PLANTABLE]


def _lines(*texts: str, where: str = "app.log") -> list[LogLine]:
    return [LogLine(text, where, number) for number, text in enumerate(texts, start=1)]


@pytest.mark.parametrize("item", EVERYTHING, ids=lambda item: item.kind)
def test_each_specimen_is_found_and_its_form_named(item: leaks.Planted) -> None:
    for form, texts in specimens(item):
        found = {leak.form for leak in scan(_lines(*texts), [item]).planted}
        same = {Form.RAW, Form.CASE, Form.HASHED} if texts[0].startswith("handled ") or form is Form.CASE else set()
        assert found & {form, *same} or item.value in texts[0], (form, texts, found)


def test_kind_form_file_and_line_are_told_and_never_the_value() -> None:
    [leak] = scan(_lines("fine", f"mail to {EMAIL.value}"), [EMAIL]).planted
    assert (leak.kind, leak.form, leak.place) == ("email", "as it is", "app.log line 2")


def test_a_piece_that_betrays_the_value_is_found_as_well() -> None:
    assert [leak.kind for leak in scan(_lines(f"user {EMAIL.parts[0]}"), [EMAIL]).planted] == ["email"]
    assert not scan(_lines("user v***@example.com", "vera.canary"), [EMAIL]).planted


def test_a_value_broken_over_two_lines_is_found_although_another_source_was_read_in_between() -> None:
    value = EMAIL.value
    lines = [LogLine(f"to {value[:9]}", "a", 1), LogLine("other", "b", 1), LogLine(f"  {value[9:]} sent", "a", 2)]
    [leak] = scan(lines, [EMAIL]).planted
    assert (leak.form, leak.place) == (Form.WRAPPED, "a line 1")


def test_wrapped_base64_is_found_over_real_and_over_written_line_ends() -> None:
    wrapped = textwrap.wrap(base64.b64encode(f"x{EMAIL.value}".encode()).decode(), 12)
    assert scan(_lines(*wrapped), [EMAIL]).planted
    assert scan(_lines('{"body":"' + "\\r\\n".join(wrapped) + '"}'), [EMAIL]).planted


def test_others_are_found_beside_what_was_planted_and_the_allow_list_clears_them() -> None:
    lines = _lines(f"{EMAIL.value} and bob@firma.de", "from noreply@firma.de")
    assert [leak.place for leak in scan(lines, [EMAIL], ["email"]).others] == ["app.log line 1", "app.log line 2"]
    allowed = scan(lines, [EMAIL], ["email"], lambda text: text.startswith("noreply@"))
    assert [leak.place for leak in allowed.others] == ["app.log line 1"]


def test_the_allow_list_never_clears_what_was_planted() -> None:
    assert scan(_lines(EMAIL.value), [EMAIL], ["email"], lambda text: True).planted


def test_clean_lines_are_clean() -> None:
    lines = _lines('[2026-11-21 10:00:00] staging.INFO: Webhook received {"email":"[EMAIL_REDACTED]"}', "")
    result = scan(lines, EVERYTHING, list(DETECTORS))
    assert result.planted == result.others == ()


def test_the_scan_has_no_blind_spot() -> None:
    assert blind_spots(EVERYTHING, list(DETECTORS)) == []


def test_a_scan_that_lost_a_form_knows_its_blind_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finder, "_find_escaped", lambda self, text: iter(()))
    assert "email with JSON escapes" in blind_spots([EMAIL], [])
    monkeypatch.setattr(leaks, "find", lambda text, names: [])
    assert "any iban" in blind_spots([], ["iban"])
