"""This file is for log lines that arrive by syslog: whole, told apart, bounded, and nothing left open behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import logging.handlers
import socket
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.evidence.source import EvidenceError, LogWindow
from probes.evidence.syslog_sink import SyslogSink
from probes.kinds.log_privacy import LogPrivacy
from probes.net.listening import close_all
from probes.outcome import Verdict, to_json
from probes.syslog import LONGEST_BYTES, Frames, TooLong, understand
from tests.probes.evidence.sinks import free_address, received, send_datagrams, send_stream
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

NEW = b'<165>1 2026-11-21T10:00:00.003Z web-1 api 812 ID47 [meta@1 user="vera \\" ]"][b] \xef\xbb\xbfbooked \xc3\xa9'
OLD = b"<34>Nov 21 10:00:00 web-1 api[812]: booked"


def _texts(window: LogWindow) -> list[str]:
    return [line.text for line in window.lines]


async def test_datagrams_and_streams_of_both_forms_and_framings_arrive_once_and_whole() -> None:
    source = SyslogSink(listen=free_address())
    mark = await source.mark()
    send_datagrams(source.listen, NEW, OLD + b"\n")
    await received(source, mark, 2)
    counted = b"".join(b"%d %s" % (len(one), one) for one in (NEW, b"<13>two\nlines"))
    await send_stream(source.listen, counted[:50], counted[50:], OLD + b"\n2026 plain text\n<14>no end")
    window = await received(source, mark, 7)
    assert _texts(window) == ["booked é", "booked", "booked é", "two\nlines", "booked", "2026 plain text", "no end"]
    named, plain = f"syslog sink at {source.listen}, api", f"syslog sink at {source.listen}"
    assert [(line.where, line.number) for line in window.lines] == [
        (named, 1), (named, 2), (named, 3), (plain, 1), (named, 4), (plain, 2), (plain, 3),
    ]  # fmt: skip
    assert window.remarks == (f"messages to the {plain} have structured data that was not read; 'text: whole' reads it",)
    assert not window.cut_short and (await source.read_since(window.next_mark)).lines == ()


async def test_the_whole_message_holds_what_stands_beside_the_text() -> None:
    source = SyslogSink(listen=free_address(), text="whole")
    mark = await source.mark()
    send_datagrams(source.listen, NEW)
    [line] = (await received(source, mark, 1)).lines
    assert json.loads(line.text) == {
        "timestamp": "2026-11-21T10:00:00.003Z", "hostname": "web-1", "app_name": "api", "procid": "812", "msgid": "ID47",
        "structured_data": '[meta@1 user="vera \\" ]"][b]', "facility": 20, "severity": 5, "message": "booked é",
    }  # fmt: skip


async def test_several_readers_share_one_sink_and_each_has_its_own_mark() -> None:
    sources = [SyslogSink(listen=free_address())] * 2
    sources[1] = SyslogSink(listen=sources[0].listen)
    marks = await asyncio.gather(*(source.mark() for source in sources))
    send_datagrams(sources[0].listen, b"<13>one")
    await received(sources[0], marks[0], 1)
    later = await sources[1].mark()
    send_datagrams(sources[0].listen, b"<13>two")
    assert _texts(await received(sources[0], marks[1], 2)) == ["one", "two"]
    assert _texts(await received(sources[1], later, 1)) == ["two"]


async def test_the_handler_of_python_is_understood() -> None:
    source = SyslogSink(listen=free_address())
    mark = await source.mark()
    host, _, port = source.listen.rpartition(":")
    handler = logging.handlers.SysLogHandler((host, int(port)))
    handler.ident = "api: "
    record = logging.LogRecord("a", logging.INFO, "", 0, "booked for %s", ("vera",), None)
    handler.emit(record)
    handler.close()
    assert _texts(await received(source, mark, 1)) == ["api: booked for vera"]


async def test_more_than_may_be_kept_cuts_the_window_short_for_those_who_did_not_read_it() -> None:
    source = SyslogSink(listen=free_address(), max_bytes=10_000)
    mark = await source.mark()
    await send_stream(source.listen, *(b"<13>%03d %s\n" % (number, b"x" * 1000) for number in range(50)))
    window = await received(source, mark, 8, last="049")
    assert window.cut_short and len(window.lines) == 8
    assert window.remarks == ("more than 10000 bytes were received; the oldest 42 lines were thrown away",)
    assert not (await source.read_since(window.next_mark)).cut_short


async def test_datagrams_that_the_system_had_no_room_for_are_told() -> None:
    source = SyslogSink(listen=free_address(), protocols=["udp"])
    mark = await source.mark()
    listener: Any = mark.sink
    listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    send_datagrams(source.listen, *[b"<13>" + b"x" * 900] * 100)  # at once: the event loop has no turn meanwhile
    await received(source, mark, 1)
    send_datagrams(source.listen, b"<13>last")
    window = await received(source, mark, 1, remarks=1)
    assert window.cut_short and len(window.lines) < 101
    assert "came too fast and were lost" in window.remarks[0]


@pytest.mark.parametrize(
    ("pieces", "remark"),
    [
        ((b"99999999 <13>x",), "a message of 99999999 bytes was sent; 1048576 may be read to the syslog sink at"),
        ((b"<13>" + b"x" * (LONGEST_BYTES + 70_000),), "a message without a line end within 1048576 bytes was sent"),
        ((b"20 <13>cut off",), "ended within a message"),
    ],
    ids=["announced", "endless", "cut off"],
)
async def test_what_cannot_be_received_whole_means_that_nothing_can_be_cleared(pieces: tuple[bytes, ...], remark: str) -> None:
    source = SyslogSink(listen=free_address())
    mark = await source.mark()
    with contextlib.suppress(ConnectionError):
        await send_stream(source.listen, *pieces)
    window = await received(source, mark, 0, remarks=1)
    assert window.cut_short and remark in window.remarks[0]


async def test_only_peers_that_are_named_may_send() -> None:
    source = SyslogSink(listen=free_address(), peers=["10.0.0.0/8"])
    mark = await source.mark()
    send_datagrams(source.listen, OLD)
    window = await received(source, mark, 0, remarks=1)
    host, _, port = source.listen.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    assert window.lines == () and not window.cut_short
    assert window.remarks == (f"what 127.0.0.1 sent to the syslog sink at {source.listen} was refused ('peers')",)
    allowed = SyslogSink(listen=free_address(), peers=["10.0.0.0/8", "127.0.0.0/8"])
    mark = await allowed.mark()
    send_datagrams(allowed.listen, OLD)
    await received(allowed, mark, 1)


async def test_a_port_that_is_taken_is_an_error_and_so_are_two_sinks_with_different_keys() -> None:
    source = SyslogSink(listen=free_address())
    host, _, port = source.listen.rpartition(":")
    with socket.create_server((host, int(port))), pytest.raises(EvidenceError) as caught:
        await source.mark()
    assert str(caught.value).startswith(f"the syslog sink at {source.listen} could not be opened: ")
    assert "address already in use" in str(caught.value)
    await source.mark()  # nothing of the first try is left behind
    with pytest.raises(EvidenceError, match=f"two sinks with different keys listen at {source.listen}; give both the same"):
        await SyslogSink(listen=source.listen, max_bytes=1).mark()


async def test_a_mark_of_a_sink_that_was_closed_meanwhile_is_an_error() -> None:
    source = SyslogSink(listen=free_address())
    mark = await source.mark()
    await close_all()
    with pytest.raises(EvidenceError, match="was closed and opened again meanwhile, so what was sent to it may be lost"):
        await source.read_since(mark)


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_nothing_stays_open_when_the_event_loop_ends(run_loop: Callable[[Any], None]) -> None:
    address = free_address()

    async def run() -> None:
        source = SyslogSink(listen=address)
        mark = await source.mark()
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(OLD + b"\n")
        send_datagrams(address, OLD)
        await received(source, mark, 2)
        writer.close()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):  # the address is free again
            run_loop(run())
            gc.collect()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"listen": "5514"}, "should be an address of this machine and a port"),
        ({"listen": "logs.example.org:5514"}, "a name is not listened at"),
        ({"listen": "127.0.0.1:0"}, "a port from 1 to 65535"),
        ({"listen": "127.0.0.1:٥"}, "a port from 1 to 65535"),
        ({"peers": ["10.0.0.0/40"]}, "'10.0.0.0/40' is neither an address nor a network"),
        ({"protocols": []}, "at least 1 item"),
        ({"protocols": ["sctp"]}, "'udp' or 'tcp'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SyslogSink.model_validate(options)


MESSAGES = {
    "new without data": (b"<165>1 - - - - - - text", "5424", "text"),
    "new without text": (b"<165>1 2026-11-21T10:00:00Z h a - - -", "5424", ""),
    "new with broken data": (b"<165>1 - - - - - [broken text", "", "<165>1 - - - - - [broken text"),
    "old without host": (b"<34>Nov 21 10:00:00 api: booked", "3164", "booked"),
    "old without tag": (b"<34>Nov  1 10:00:00 something happened", "3164", "something happened"),
    "old with a JSON text": (b'<34>Nov  1 10:00:00 web api[1]: {"a": "b: c"}', "3164", '{"a": "b: c"}'),
    "only a priority": (b"<34>text", "", "text"),
    "nothing of syslog": (b"plain \xff", "", "plain \ufffd"),
}


@pytest.mark.parametrize(("raw", "form", "text"), MESSAGES.values(), ids=MESSAGES)
def test_each_form_is_understood_and_nothing_of_the_text_gets_lost(raw: bytes, form: str, text: str) -> None:
    message = understand(raw)
    assert (message.form, message.text, message.damaged) == (form, text, b"\xff" in raw)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=30), st.booleans()), max_size=6), st.integers(1, 7))
def test_frames_are_the_same_however_the_stream_is_cut(messages: list[tuple[bytes, bool]], step: int) -> None:
    stream, wanted = b"", []
    for body, counted in messages:
        body = b"<13>" + body.replace(b"\n", b" ").replace(b"\r", b" ").replace(b"\0", b" ")
        stream += b"%d %s" % (len(body), body) if counted else body + b"\n"
        wanted.append(body)
    frames, found = Frames(), []
    for at in range(0, len(stream), step):
        found += frames.feed(stream[at : at + step])
    assert found == wanted and frames.end() == (b"", False)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message(raw: bytes) -> None:
    message = understand(raw)
    assert isinstance(json.dumps(message.as_json), str)
    with contextlib.suppress(TooLong):
        Frames().feed(raw)


@pytest.mark.parametrize("leaks", [False, True], ids=["sound", "leaking"])
async def test_log_privacy_reads_its_lines_from_the_sink(leaks: bool) -> None:
    source = SyslogSink(listen=free_address())

    def serve(asked: Asked) -> Reply:
        mail = json.loads(asked.body)["mail"] if leaks else "[EMAIL_REDACTED]"
        text = f"booked for {mail}, correlation id {asked.headers['x-correlation-id']}"
        send_datagrams(source.listen, f"<34>Nov 21 10:00:00 web-1 api[1]: {text}".encode())
        return as_json({"ok": True})

    request = {"method": "POST", "path": "/book", "json": {"mail": "{{planted.email}}"}}
    probe = LogPrivacy.model_validate({"requests": [{"name": "book", "request": request}], "wait": "5s", "settle": "10ms"})
    async with Loopback(serve).running() as server:
        outcome = await outcome_of(probe, server.url, evidence={"logs": source})
    if leaks:
        said = "the planted email address stands in the logs, as it is "
        assert outcome.verdict is Verdict.FAIL
        assert outcome.sentence.startswith(f"{said}(syslog sink at {source.listen}, api line 1, request 'book', correlation id")
        assert "canary" not in json.dumps(to_json(outcome))
    else:
        assert outcome.verdict is Verdict.PASS, outcome.sentence
