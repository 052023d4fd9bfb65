"""`vedette heartbeat`: what a job tells, by the installed command; a job never fails because nobody could be told."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.vedette.conftest import COMMAND, Vedette
from vedette.cli import heartbeat_line
from vedette.service.heartbeat_keys import BOOK_FILE, KEY_FILE, Place, path_of, read_key, write_book

SECRET = "/heartbeat/3f9a0c1b2d4e5f60/0123456789abcdef0123456789abcdef"
NOBODY = f"http://127.0.0.1:9{SECRET}"


class Desk:
    """Takes what jobs tell. `answers` are the statuses of the next calls; then it is 200."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str], str]] = []  # method, path, query, body
        self.answers: list[int] = []
        self.said: dict[str, Any] = {}  # what a path answers, else that it was taken
        self.called = threading.Condition()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                parts = urlsplit(self.path)
                with desk.called:
                    status = desk.answers.pop(0) if desk.answers else 200
                    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    desk.calls.append((self.command, parts.path, query, body))
                    desk.called.notify_all()
                text = json.dumps(desk.said.get(parts.path, {"taken": True})).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.base}{SECRET}"

    @property
    def words(self) -> list[str]:
        """Return what was said: the last part of each address, empty for a plain success."""
        return [path.removeprefix(SECRET).strip("/") for _, path, _, _ in self.calls]

    def wait_for(self, count: int) -> None:
        with self.called:
            assert self.called.wait_for(lambda: len(self.calls) >= count, timeout=20)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.shutdown()
    made.server.server_close()


# ping


@pytest.mark.parametrize(
    ("words", "said"),
    [([], ""), (["--start"], "start"), (["--fail"], "fail"), (["--exit-code", "3"], "3"), (["--exit-code", "0"], "0")],
)
def test_a_ping_says_what_it_is_told(vedette: Vedette, desk: Desk, words: list[str], said: str) -> None:
    done = vedette("heartbeat", "ping", desk.url, "--note", "4 GB", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (call,) = desk.calls
    assert (call[0], desk.words, json.loads(call[3])) == ("POST", [said], "4 GB")


def test_the_address_may_come_from_the_environment_so_that_no_process_list_shows_it(vedette: Vedette, desk: Desk) -> None:
    assert vedette("heartbeat", "ping", environ={"VEDETTE_HEARTBEAT_URL": desk.url}).returncode == 0
    assert desk.words == [""]


def test_a_ping_that_is_refused_for_a_moment_is_sent_again_under_the_same_id(vedette: Vedette, desk: Desk) -> None:
    desk.answers = [503, 429, 200]
    assert vedette("heartbeat", "ping", desk.url).returncode == 0
    assert len(desk.calls) == 3
    assert len({query["id"] for _, _, query, _ in desk.calls}) == 1


def test_a_ping_to_an_address_that_is_not_there_is_not_repeated(vedette: Vedette, desk: Desk) -> None:
    desk.answers = [404]
    done = vedette("heartbeat", "ping", desk.url)
    assert (done.returncode, len(desk.calls)) == (3, 1)
    assert "refused" in done.stderr and SECRET not in done.stderr


def test_a_ping_that_nobody_hears_gives_up_in_time_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert heartbeat_line.ATTEMPT_S + heartbeat_line.LAST_ATTEMPT_S <= 10
    monkeypatch.setattr(heartbeat_line, "ATTEMPT_S", 0.2)
    monkeypatch.setattr(heartbeat_line, "LAST_ATTEMPT_S", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        for base in ("http://127.0.0.1:9", f"http://127.0.0.1:{silent.getsockname()[1]}"):
            args = argparse.Namespace(service=None, target=None, suite=None)
            began = time.monotonic()
            trouble = heartbeat_line.told(heartbeat_line.line_to(args, f"{base}{SECRET}"), heartbeat_line.Said("success"))
            assert time.monotonic() - began < 0.8 + 1.0  # a second for a machine that is busy
            assert base in trouble and SECRET not in trouble


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (["ping"], "whose heartbeat?"),
        (["ping", "http://127.0.0.1:9/health"], "no address of a heartbeat"),
        (["ping", "nightly"], "no service is known"),
        (["ping", NOBODY, "--exit-code", "256"], "an exit code from 0 to 255"),
        (["ping", NOBODY, "--start", "--fail"], "not allowed with"),
        (["run"], "what is to be run?"),
        (["run", "--"], "what is to be run?"),
        ([], "DEED"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(vedette: Vedette, words: list[str], say: str) -> None:
    done = vedette("heartbeat", *words)
    assert (done.returncode, say in done.stderr) == (2, True), done.stderr


# run


def test_a_command_is_told_with_start_exit_code_and_duration_and_its_streams_are_its_own(vedette: Vedette, desk: Desk) -> None:
    done = vedette("heartbeat", "run", "--url", desk.url, "--", "sh", "-c", "sleep 0.2; echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert sorted(desk.words) == ["3", "start"]
    queries = {word: query for word, (_, _, query, _) in zip(desk.words, desk.calls, strict=True)}
    assert 0.2 <= float(queries["3"]["duration"]) < 20
    assert queries["3"]["id"] == queries["start"]["id"]


def test_a_command_does_not_see_the_secret_address(vedette: Vedette, desk: Desk) -> None:
    done = vedette("heartbeat", "run", "--", "env", environ={"VEDETTE_HEARTBEAT_URL": desk.url, "OTHER": "kept"})
    assert "VEDETTE_HEARTBEAT_URL" not in done.stdout
    assert "OTHER=kept" in done.stdout
    assert "0" in desk.words


@pytest.mark.parametrize("url", [NOBODY, "http://127.0.0.1:9/no-heartbeat", "no job of that name", ""])
def test_a_job_does_not_fail_because_nobody_can_be_told(vedette: Vedette, url: str) -> None:
    done = vedette("heartbeat", "run", "--url", url, "--", "sh", "-c", "echo done")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith("error: nobody could be told that the command ended with exit code 0: ")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["/no/such/command"], 127), (["/"], 126), (["sh", "-c", "kill -KILL $$"], 137), (["sh", "-c", "exit 255"], 255)],
    ids=["not found", "not runnable", "killed", "the largest"],
)
def test_the_exit_code_is_what_a_shell_would_say(vedette: Vedette, desk: Desk, words: list[str], code: int) -> None:
    assert vedette("heartbeat", "run", "--url", desk.url, "--", *words).returncode == code
    assert str(code) in desk.words


def test_a_command_that_takes_too_long_is_ended_and_told(vedette: Vedette, desk: Desk) -> None:
    done = vedette("heartbeat", "run", "--url", desk.url, "--timeout", "0.3", "--", "sleep", "30")
    assert (done.returncode, "still at work after 0.3 s" in done.stderr) == (124, True)
    assert "124" in desk.words


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_a_signal_goes_to_the_command_which_decides_what_becomes_of_it(tmp_path: Path, desk: Desk, name: str) -> None:
    script = f"trap 'echo got it; exit 7' {name[3:]}; echo ready; while :; do sleep 0.05; done"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VEDETTE_")}
    child = subprocess.Popen(
        [str(COMMAND), "heartbeat", "run", "--url", desk.url, "--", "sh", "-c", script],
        cwd=tmp_path, env=clean, stdout=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(getattr(signal, name), signal.SIG_DFL),  # a shell ignores some in the background
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(getattr(signal, name))
    rest, _ = child.communicate(timeout=30)
    assert (child.returncode, rest) == (7, "got it\n")
    assert "7" in desk.words


# By name


@pytest.fixture
def state(tmp_path: Path, desk: Desk) -> Path:
    """Return the state folder of a service on this machine, as `vedette serve` leaves it."""
    folder = tmp_path / ".vedette"
    folder.mkdir()
    places = [("shop", "nightly backup", "production"), ("shop", "billing", "staging"), ("shop", "billing", "production")]
    write_book(folder, [Place(*place, f"{number:016x}", 1 + number) for number, place in enumerate(places)])
    (folder / "service.json").write_text(json.dumps({"url": desk.base}))
    read_key(folder)
    return folder


def test_the_address_comes_from_the_state_folder_on_the_services_machine(vedette: Vedette, state: Path, desk: Desk) -> None:
    done = vedette("heartbeat", "url", "nightly backup")
    assert done.stdout == f"{desk.base}{path_of(read_key(state), '0' * 16, 1)}\n"
    assert desk.calls == []
    assert vedette("heartbeat", "ping", "nightly backup").returncode == 0
    assert desk.calls[0][1] == path_of(read_key(state), "0" * 16, 1)


def test_a_name_that_stands_at_two_targets_wants_the_target(vedette: Vedette, state: Path, desk: Desk) -> None:
    done = vedette("heartbeat", "url", "billing")
    assert (done.returncode, "choose one with --target and --suite" in done.stderr) == (2, True)
    right = vedette("heartbeat", "url", "billing", "--target", "production")
    assert right.stdout == f"{desk.base}{path_of(read_key(state), f'{2:016x}', 3)}\n"


def test_a_misspelt_name_is_answered_with_a_near_one(vedette: Vedette, state: Path) -> None:
    done = vedette("heartbeat", "url", "nightly backups")
    assert (done.returncode, "did you mean 'nightly backup'?" in done.stderr) == (2, True)


def test_a_name_that_is_like_none_is_answered_with_those_that_there_are(vedette: Vedette, state: Path) -> None:
    done = vedette("heartbeat", "url", "xyz")
    assert (done.returncode, "there are 'billing', 'nightly backup'" in done.stderr) == (2, True), done.stderr


def test_a_key_that_is_gone_is_told_and_not_made_anew(vedette: Vedette, state: Path) -> None:
    (state / KEY_FILE).unlink()
    done = vedette("heartbeat", "url", "nightly backup")
    assert (done.returncode, "cannot be read" in done.stderr, (state / KEY_FILE).exists()) == (2, True, False)
    assert (state / BOOK_FILE).exists()


def test_from_elsewhere_the_service_is_asked(vedette: Vedette, desk: Desk) -> None:
    slug = "a" * 16
    item = {"suite": "shop", "scenario": "billing", "target": "production", "slug": slug}
    desk.said = {
        "/api/v1/heartbeats": {"items": [item], "next": None},
        f"/api/v1/heartbeats/{slug}/address": {"path": SECRET},
    }
    environ = {"VEDETTE_SERVICE": desk.base, "VEDETTE_TOKEN": "t"}
    assert vedette("heartbeat", "url", "billing", environ=environ).stdout == f"{desk.url}\n"
    assert vedette("heartbeat", "ping", "billing", "--fail", environ=environ).returncode == 0
    method, path, _, body = desk.calls[-1]
    assert (method, path, json.loads(body)["what"]) == ("POST", f"/api/v1/heartbeats/{slug}/reports", "fail")
