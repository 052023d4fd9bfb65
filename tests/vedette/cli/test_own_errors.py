"""This file is for the last promise of every command: an error of ours that nobody caught is a 70, and never a 0 or a 1."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from vedette.cli import confession
from vedette.cli.main import command_names, main
from vedette.exit_codes import Exit

FAR = ("--service", "http://127.0.0.1:1")
LINES: dict[str, list[tuple[str, ...]]] = {
    "run": [("demo",)],
    "gate": [
        ("run", "canary-demo"),
        ("plan", "canary-demo"),
        ("validate", "canary-demo"),
        ("triggers",),
        ("replay", "evidence.jsonl"),
        ("open", "shop", "--policy", "shop", *FAR),
        ("stage", "shop", "5", *FAR),
        ("wait", "--name", "shop", *FAR),
        ("decision", "shop", *FAR),
        ("hold", "shop", "--reason", "why", *FAR),
        ("resume", "shop", *FAR),
        ("promote", "shop", "--reason", "why", *FAR),
        ("rollback", "shop", "--reason", "why", *FAR),
        ("cancel", "shop", *FAR),
        ("list", *FAR),
    ],
    "serve": [("demo",)],
    "deployed": [("--list", *FAR)],
    "status": [FAR],
    "maintenance": [("list", *FAR)],
    "heartbeat": [("url", "backup", *FAR), ("ping", "backup", *FAR), ("run", "--", "true")],
    "token": [("list",)],
    "reload": [FAR],
    "metrics": [()],
    "validate": [("demo",)],
    "coverage": [("bookando",)],
    "init": [()],
    "import": [("curl", "check.sh")],
    "demo": [()],
    "report": [("--list",)],
    "prove": [()],
    "restore": [()],
    "probes": [()],
    "schema": [()],
    "doctor": [()],
    "api": [()],
}
EACH = [pytest.param(name, words, id=" ".join((name, *words[:1]))) for name, lines in LINES.items() for words in lines]
BUGS: dict[str, Callable[[], BaseException]] = {
    "a bug": lambda: RuntimeError("hunter2"),
    "a plug-in's exit(0)": lambda: SystemExit(0),
    "a plug-in's exit(1)": lambda: SystemExit(1),
    "no memory": MemoryError,
    "several": lambda: ExceptionGroup("hunter2", [ValueError("hunter2")]),
    "a mistake that looks like the caller's": lambda: ValueError("hunter2"),
    "a generator's end": GeneratorExit,
}


def test_every_command_is_tried() -> None:
    assert sorted(LINES) == sorted(command_names())


@pytest.mark.parametrize(("name", "words"), EACH)
def test_a_bug_in_any_command_is_70_and_says_no_secret(
    name: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for bug in BUGS.values():

        def broken(*_: object, made: Callable[[], BaseException] = bug) -> NoReturn:
            raise made()

        monkeypatch.setattr(importlib.import_module(f"vedette.cli.commands.{name}"), "run", broken)
        assert main([name, *words]) == Exit.INTERNAL
        said = capsys.readouterr().err
        assert "vedette itself broke" in said and "hunter2" not in said and "test_own_errors.py" in said


@pytest.mark.parametrize("name", command_names())
def test_a_bug_in_the_making_of_a_parser_is_70(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module(f"vedette.cli.commands.{name}"), "add_arguments", lambda _: 1 / 0)
    assert main([name, "--help"]) == Exit.INTERNAL


def test_a_bug_in_the_telling_of_a_bug_is_70(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = importlib.import_module("vedette.cli.commands.schema")
    monkeypatch.setattr(schema, "run", lambda _: 1 / 0)
    monkeypatch.setattr(confession, "complain", lambda _: 1 / 0)
    assert main(["schema"]) == Exit.INTERNAL


def test_a_standard_output_that_a_plug_in_closed_is_no_success(tmp_path: Path) -> None:
    code = (
        "import sys\nimport vedette.cli.commands.schema as schema\nfrom vedette.cli.main import main\n"
        "schema.run = lambda args: sys.stdout._stream.close() or 0\nraise SystemExit(main(['schema']))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == Exit.INTERNAL, done.stderr


# On other threads


def _on_a_thread(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    def run(_: object) -> int:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return Exit.PASSED

    monkeypatch.setattr(importlib.import_module("vedette.cli.commands.schema"), "run", run)
    return main(["schema"])


def test_a_bug_of_ours_on_another_thread_is_70(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from vedette.cli.service_client import one_line

    class Odd(str):
        def __iter__(self) -> NoReturn:
            raise RuntimeError("hunter2")

    assert _on_a_thread(monkeypatch, lambda: one_line(Odd("x"))) == Exit.INTERNAL
    said = capsys.readouterr().err
    assert "vedette itself broke: RuntimeError" in said and "hunter2" not in said


def test_a_bug_of_a_strangers_thread_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", heard.append)
    assert _on_a_thread(monkeypatch, lambda: int("x")) == Exit.PASSED
    assert [one.exc_type for one in heard] == [ValueError]


# Deep inside: whatever function of ours breaks, at any depth

_DEEP = """
import os, random, sys
words, ours = sys.argv[1:], {ours!r}
from vedette.cli.main import main

def broken_at(place):
    seen = 0
    def look(frame, event, _):
        nonlocal seen
        name = frame.f_code.co_filename
        outermost = name.endswith(("/cli/main.py", "/cli/confession.py", "/cli/streams.py", "/cli/speech.py"))
        if event == "call" and name.startswith(ours) and not outermost:
            seen += 1
            if seen == place:
                raise RuntimeError("hunter2")
    sys.setprofile(look)
    try:
        code = main(words)
    finally:
        sys.setprofile(None)
    return int(code), seen

def in_a_child(place):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, repr(broken_at(place)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    os.wait()
    return eval(text)

told = os.dup(1)
nowhere = os.open(os.devnull, os.O_RDWR)
for number in (1, 2):
    os.dup2(nowhere, number)
main(words)  # so that each child finds all that it imports
sound, calls = in_a_child(0)
drawn = random.Random(7).sample(range(1, calls + 1), min(6, calls))
broken = [in_a_child(place)[0] for place in drawn]
os.write(told, " ".join(map(str, [sound, calls, *broken])).encode())
"""


@pytest.mark.parametrize(
    ("line", "sound"),
    [
        ("validate own.yaml", 0),
        ("probes http", 0),
        ("metrics", 0),
        ("restore --list", 0),
        ("gate triggers", 0),
        ("gate validate canary-demo", 2),
        ("gate decision shop --service http://127.0.0.1:1", 3),
        ("status --service http://127.0.0.1:1", 3),
    ],
)
def test_whatever_breaks_inside_of_a_command_is_70(line: str, sound: int, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "targets: {here: {base_url: 'http://127.0.0.1:9'}}\nscenarios: [{name: one, probe: http, request: {path: /}}]\n"
    )
    ours = tuple(
        f"{Path(confession.__file__).parents[2] / package}{os.sep}" for package in ("probes", "scenarios", "reports", "vedette")
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VEDETTE_")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _DEEP.format(ours=ours), *line.split()],
        cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    code, calls, *broken = map(int, done.stdout.split())
    assert (code, calls > 10) == (sound, True), done.stderr
    assert int(Exit.INTERNAL) in broken
    assert set(broken) <= {int(Exit.INTERNAL), sound} - {0, 1}  # what was wrong anyway may be told first
