"""The service's log: one line an event for every logger, the mandatory fields, and nothing that must not be shown."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.service.context import correlation_id
from vedette.service.log_lines import LONGEST_LINE, MANDATORY
from vedette.service.log_pipe import LogPipe
from vedette.service.logs import Logs, bound, set_up

PLANTED = "pl4nted-t0ken-of-the-suite"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logs(stream: io.StringIO) -> Iterator[Logs]:
    made = set_up(level="INFO", environment="staging", secrets=[(PLANTED, "shop_token")], stream=stream)
    yield made
    made.close()


@pytest.fixture
def lines(logs: Logs, stream: io.StringIO) -> Lines:
    """Return a function that ends the log and returns its lines, each read as JSON."""

    def read() -> list[dict[str, Any]]:
        logs.close()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return read


@pytest.mark.parametrize("name", ["vedette.service", "uvicorn.error", "uvicorn.access", "apscheduler.scheduler", "asyncio"])
def test_every_logger_writes_the_same_shape(lines: Lines, name: str) -> None:
    logging.getLogger(name).warning("%s happened", "it")
    (line,) = lines()
    assert tuple(line)[: len(MANDATORY)] == MANDATORY
    assert (line["level"], line["message"], line["service"], line["environment"]) == (
        "warning",
        "it happened",
        "vedette",
        "staging",
    )
    assert (line["logger"], line["tenant_id"]) == (name, 0)
    at = datetime.fromisoformat(line["timestamp"])
    assert line["timestamp"].endswith("Z") and abs(at.timestamp() - time.time()) < 60 and at.utcoffset() == timedelta(0)


def test_a_line_of_no_request_still_has_a_correlation_id_and_it_is_the_same_for_the_whole_life(lines: Lines) -> None:
    for _ in range(2):
        logging.getLogger("vedette").info("x")
    one, two = lines()
    assert uuid.UUID(one["correlation_id"]) == uuid.UUID(two["correlation_id"])


def test_a_line_bears_the_correlation_id_of_its_request_and_what_is_bound(lines: Lines) -> None:
    was = correlation_id.set("req-1")
    with bound(run_id="run-1"):
        logging.getLogger("vedette").info("x")
    correlation_id.reset(was)
    logging.getLogger("vedette").info("y")
    one, two = lines()
    assert (one["correlation_id"], one["run_id"]) == ("req-1", "run-1")
    assert "run_id" not in two and two["correlation_id"] != "req-1"


def test_an_access_line_says_whether_it_went_well(lines: Lines) -> None:
    for status in (200, 404, 500, 0):
        facts = {"status": status, "duration_ms": 1.5, "path": "/metrics"}
        logging.getLogger("vedette.service.access").info("GET /metrics", extra=facts)
    found = lines()
    assert [line["outcome"] for line in found] == ["success", "success", "error", "error"]
    assert {(line["source"], line["duration_ms"]) for line in found} == {("api", 1.5)}


def test_the_level_decides_what_is_written(stream: io.StringIO) -> None:
    for level, expected in (("ERROR", 0), ("INFO", 1), ("DEBUG", 2)):
        made = set_up(level=level, stream=stream)
        logging.getLogger("vedette").debug("x")
        logging.getLogger("vedette").info("x")
        made.close()
        assert len(stream.getvalue().splitlines()) == expected
        stream.seek(0)
        stream.truncate()


@pytest.mark.parametrize("given", [{"level": "LOUD"}, {"form": "xml"}])
def test_a_level_or_a_form_that_is_none_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="should be"):
        set_up(**given)  # type: ignore[arg-type]


def test_logging_is_left_as_it_was(stream: io.StringIO) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    set_up(level="DEBUG", stream=stream).close()
    assert (list(root.handlers), root.level) == before


def test_warnings_of_python_are_lines_too(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert "old thing" in lines()[0]["message"]


# What must not be shown

DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "url": lambda value: quote(value, safe=""),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "json": lambda value: json.dumps(value),
    "repr": lambda value: repr(value.encode()),
    "in an address": lambda value: f"https://user:{value}@shop.example.com/a?token={value}#x",
    "in a heartbeat's address": lambda value: f"GET /heartbeat/3f9a0c1b2d4e5f60/{value}/start HTTP/1.1",
}
OWN_WORDS = f"before after it broke vedette.test storetrouble {' '.join(MANDATORY)} logger answer error type message stack causes"
secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=8, max_size=40).filter(
    lambda text: len(set(text.strip())) > 4 and text.strip() == text and text.lower() not in OWN_WORDS
)


@settings(max_examples=60, deadline=None)
@given(
    secret=secrets,
    disguise=st.sampled_from(sorted(DISGUISES)),
    where=st.sampled_from(["message", "args", "extra", "key", "deep", "error"]),
)
def test_a_secret_that_is_known_comes_out_nowhere(secret: str, disguise: str, where: str) -> None:
    stream = io.StringIO()
    made = set_up(stream=stream, secrets=[(secret, "known")])
    log, text = logging.getLogger("vedette.test"), f"before {DISGUISES[disguise](secret)} after"
    try:
        if where == "message":
            log.info(text.replace("%", "%%"))
        elif where == "args":
            log.info("it was %s", text)
        elif where == "extra":
            log.info("x", extra={"answer": text})
        elif where == "key":
            log.info("x", extra={"answer": {text: 1}})
        elif where == "deep":
            log.info("x", extra={"answer": [{"a": (text, text.encode())}]})
        else:
            try:
                raise StoreTrouble(text) from ValueError(text)
            except StoreTrouble:
                log.exception("it broke")
    finally:
        made.close()
    written = stream.getvalue()
    assert len(written.splitlines()) == 1
    line = json.loads(written)
    for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
        assert form not in json.dumps(line, ensure_ascii=False)
        assert form not in written


class StoreTrouble(Exception):
    """Looks like one of our own errors, whose text is shown."""

    __module__ = "reports.store.errors"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789abcdef",
        "https://me:hunter2secret@example.com/",
        "password=hunter2secret",
        '{"api_key": "hunter2secret"}',
        "jane.doe@example.com",
        "GET /heartbeat/3f9a0c1b2d4e5f60/0123456789abcdef0123456789abcdef/start",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl",
    ],
)
def test_a_secret_that_nobody_named_is_known_by_its_form(lines: Lines, text: str) -> None:
    logging.getLogger("vedette").info("got %s here", text, extra={"answer": [text]})
    written = json.dumps(lines())
    for part in ("abcdef0123456789", "hunter2secret", "jane.doe", "0123456789abcdef0123456789abcdef", "c2lnbmF0dXJl"):
        assert part not in written


def test_a_value_whose_name_says_that_it_is_secret_is_not_shown(lines: Lines) -> None:
    facts = {"api_key": "abc", "deep": {"Authorization": "abc", "password": 1234, "session_id": ["abc"]}, "has_token": True}
    logging.getLogger("vedette").info("x", extra=facts)
    (line,) = lines()
    hidden = "[redacted]"
    assert line["api_key"] == hidden
    assert line["deep"] == {"Authorization": hidden, "password": hidden, "session_id": hidden}
    assert line["has_token"] is True


def test_a_secret_that_is_learnt_later_is_hidden_from_then_on(logs: Logs, lines: Lines) -> None:
    logs.learn([("another-secret-value", "other")])
    logging.getLogger("vedette").info("another-secret-value")
    assert lines()[0]["message"] == "[other]"


def test_an_error_is_told_by_its_way_through_the_code_and_not_by_what_it_held(lines: Lines) -> None:
    def breaks() -> None:
        local = "hunter2-in-a-local"
        int(f"{local} in a text")

    try:
        breaks()
    except ValueError:
        logging.getLogger("vedette").exception("it broke", stack_info=True)
    (line,) = lines()
    assert (line["error"]["type"], line["error"]["message"]) == ("ValueError", "")
    assert [frame.rpartition(" in ")[2] for frame in line["error"]["stack"]][-1] == "breaks"
    assert line["error"]["stack"][-1].startswith("tests/vedette/service/test_logs.py:")
    assert "hunter2" not in json.dumps(line)


def test_an_error_of_the_system_is_told_by_its_number_and_one_of_ours_by_its_sentence(lines: Lines) -> None:
    for problem in (FileNotFoundError(2, "No such file", "/secret/hunter2"), StoreTrouble("the store is locked")):
        try:
            raise problem
        except Exception:
            logging.getLogger("vedette").exception("x")
    assert [line["error"]["message"] for line in lines()] == ["No such file", "the store is locked"]


# Shape


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("sign", ["\n", "\r", "\x00", "\x1b[31m", "\u2028", "\x85", "\x0b", "\u202e"])
def test_nobody_can_write_a_line_of_their_own_into_the_log(form: str, sign: str) -> None:
    stream = io.StringIO()
    made = set_up(form=form, stream=stream)
    forged = f"x{sign}2025-01-01T00:00:00Z INFO all is well"
    logging.getLogger("vedette").info("got %s", forged, extra={"answer": forged, "deep": {forged: [forged]}})
    made.close()
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable() and stream.getvalue().endswith("\n")
    if form == "json":
        assert json.loads(line)["answer"] == forged


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, ["y" * 5000] * 200, {f"k{n}": "z" * 5000 for n in range(200)}, [[[[[[[["deep"]]]]]]]]],
    ids=["one text", "a list", "a mapping", "deep"],
)
def test_a_line_has_a_bounded_length_and_keeps_its_mandatory_fields(lines: Lines, value: object) -> None:
    logging.getLogger("vedette").info("it was %s", value, extra={f"answer_{n}": value for n in range(20)})
    (line,) = lines()
    assert len(json.dumps(line, separators=(",", ":"))) <= LONGEST_LINE
    assert set(MANDATORY) <= set(line)


def test_odd_values_and_wrong_calls_are_still_lines(lines: Lines) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    odd: dict[str, object] = {"a": Odd(), "b": float("nan"), "c": b"\xff", "d": "\ud800", "e": {1: {2, 3}}, "f": None}
    logging.getLogger("vedette").info("x", extra=odd)
    logging.getLogger("vedette").info("%d and %s", "no number")
    one, two = lines()
    assert (one["a"], one["b"], one["f"]) == ("<Odd>", None, None)
    assert two["message"].startswith("a line of the log could not be made")


def test_a_person_at_a_terminal_reads_text() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    made = set_up(stream=stream)
    logging.getLogger("vedette").warning("look", extra={"scenario": "s"})
    made.close()
    assert stream.getvalue()[9:].startswith("warning  look  ") and "scenario=s" in stream.getvalue()


def test_a_person_is_told_nothing_twice_and_no_ids_for_programs() -> None:
    stream = io.StringIO()
    made = set_up(stream=stream, form="text")
    facts = {"scenario": "the shop answers", "scenario_id": "abc", "run_id": "run-1", "verdict": "fail", "severity": "P1"}
    logging.getLogger("vedette.watch").error("fail: 'the shop answers' at 'staging'", extra=facts)
    logging.getLogger("uvicorn.error").info("Started server process [1]")
    made.close()
    assert stream.getvalue()[9:] == "error    fail: 'the shop answers' at 'staging'  severity=P1\n"


# A reader that stands still


class Stuck(io.StringIO):
    """A stream that takes nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released, self.reached = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.released.wait(10)
        return super().write(text)


def test_a_reader_that_stands_still_stops_nobody_and_is_told_what_it_missed() -> None:
    stream = Stuck()
    pipe = LogPipe(stream, waiting=10)
    record = logging.LogRecord("vedette", logging.INFO, "", 0, "x", None, None)
    pipe.emit(record)
    assert stream.reached.wait(5)
    for _ in range(25):  # would never return, if it waited for the stream
        pipe.emit(record)
    assert pipe.dropped == 15
    stream.released.set()
    pipe.close()
    assert "15 lines of the log were dropped" in stream.getvalue()


def test_a_stream_that_breaks_breaks_nobody() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    made = set_up(stream=Broken())
    logging.getLogger("vedette").info("x")
    made.close()
