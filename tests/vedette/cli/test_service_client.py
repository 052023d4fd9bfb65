"""This file is for tests of commands that talk to a service: finding it, and a clear sentence for all that can go wrong."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.outcome import Verdict
from scenarios.runner import utc_now
from tests.vedette.conftest import Vedette
from tests.vedette.service.conftest import empty_store, make_service, settings, token_of
from tests.vedette.service.living import living, series_of, serving_elsewhere, suite, tell, tick
from vedette.cli.service_client import Client, ServiceRefused, ServiceUnreachable
from vedette.cli.speech import UsageError
from vedette.service.access import Scope
from vedette.service.state import ReloadResult, Service

__all__ = ["empty_store", "make_service", "settings"]  # fixtures

MakeService = Callable[..., Service]


@pytest.fixture
def service(make_service: MakeService) -> Service:
    return living(make_service, settings={"port": 0})


@pytest.fixture
def guarded(make_service: MakeService) -> Service:
    return living(make_service, settings={"port": 0, "require_tokens": True})


@contextmanager
def answering(
    answer: Callable[[BaseHTTPRequestHandler], None], context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the address of a server that answers as it is told, and the headers that it got."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers)
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def says(status: int, body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


# Finding it


def test_the_service_is_found_where_serve_noted_it(service: Service, vedette: Vedette, tmp_path: Path) -> None:
    tell(service, *(tick(one) for one in series_of(service)))
    with serving_elsewhere(service) as (url, _):
        (tmp_path / ".vedette").mkdir()
        (tmp_path / ".vedette" / "service.json").write_text(json.dumps({"url": url}))
        done = vedette("status")
    assert (done.returncode, "nothing is broken: 10 pass" in done.stdout) == (0, True), done.stderr
    assert f"service 1.2.3 at {url}" in done.stdout


def test_the_option_goes_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import argparse

    (tmp_path / "service.json").write_text('{"url": "http://127.0.0.1:3"}')
    monkeypatch.setenv("VEDETTE_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("VEDETTE_TOKEN", raising=False)
    monkeypatch.delenv("VEDETTE_SERVICE", raising=False)
    assert Client.from_args(argparse.Namespace(service=None)).url == "http://127.0.0.1:3"
    monkeypatch.setenv("VEDETTE_SERVICE", "http://127.0.0.1:2/")
    assert Client.from_args(argparse.Namespace(service=None)).url == "http://127.0.0.1:2"
    assert Client.from_args(argparse.Namespace(service="http://127.0.0.1:1")).url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("words", "environ", "code", "sentence"),
    [
        ((), {}, 2, "no service is known: '.vedette/service.json' is not there"),
        (("--service", "127.0.0.1:8900"), {}, 2, "is no address of a service"),
        (("--service", "ftp://127.0.0.1"), {}, 2, "is no address of a service"),
        (("--service", "http://127.0.0.1:99999"), {}, 2, "is no address of a service"),
        (("--service", "http://u:hunter2@127.0.0.1:9"), {}, 2, "may hold no password; put its token into VEDETTE_TOKEN"),
        (
            ("--service", "http://127.0.0.1:9"),
            {"VEDETTE_TOKEN": "hunter2 \n x"},
            2,
            "VEDETTE_TOKEN holds letters that no",
        ),
        (("--service", "http://127.0.0.1:1"), {}, 3, "nobody listens at http://127.0.0.1:1 (from --service)"),
        ((), {"VEDETTE_SERVICE": "http://127.0.0.1:1"}, 3, "nobody listens at http://127.0.0.1:1 (from VEDETTE_SERVICE)"),
        (("--service", "http://no-such-host.invalid"), {}, 3, "the host of http://no-such-host.invalid"),
        (("--service", f"http://{'x' * 300}..y"), {}, 3, "is not known"),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("command", ["status", "reload"])
def test_a_service_that_cannot_be_asked_is_told_with_a_sentence(
    vedette: Vedette, command: str, words: tuple[str, ...], environ: dict[str, str], code: int, sentence: str
) -> None:
    done = vedette(command, *words, environ=environ)
    assert (done.returncode, sentence in done.stderr, done.stdout) == (code, True, ""), done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '{"url": 1}'])
def test_a_file_that_says_nothing_is_told(vedette: Vedette, tmp_path: Path, text: str) -> None:
    (tmp_path / ".vedette").mkdir()
    (tmp_path / ".vedette" / "service.json").write_text(text)
    done = vedette("status")
    assert (done.returncode, done.stderr.startswith("error: '")) == (2, True), done.stderr


# Asking it


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (says(200, b"<html>hello</html>"), "does not answer like a service of vedette"),
        (says(302, b"", Location="http://127.0.0.1:1/"), "sends elsewhere (status 302)"),
        (says(500, b"<html>"), "no reason was given (status 500)"),
        (says(200, b"[" * 100_000), "does not answer like a service of vedette"),
        (says(404, b'{"detail": "there is nothing\\u001b[31m at this address"}'), "there is nothing [31m at this address"),
    ],
)
def test_what_is_no_service_of_ours_is_told(answer: Callable[[BaseHTTPRequestHandler], None], sentence: str) -> None:
    with answering(answer) as (url, _), pytest.raises(UsageError) as told:
        Client(url).get("/api/v1/status")
    assert sentence in str(told.value)
    assert str(told.value).isprintable()


def test_the_token_is_sent_and_goes_nowhere_else(service: Service) -> None:
    with (
        answering(says(200, b"{}")) as (elsewhere, others),
        answering(says(307, b"", Location=elsewhere)) as (url, asked),
        pytest.raises(ServiceRefused),
    ):
        Client(url, "vdt_one").get("/api/v1/status")
    assert ([headers["Authorization"] for headers in asked], others) == (["Bearer vdt_one"], [])


def test_a_proxy_of_the_environment_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(says(200, b"{}")) as (proxy, proxied), answering(says(200, b'{"a": 1}')) as (url, _):
        monkeypatch.setenv("http_proxy", proxy)
        assert Client(url, "vdt_one").get("/x") == {"a": 1}
    assert proxied == []


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    stopped = threading.Event()
    while not stopped.wait(0.05):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return


def drip_head(handler: BaseHTTPRequestHandler) -> None:
    stopped = threading.Event()
    while not stopped.wait(0.05):
        try:
            handler.wfile.write(b"H")
        except OSError:
            return


@pytest.mark.parametrize("answer", [drip, drip_head])
def test_a_service_that_drips_is_given_up_on_in_time(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with answering(answer) as (url, _), pytest.raises(ServiceUnreachable, match=r"did not answer within 0\.3 s"):
        Client(url, within_s=0.3).get("/x")


def test_a_service_that_says_nothing_is_given_up_on_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServiceUnreachable, match=r"did not answer within 0\.2 s"):
            Client(url, within_s=0.2).get("/x")


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"a": 1}')

    with answering(cut) as (url, _), pytest.raises(ServiceUnreachable, match="IncompleteRead"):
        Client(url).get("/x")


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(says(200, b"{}"), context) as (url, asked), pytest.raises(ServiceUnreachable, match="is not one to trust"):
        Client(url, "vdt_one").get("/x")
    assert asked == []


@pytest.mark.parametrize(
    ("scopes", "sentence"),
    [
        (None, "wants a token: VEDETTE_TOKEN is not set"),
        ((), "wants a token: VEDETTE_TOKEN holds a token that it does not know"),
        ((Scope.METRICS,), "does not let this token do that"),
    ],
)
def test_a_token_that_is_not_enough_is_told(
    guarded: Service, vedette: Vedette, scopes: tuple[Scope, ...] | None, sentence: str
) -> None:
    with serving_elsewhere(guarded) as (url, _):
        token = "vdt_wrong" if scopes == () else token_of(guarded, *scopes)["Authorization"].split()[1] if scopes else ""
        done = vedette("status", "--service", url, environ={"VEDETTE_TOKEN": token})
    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr
    assert not token or token not in done.stderr


# `vedette status`


def test_what_is_broken_is_said_first_since_when_and_for_whom(service: Service, vedette: Vedette) -> None:
    *good, bad = series_of(service)
    tell(service, *(tick(one) for one in good), tick(bad, Verdict.FAIL, at=service.clock() - timedelta(minutes=12)))
    with serving_elsewhere(service) as (url, _):
        done = vedette("status", "--service", url)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == f"FAIL {bad.scenario.severity}  {bad.key.scenario}"
    assert lines[1].startswith(f"    at {bad.key.target} (suite shop) since ") and lines[1].endswith("(12 min ago)")
    assert lines[2] == "    it said fail"
    assert "1 of 10 series is broken: 9 pass, 1 fail" in done.stdout


def test_json_is_what_the_service_answered(service: Service, vedette: Vedette) -> None:
    tell(service, *(tick(one) for one in series_of(service)))
    with serving_elsewhere(service) as (url, _):
        done = vedette("status", "--service", url, "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["counts"]["passed"], said["problems"]) == (0, 10, [])


def test_what_was_never_asked_is_not_well(service: Service, vedette: Vedette) -> None:
    with serving_elsewhere(service) as (url, _):
        done = vedette("status", "--service", url)
    assert (done.returncode, "nothing has been asked yet: 10 not asked yet" in done.stdout) == (3, True), done.stdout


def test_a_service_that_cannot_store_or_was_refused_its_suites_is_not_well(service: Service, vedette: Vedette) -> None:
    tell(service, *(tick(one) for one in series_of(service)))
    service.sink.healthy, service.sink.spooled = False, 12  # type: ignore[misc, attr-defined]
    service.sink.last_error = "the disk is full\x1b[2J"  # type: ignore[attr-defined]
    mistakes = "error: unknown field 'x'\n  --> shop.yaml:4:7"
    service.reloads.last = ReloadResult(utc_now(), False, "file", error=mistakes)
    with serving_elsewhere(service) as (url, _):
        done = vedette("status", "--service", url)
    assert done.returncode == 3
    assert "the store takes nothing at present, 12 ticks wait: the disk is full [2J" in done.stdout
    assert "was refused, the one before it keeps probing:\n    error: unknown field 'x'\n      --> shop.yaml:4:7\n" in done.stdout


def test_an_answer_of_another_version_is_no_all_clear(vedette: Vedette) -> None:
    with answering(says(200, b'{"status": "ok"}')) as (url, _):
        done = vedette("status", "--service", url)
    assert (done.returncode, "is no service of this version of vedette" in done.stderr) == (3, True), done.stderr


# `vedette reload`


def test_a_reload_says_what_changed(service: Service, vedette: Vedette) -> None:
    with serving_elsewhere(service) as (url, _):
        done = vedette("reload", "--service", url)
        service.reloads.result = ReloadResult(utc_now(), True, "api")  # type: ignore[attr-defined]
        again = vedette("reload", "--service", url)
    assert (done.returncode, done.stdout) == (0, "added 'a new one'\n")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "nothing changed\n")


def test_a_refused_reload_shows_the_mistakes_and_says_that_the_old_one_stays(service: Service, vedette: Vedette) -> None:
    mistakes = "error: unknown field 'threshhold'\n  --> shop.yaml:41:7\n   |\n41 |       threshhold: 5\n"
    service.reloads.result = ReloadResult(utc_now(), False, "api", error=mistakes)  # type: ignore[attr-defined]
    with serving_elsewhere(service) as (url, _):
        done = vedette("reload", "--service", url)
    assert done.returncode == 2
    assert done.stderr == f"{mistakes}error: the new configuration was refused, the old one keeps probing\n"


def test_who_only_reads_cannot_reload(guarded: Service, vedette: Vedette) -> None:
    token = token_of(guarded, Scope.READ)["Authorization"].split()[1]
    with serving_elsewhere(guarded) as (url, _):
        done = vedette("reload", "--service", url, environ={"VEDETTE_TOKEN": token})
    assert (done.returncode, "does not let this token do that" in done.stderr) == (2, True), done.stderr
    assert guarded.reloads.last is None


def test_a_thousand_problems_are_not_all_shown(make_service: MakeService, vedette: Vedette) -> None:
    service = living(make_service, suite(500), settings={"port": 0})
    tell(service, *(tick(one, Verdict.FAIL) for one in series_of(service)))
    with serving_elsewhere(service) as (url, _):
        done = vedette("status", "--service", url)
    assert (done.returncode, "and 950 more that are broken" in done.stdout) == (1, True)
