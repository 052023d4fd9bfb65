"""Whatever is wrong with a target, a log, a disk or a clock: a clear sentence, the right exit code, and nothing lost."""

from __future__ import annotations

import asyncio
import ctypes
import gzip
import json
import os
import resource
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from reports.store import Store, StoreSink
from scenarios.loader import load_suite
from scenarios.runner import Runner
from tests.probes.badserver import Talk, answer, endless_body, endless_headers, trickling
from tests.serving import Gate, ask, on_a_thread

COMMAND = Path(sys.executable).parent / "vedette"
TOKEN = "control-token-of-the-tests"


@dataclass
class Place:
    """An empty folder in which the command is called."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: {k: v for k, v in os.environ.items() if not k.startswith("VEDETTE_")})

    def call(self, *words: object, code: int, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([str(COMMAND), *map(str, words)], cwd=self.folder, env=self.environ, capture_output=True, text=True,
                              timeout=60, check=False, preexec_fn=before)  # fmt: skip
        assert done.returncode == code, (done.returncode, done.stdout[-3000:], done.stderr[-3000:])
        assert "Traceback" not in done.stderr
        return done

    def suite(self, text: str) -> Path:
        path = self.folder / "suite.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def stored(self, store: str = ".vedette/results.db") -> dict[str, str]:
        """Return the verdicts in the store, by scenario, read without the code under test."""
        connection = sqlite3.connect(self.folder / store)
        try:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
            return dict(connection.execute("select scenario, verdict from outcomes"))
        finally:
            connection.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# What a target may answer, and what is said of it

MIB = 1024 * 1024
CUT = b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"status": '
WIRE = {
    "200 MB": ("{url}/large", "has a body longer than 1 MiB (limit body_bytes): it announces 209715200 bytes"),
    "gzip bomb": ("{url}/bomb", "is a gzip bomb: "),
    "trickle": ("{url}/trickle", "was not complete after 2 s ("),
    "endless headers": ("{url}/headers", "has headers longer than 64 KiB (limit header_bytes)"),
    "endless redirect": ("{url}/round", "was redirected more than 3 times"),
    "invalid UTF-8": ("{url}/latin", "invalid UTF-8 at byte 11"),
    "HTML": ("{url}/html", "the body is HTML instead of JSON"),
    "reset in the body": ("{url}/reset", "stopped after 11 of 1000 bytes: connection reset"),
    "no content": ("{url}/nothing", "the body is empty instead of JSON (status 204)"),
    "refused": ("http://127.0.0.1:{free}/", "refused the connection at 127.0.0.1:{free}"),
    "no such name": ("http://nowhere.invalid/", "the name nowhere.invalid could not be resolved"),
    "expired": ("https://localhost:{expired}/", "the certificate of localhost expired on 2021-01-01"),
    "wrong host": ("https://localhost:{stranger}/", "the certificate is for other.example, not for localhost"),
    "clock set back": ("", "the answer is stale, or its clock is wrong"),
}


async def misbehave(talk: Talk) -> None:
    """Answer as badly as the path says."""
    path = talk.path.partition("?")[0]
    if path == "/large":
        await endless_body(200 * MIB, announced=True)(talk)
    elif path == "/bomb":
        await talk.send(answer(gzip.compress(bytes(100 * MIB), 1), content_encoding="gzip"))
    elif path == "/trickle":
        await trickling(b'{"status": "ok"}', 1.0)(talk)
    elif path == "/headers":
        await endless_headers()(talk)
    elif path == "/round":
        await talk.send(answer(b"", "302 Found", location="/round"))
    elif path == "/latin":
        await talk.send(answer(b'{"name": "M\xfcller"}', content_type="application/json"))
    elif path == "/html":
        await talk.send(answer(b"<!DOCTYPE html><html>Soon back</html>", content_type="text/html"))
    elif path == "/reset":
        await talk.send(CUT)
        talk.reset()
    elif path == "/wordy":
        await talk.send(answer(os.urandom(2048).hex().encode()))
    elif path == "/nothing":
        await talk.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    elif path == "/back":  # each answer is an hour older than the one before, and the first is of last year
        at = datetime(2025, 1, 1, tzinfo=UTC) - timedelta(hours=len(talk.server.talks))
        health = {"status": "ok", "timestamp": at.isoformat(), "checks": {"database": "ok"}}
        await talk.send(answer(json.dumps(health).encode(), content_type="application/json", cache_control="no-store",
                               date=f"{at:%a, %d %b %Y %H:%M:%S} GMT"))  # fmt: skip
    else:
        await talk.send(answer(b'{"status": "ok"}', content_type="application/json"))


def contexts(folder: Path) -> list[ssl.SSLContext]:
    """Return contexts with an expired certificate and one of another host; their authority is left in `ca.pem`."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    end = datetime(2021, 1, 1, tzinfo=UTC)
    made = []
    for name, dates in (("localhost", {"not_before": end - timedelta(days=9), "not_after": end}), ("other.example", {})):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name, **dates).configure_cert(context)  # type: ignore[arg-type]
        made.append(context)
    return made


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_whatever_a_target_answers_is_told_in_a_sentence_and_the_others_go_on(place: Place) -> None:
    with on_a_thread(misbehave, None, *contexts(place.folder)) as (port, expired, stranger):
        names = {"url": f"http://127.0.0.1:{port}", "free": free_port(), "expired": expired, "stranger": stranger}
        lines = [
            f"  - {{name: {name}, probe: http, request: {{path: '{path.format(**names)}', follow_redirects: 3, "
            f"timeout: {2 if name == 'trickle' else 10}}}, expect: {{json: {{$.status: ok}}}}}}"
            for name, (path, _) in WIRE.items() if path
        ]  # fmt: skip
        lines.append("  - {name: clock set back, probe: health, live: /back, ready: /back, dependencies: [database]}")
        lines.append("  - {name: sound, probe: http, request: {path: /}, expect: {json: {$.status: ok}}}")
        place.suite(f"targets:\n  t: {{base_url: '{names['url']}', private_networks: true, tls: {{ca_file: ca.pem}}}}\n"
                    "scenarios:\n" + "\n".join(lines))  # fmt: skip
        place.call("run", "suite.yaml", "-r", "json=run.json", "-r", "html=run.html", code=1)
    outcomes = {o["subject"]["scenario"]: o for o in json.loads((place.folder / "run.json").read_text())["outcomes"]}
    wrong = [
        f"{name}: {outcomes[name]['verdict']}: {outcomes[name]['sentence']}"
        for name, (_, said) in WIRE.items()
        if outcomes[name]["verdict"] != "fail" or said.format(**names) not in outcomes[name]["sentence"]
    ]
    assert wrong == []
    assert any("timestamp went backwards" in made["say"] for made in outcomes["clock set back"]["checks"])
    assert outcomes["sound"]["verdict"] == "pass"
    assert place.stored() == {name: o["verdict"] for name, o in outcomes.items()}


# Logs

LOGS = {
    "sound": ("pass", ""),
    "rotated": ("pass", ""),
    "sparse": ("pass", ""),
    "missing": ("error", "missing.log"),
    "dangling": ("error", "dangling.log"),
    "folder": ("error", "is a directory, not a log file"),
    "forbidden": ("error", "forbidden.log"),
}


def test_a_log_that_cannot_be_read_is_an_error_and_one_that_moves_or_is_huge_is_read(place: Place) -> None:
    logs = {name: place.folder / f"{name}.log" for name in LOGS}
    for name in ("sound", "rotated", "forbidden"):
        logs[name].write_text("before\n")
    with logs["sparse"].open("wb") as file:
        file.truncate(2 * 1024 * MIB)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe last line\n")
    logs["dangling"].symlink_to("nowhere.log")
    logs["folder"].mkdir()
    logs["forbidden"].chmod(0)

    async def write(talk: Talk) -> None:
        name = talk.path.strip("/")
        line = f"handled {talk.header('X-Correlation-ID')} by [EMAIL_REDACTED]\n"
        if name == "rotated":
            logs[name].rename(place.folder / "rotated.log.1")
        if name in ("sound", "rotated", "sparse"):
            with logs[name].open("a") as file:
                file.write(line)
        await talk.send(answer(b"{}", content_type="application/json"))

    with on_a_thread(write) as (port,):
        sources = "\n".join(f"      {name}: {{source: log_file, path: {name}.log}}" for name in LOGS)
        scenarios = "\n".join(
            f"  - {{name: {name}, probe: log_privacy, logs: [{name}], wait: 2s, settle: 0s, requests: [{{name: a, request: "
            f"{{method: POST, path: /{name}, json: {{email: '{{{{planted.email}}}}'}}}}}}]}}"
            for name in LOGS
        )
        place.suite(f"targets:\n  t:\n    base_url: http://127.0.0.1:{port}\n    private_networks: true\n    allow: [write]\n"
                    f"    evidence:\n{sources}\nscenarios:\n{scenarios}\n")  # fmt: skip
        place.call("run", "suite.yaml", "-r", "json=run.json", code=3, before=lose_override)
    outcomes = {o["subject"]["scenario"]: o for o in json.loads((place.folder / "run.json").read_text())["outcomes"]}
    seen = {name: (o["verdict"], o["sentence"]) for name, o in outcomes.items()}
    assert {n: s for n, s in seen.items() if s[0] != LOGS[n][0] or LOGS[n][1] not in s[1]} == {}


def lose_override() -> None:
    """Let what is started be bound by file modes, root or not. Source: capabilities(7), prctl(2) PR_CAPBSET_DROP."""
    if os.getuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            assert ctypes.CDLL(None, use_errno=True).prctl(24, capability, 0, 0, 0) == 0


# The store

SOUND = """\
targets:
  t: {{base_url: '{url}', private_networks: true}}
scenarios:
  - {{name: sound, probe: http, request: {{path: /}}, expect: {{json: {{$.status: ok}}}}}}
"""


@pytest.fixture
def url() -> Iterator[str]:
    with on_a_thread(misbehave) as (port,):
        yield f"http://127.0.0.1:{port}"


def test_a_store_that_may_not_be_written_ends_the_run_before_it_sends(place: Place, url: str) -> None:
    place.suite(SOUND.format(url=url))
    place.call("run", "suite.yaml", "--store", "kept.db", code=0)
    (place.folder / "kept.db").chmod(0o444)
    done = place.call("run", "suite.yaml", "--store", "kept.db", code=3, before=lose_override)
    assert "the store 'kept.db' is read-only" in done.stderr and "nothing was sent" in done.stderr
    assert place.stored("kept.db") == {"sound": "pass"}


def test_a_state_folder_that_cannot_be_made_ends_the_run_before_it_sends(place: Place, url: str) -> None:
    place.suite(SOUND.format(url=url))
    (place.folder / "file").write_text("")
    place.environ["VEDETTE_STATE_DIR"] = "file/state"
    done = place.call("run", "suite.yaml", code=3)
    assert "the state folder 'file/state' cannot be made" in done.stderr


def test_a_store_that_another_process_locks_ends_the_run_before_it_sends(place: Place, url: str) -> None:
    place.suite(SOUND.format(url=url))
    place.call("run", "suite.yaml", code=0)
    other = sqlite3.connect(place.folder / ".vedette" / "results.db", isolation_level=None)
    other.execute("begin immediate")
    done = place.call("run", "suite.yaml", code=3)
    other.close()
    assert "is locked by another process (waited 2 s)" in done.stderr and "nothing was sent" in done.stderr


def test_a_store_of_a_newer_version_is_refused_and_kept(place: Place, url: str) -> None:
    place.suite(SOUND.format(url=url))
    place.call("run", "suite.yaml", code=0)
    with sqlite3.connect(place.folder / ".vedette" / "results.db") as newer:
        newer.execute("update alembic_version set version_num = '9999'")
    newer.close()
    done = place.call("run", "suite.yaml", code=3)
    assert "was written by a newer vedette (schema 9999" in done.stderr
    assert place.stored() == {"sound": "pass"}


def test_a_disk_that_is_full_from_the_start_ends_the_run_before_it_sends(place: Place, url: str) -> None:
    place.suite(SOUND.format(url=url))
    done = place.call("run", "suite.yaml", code=3, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)))
    assert "cannot grow" in done.stderr and "nothing was sent" in done.stderr


def test_a_disk_that_fills_up_during_the_run_loses_no_outcome(place: Place, url: str) -> None:
    many = "".join(f"  - {{name: n{n}, probe: http, request: {{path: /wordy}}, expect: {{status: 201}}}}\n" for n in range(37))
    place.suite(SOUND.format(url=url) + many)
    place.environ["TMPDIR"] = str(place.folder)
    done = place.call("run", "suite.yaml", "--store", "kept/small.db", code=1,
                      before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (263_000, 263_000)))  # fmt: skip
    [rescued] = place.folder.rglob("vedette-unsaved-*.jsonl")
    assert str(rescued.name) in done.stderr
    place.call("report", "--import", rescued, "--store", "new.db", code=0)
    both = {**place.stored("kept/small.db"), **place.stored("new.db")}
    assert both == {"sound": "pass", **{f"n{n}": "fail" for n in range(37)}}


def test_a_report_that_no_longer_fits_on_the_disk_is_trouble_and_the_outcomes_are_stored(place: Place, url: str) -> None:
    place.suite(SOUND.format(url=url))
    done = place.call("run", "suite.yaml", "-r", "html=/dev/full", code=3)
    assert "the report cannot be written to '/dev/full': No space left on device" in done.stderr
    assert place.stored() == {"sound": "pass"}


# Clocks


def test_our_own_clock_that_is_set_back_breaks_neither_durations_nor_the_store(place: Place, url: str) -> None:
    suite = load_suite(str(place.suite(SOUND.format(url=url))))
    hours = iter(range(1000))

    def backwards() -> datetime:
        return datetime(2026, 3, 29, 3, tzinfo=UTC) - timedelta(hours=next(hours))

    store = StoreSink(place.folder / "clock.db")
    result = asyncio.run(Runner(suite, "t", sinks=[store], clock=backwards).run())
    store.close()
    [outcome] = result.outcomes
    assert outcome.verdict == "pass", outcome.sentence
    assert 0 <= outcome.duration_s <= result.wall_s < 60
    assert Store(place.folder / "clock.db").run().outcomes == result.outcomes


# Stopped in mid-probe, with a fault in

BREAKER = """\
targets:
  t:
    base_url: {url}
    private_networks: true
    allow: [faults]
    faults:
      calcom_down:
        lever: http_hook
        inject: {{method: POST, path: /_control/faults/calcom-down, headers: {{X-Control-Token: "${{CONTROL_TOKEN}}"}}}}
        undo: {{method: DELETE, path: /_control/faults/calcom-down, headers: {{X-Control-Token: "${{CONTROL_TOKEN}}"}}}}
scenarios:
  - {{name: it lives, probe: http, request: {{path: /health/live}}}}
  - name: the breaker works
    probe: circuit_breaker
    needs: [it lives]
    service: calcom_api
    status: {{request: {{path: /api/health/detailed}}, json: "$.circuit_breakers.{{{{service}}}}"}}
    request: {{method: POST, path: "{gate}/api/retell/check-availability", timeout: 30s, json: {{
      call_id: "b-{{{{nonce}}}}-company-15", args: {{service: "b-{{{{call}}}}", date: "{{{{call_date}}}}", time: "10:00"}}}}}}
    fault: calcom_down
    timeout: 60s
"""


@dataclass
class Stage:
    """A reference target in a process of its own, and a run that stands still in it with a fault in."""

    place: Place
    url: str
    run: subprocess.Popen[str]
    gate: Gate

    def serves(self) -> bool:
        """Say whether the calendar's dependency is up, asked past the breaker's cache and without the code under test."""
        call: dict[str, Any] = {"call_id": f"t-{os.urandom(4).hex()}-company-15"}
        call["args"] = {"service": os.urandom(4).hex(), "date": "2026-12-01", "time": "10:00"}
        return ask(f"{self.url}/api/retell/check-availability", call) == 200

    def has_stored(self) -> bool:
        try:
            return self.place.stored() == {"it lives": "pass"}
        except sqlite3.OperationalError:
            return False  # the tables are not made yet


def soon(holds: Callable[[], bool]) -> bool:
    """Wait until it holds: an open breaker needs its time, and a store to be opened."""
    deadline = time.monotonic() + 10
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def stage(place: Place) -> Iterator[Stage]:
    place.environ |= {"VEDETTE_REFERENCE_TOKEN": TOKEN, "CONTROL_TOKEN": TOKEN}
    reference = subprocess.Popen([sys.executable, "-P", "-m", "vedette.reference", "--log", str(place.folder / "target.log"),
                                  "--open-for", "0.3"], env=place.environ, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert reference.stdout is not None
    url = reference.stdout.readline().strip()
    with Gate(url) as gate:
        place.suite(BREAKER.format(url=url, gate=gate.url))
        run = subprocess.Popen([str(COMMAND), "run", "suite.yaml", "-r", "json"], cwd=place.folder, env=place.environ, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        stage = Stage(place, url, run, gate)
        try:
            assert gate.failing.wait(20)
            assert not stage.serves()  # else there would be nothing to undo
            yield stage
        finally:
            for process in (run, reference):
                process.kill()
                process.communicate()


def test_sigterm_in_mid_probe_takes_the_fault_out_and_keeps_what_was_seen(stage: Stage) -> None:
    stage.run.send_signal(signal.SIGTERM)
    out, err = stage.run.communicate(timeout=20)
    assert stage.run.returncode == 143, err
    assert soon(stage.serves)
    verdicts = {o["subject"]["scenario"]: o["verdict"] for o in json.loads(out)["outcomes"]}
    assert verdicts["it lives"] == "pass"
    assert verdicts["the breaker works"] not in ("pass", "fail")  # it was stopped, which is not the target's fault
    assert stage.place.stored() == verdicts
    assert stage.place.call("restore", code=0).stdout == "nothing had to be undone\n"


@pytest.mark.parametrize("mended_by", ["restore", "run"])
def test_kill_9_in_mid_probe_is_mended_afterwards_and_what_was_stored_is_whole(stage: Stage, mended_by: str) -> None:
    assert soon(stage.has_stored)
    stage.run.kill()
    stage.run.communicate()
    place = stage.place
    assert not stage.serves()
    assert "calcom_down" in place.call("restore", "--list", code=0).stdout
    assert place.stored() == {"it lives": "pass"}
    assert "interrupted" in place.call("report", "-r", "json", code=0).stdout
    if mended_by == "restore":
        assert place.call("restore", code=0).stdout.startswith("undone: 'fault 'calcom_down'' on target 't' was undone")
    else:
        assert "was undone" in place.call("run", "suite.yaml", "-k", "it lives", code=0).stderr
    assert soon(stage.serves)
    assert place.call("restore", code=0).stdout == "nothing had to be undone\n"
