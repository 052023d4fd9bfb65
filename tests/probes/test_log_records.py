"""This file is for reading log lines: what is one JSON object, what is not, and how that is told without the line's values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.evidence.log_file import LogFile
from probes.evidence.source import LogLine
from probes.log_records import NotARecord, Record, Wrapped, parse, records

GOOD = '{"level": "info", "message": "Grüße", "tenant_id": 42}'
DATA = json.loads(GOOD)


def _lines(*texts: str, where: str = "app.log") -> list[LogLine]:
    return [LogLine(text, where, number) for number, text in enumerate(texts, start=1)]


def _read(*texts: str, wrapped: Wrapped = "auto") -> list[Record]:
    return records(_lines(*texts), wrapped)


def test_a_line_that_is_one_object_is_a_record_without_trouble() -> None:
    [record] = _read(GOOD)
    assert (record.data, record.trouble, record.half, record.place) == (DATA, "", False, "app.log line 1")


TROUBLES = {
    "empty": ("", "is empty"),
    "white space": ("  \t", "is empty"),
    "byte order mark": ("\ufeff" + GOOD, "starts with a byte order mark"),
    "colours": ('\x1b[32m{"level": "info"}\x1b[39m', "holds terminal colour codes (ANSI)"),
    "colours inside": ('{"level": "\x1b[32minfo\x1b[39m"}', "holds terminal colour codes (ANSI)"),
    "text": ("[2026-01-15 14:30:00] local.INFO: saved", "is text instead of JSON"),
    "text before": ("INFO " + GOOD, "has 5 characters of text before its JSON object"),
    "text after": (GOOD + " saved", "goes on after its JSON object, from column 56"),
    "two objects": (GOOD + GOOD, "holds 2 JSON values instead of one"),
    "three objects": (f"{GOOD} {GOOD}\t{GOOD}", "holds 3 JSON values instead of one"),
    "two objects, the second cut": (GOOD + GOOD[:-4], "goes on after its JSON object, from column 55"),
    "array": (f"[{GOOD}]", "is an array instead of an object"),
    "string": ('"saved"', "is a string instead of an object"),
    "number": ("42", "is a number instead of an object"),
    "same key twice": ('{"level": "info", "a": {"b": 1, "b": 2}}', "names the key 'b' twice"),
    "NaN": ('{"duration_ms": NaN}', "holds NaN, which is no JSON value"),
    "infinity": ('{"duration_ms": -Infinity}', "holds -Infinity, which is no JSON value"),
    "number beyond a float": ('{"duration_ms": 1e999}', "holds a number that cannot be read"),
    "number of 5000 digits": ('{"n": ' + "1" * 5000 + "}", "holds a number that cannot be read"),
    "nested": ('{"a":' * 100_000, "is nested too deeply to be read"),
    "cut in a text": ('{"level": "in', "is cut off after 13 characters, within its JSON"),
    "cut in a word": ('{"ok": tru', "is cut off after 10 characters, within its JSON"),
    "cut in an escape": ('{"a": "\\u00', "is cut off after 11 characters, within its JSON"),
    "cut after a comma": ('{"a": 1,', "is cut off after 8 characters, within its JSON"),
    "broken": ("{'level': 'info'}", "is JSON that is broken at column 2 (expecting property name enclosed in double quotes)"),
    "raw tab": ('{"a": "x\ty"}', "is JSON that is broken at column 9 (invalid control character at)"),
    "pretty, first": ("{", "is a part of JSON that is spread over several lines"),
    "pretty, middle": ('  "level": "info",', "is a part of JSON that is spread over several lines"),
    "pretty, last": ("},", "is a part of JSON that is spread over several lines"),
}


@pytest.mark.parametrize(("text", "trouble"), TROUBLES.values(), ids=TROUBLES)
def test_what_is_no_record_is_told_in_a_clause(text: str, trouble: str) -> None:
    assert [record.trouble for record in _read(GOOD, text, GOOD)] == ["", trouble, ""]


def test_only_the_last_line_of_a_file_is_half_a_line() -> None:
    first, half = '{"level": "in', '{"level": "wa'
    read = records([*_lines(first, half), *_lines(half, GOOD, where="other.log")])
    assert [record.half for record in read] == [False, True, False, False]


def test_bytes_that_do_not_decode_are_told_but_a_replacement_that_somebody_wrote_is_not(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes('{"a": "gru\xdf"}\n'.encode("latin-1") + '{"a": "gru\ufffd"}\n'.encode())
    source = LogFile(path=str(log))
    read = records(source._read_since(_from_start(source)).lines)
    assert [record.trouble for record in read] == [
        "holds bytes that are not in the log's encoding, UTF-8 if nothing else is said",
        "",
    ]


def test_a_line_longer_than_a_mebibyte_is_one_record(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(json.dumps({"message": "x" * (2 * 1024 * 1024 + 5)}) + "\n" + GOOD + "\n", encoding="utf-8")
    source = LogFile(path=str(log))
    long, short = records(source._read_since(_from_start(source)).lines)
    assert (long.trouble, len(str(long.data["message"])), short.data) == ("", 2 * 1024 * 1024 + 5, DATA)
    assert short.place == f"{log} line 2"


def _from_start(source: LogFile) -> Any:
    from probes.evidence.log_file import FileMark

    return FileMark(source._open())


DOCKER = json.dumps({"log": GOOD + "\n", "stream": "stdout", "time": "2026-01-15T14:30:00.1Z"})
CRI = "2026-01-15T14:30:00.123456789Z stdout F " + GOOD
STAMPED = "2026-01-15T14:30:00.123456789Z " + GOOD
WRAPPED: dict[str, tuple[Wrapped, str, str]] = {
    "docker, found": ("auto", DOCKER, ""),
    "docker, told": ("docker", DOCKER, ""),
    "cri, found": ("auto", CRI, ""),
    "cri, told": ("cri", CRI, ""),
    "timestamps, told": ("timestamps", STAMPED, ""),
    "timestamps are never taken off by themselves": ("auto", STAMPED, "has 31 characters of text before its JSON object"),
    "docker, but it is not": ("docker", GOOD, "is not wrapped as docker's json-file driver does"),
    "cri, but it is not": ("cri", DOCKER, "is not wrapped as CRI does"),
    "none keeps the wrapper": ("none", CRI, "has 40 characters of text before its JSON object"),
}


@pytest.mark.parametrize(("wrapped", "text", "trouble"), WRAPPED.values(), ids=WRAPPED)
def test_what_a_container_runtime_put_around_a_line_is_taken_off(wrapped: Wrapped, text: str, trouble: str) -> None:
    [record] = _read(text, wrapped=wrapped)
    assert record.trouble == trouble
    assert record.data == ({} if trouble else DATA)


def test_a_line_with_a_field_called_log_is_no_wrapper() -> None:
    [record] = _read('{"log": "started", "level": "info"}')
    assert record.data == {"log": "started", "level": "info"}


def test_a_line_that_a_runtime_split_is_put_together_for_each_stream() -> None:
    stamp = "2026-01-15T14:30:00.123456789Z"
    lines = _lines(f"{stamp} stdout P {GOOD[:9]}", f'{stamp} stderr F {{"b": 1}}', f"{stamp} stdout F {GOOD[9:]}")
    assert [(record.data, record.place) for record in records(lines)] == [({"b": 1}, "app.log line 2"), (DATA, "app.log line 1")]
    parts = [json.dumps({"log": part, "stream": "stdout"}) for part in (GOOD[:9], GOOD[9:] + "\n")]
    assert [record.data for record in _read(*parts)] == [DATA]


def test_the_half_that_a_runtime_has_not_gone_on_with_is_half_a_line() -> None:
    [record] = _read("2026-01-15T14:30:00Z stdout P " + GOOD[:9])
    assert (record.half, record.trouble) == (True, "is cut off after 9 characters, within its JSON")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_every_object_that_a_program_writes_is_read_as_it_was_written(document: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    if text.startswith('{"log":') or "\x1b[" in text:
        return
    [record] = _read(text)
    assert (record.data, record.trouble) == (document, "")


@given(st.dictionaries(st.text(min_size=1), JSON, min_size=1, max_size=4), st.data())
def test_the_beginning_of_an_object_is_never_a_record(document: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(document)
    length = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(NotARecord) as refused:
        parse(text[:length])
    assert refused.value.cut


@settings(max_examples=60)
@given(
    st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")), st.sampled_from(["auto", "docker", "cri", "none"])
)
def test_nothing_that_stands_in_a_log_breaks_the_reading(text: str, wrapped: Wrapped) -> None:
    for record in _read(text, GOOD, text, wrapped=wrapped):
        assert bool(record.trouble) != bool(record.data) or record.text.strip() == "{}"


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"password": "{SECRET}"',
        f'{{"password": "{SECRET}", }}',
        f"password {SECRET}",
        f'{{"a": 1}} {SECRET}',
        f"{{'password': '{SECRET}'}}",
        f'["{SECRET}"]',
    ],
)
def test_no_value_of_a_line_stands_in_the_clause(text: str) -> None:
    assert SECRET not in _read(text)[0].trouble
