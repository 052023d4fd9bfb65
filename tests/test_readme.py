"""This file is for keeping the README true: its files are written, its commands run in order, its outputs compared."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from probes.probe import Probe
from probes.registry import KINDS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_README_PORTS = ("8080", "8900")  # of the target and of the service
_LEFT_TO_CI = re.compile(r"make (?P<target>\w+)|pip install|docker ")
_DIFFERS = (  # what no two runs have in common
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\b\d{8}T\d{6}Z\b"), "INSTANT"),
    (re.compile(r"\b20\d\d-\d\d-\d\d( \d\d:\d\d:\d\d)?"), "DATE"),
    (re.compile(r"\b\d\d:\d\d\b(?= UTC| \()"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "DURATION"),
    (re.compile(r"(?<=report: )/\S*/(?=\.vedette)"), "FOLDER/"),
)


@dataclass
class Shell:
    """Runs a document's console blocks in one folder, as a person would who types them one after the other."""

    folder: Path
    ports: tuple[int, ...]
    environ: dict[str, str] = field(default_factory=dict)
    code: int = 0
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    def follow(self, document: str) -> list[str]:
        """Write the document's files where they stand and run its commands; return what is not true."""
        wrong: list[str] = []
        for shown, free in zip(_README_PORTS, self.ports, strict=True):
            document = document.replace(shown, str(free))
        for language, body in _BLOCK.findall(document):
            name = re.match(r"# ([\w-]+\.(?:ya?ml|py|toml))\n", body)
            if name:
                (self.folder / name[1]).write_text(body, encoding="utf-8")
            if language == "console":
                wrong += self._type(body)
        return wrong + self._unstated()

    def _type(self, body: str) -> list[str]:
        wrong = []
        for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            if not (command == "echo $?" or command.startswith("export ")):
                wrong += self._unstated()
            said = self._run(command)
            if said is not None and normalised(said) != normalised(shown):
                wrong.append(f"$ {command}\nthe README shows:\n{normalised(shown)}\nit is:\n{normalised(said)}")
        return wrong

    def _unstated(self) -> list[str]:
        """Return the complaint about an exit code that is not 0 and that no `echo $?` tells."""
        code, self.code = self.code, 0
        return [f"a command ended with {code}, and the README does not say so"] if code else []

    def _run(self, command: str) -> str | None:
        if _LEFT_TO_CI.match(command):
            return None
        if command == "echo $?":
            code, self.code = self.code, 0
            return f"{code}\n"
        if command.startswith("export "):
            self.environ |= dict(word.split("=", 1) for word in command.split()[1:])
            return ""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("VEDETTE_", "GITHUB_"))}
        environ = clean | self.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        bash = ["bash", "-c", f"exec {command[:-2]}" if command.endswith(" &") else command]
        process = subprocess.Popen(
            bash, cwd=self.folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )  # fmt: skip
        assert process.stdout is not None
        if command.endswith(" &"):
            self.background.append(process)
            return process.stdout.readline()
        said, _ = process.communicate(timeout=120)
        self.code = process.returncode
        return said

    def close(self) -> None:
        for process in self.background:
            process.terminate()
            process.communicate(timeout=30)


def normalised(text: str) -> str:
    """Return the text without what differs from run to run: ids, times, ports, durations, folders."""
    for pattern, word in _DIFFERS:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.fixture
def shell(tmp_path: Path):  # type: ignore[no-untyped-def]
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in _README_PORTS]
        ports = tuple(one.getsockname()[1] for one in free)
    made = Shell(tmp_path, ports)
    yield made
    made.close()


def readme() -> str:
    return README.read_text(encoding="utf-8")


def chapter(title: str) -> str:
    return readme().split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_command_of_the_readme_does_what_it_shows(shell: Shell) -> None:
    wrong = shell.follow(readme())
    assert wrong == [], "\n\n".join(wrong)
    left = {
        "booking.yaml",
        "own.yaml",
        "no_catch_all.py",
        "pyproject.toml",
        "report.html",
        "report.xml",
        "vedette.yaml",
        "watch.yaml",
    }
    assert left <= {path.name for path in shell.folder.iterdir()}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("did you mean 'marker'?", "did you mean 'market'?"),
        ("error: unknown field", "error: unknown option"),
        ("\n2\n```", "\n1\n```"),
        ("$ echo $?\n2\n", ""),
        ("volatile: [$.cached_at] ", "volatil: [$.cached_at] "),
    ],
    ids=["a sentence", "a word", "an exit code", "an exit code left out", "a key of the suite"],
)
def test_an_edit_of_the_readme_that_is_not_true_is_noticed(shell: Shell, right: str, wrong: str) -> None:
    quick = "\n".join(block for block in chapter("A suite by example").split("\n\n") if "vedette run" not in block)
    assert shell.follow(quick) == []
    assert quick.count(right) == 1
    assert shell.follow(quick.replace(right, wrong)) != []


def test_what_is_left_to_ci_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {found["target"] for found in re.finditer(r"(?:^\$ |`)make (?P<target>\w+)", readme())}
    assert {"demo", "test", "setup"} <= targets
    assert [name for name in targets if not re.search(rf"^{name}:.*##", makefile, re.M)] == []
    assert ("`Dockerfile`" in readme(), (ROOT / "Dockerfile").is_file()) == (True, True)


def test_the_extras_that_the_readme_names_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"`(\w+)`", readme().split("(extras:", 1)[1].split(")", 1)[0])
    assert named
    assert set(named) <= set(project["optional-dependencies"])


def test_the_entry_point_of_the_readme_is_a_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = {body.splitlines()[0]: body for _, body in _BLOCK.findall(readme())}
    (tmp_path / "no_catch_all.py").write_text(blocks["# no_catch_all.py"], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    groups = tomllib.loads(blocks["# pyproject.toml"])["project"]["entry-points"]
    assert list(groups) == [KINDS._group]
    for name, value in groups[KINDS._group].items():
        module, _, attribute = value.partition(":")
        probe = getattr(__import__(module), attribute)
        assert issubclass(probe, Probe)
        assert probe.kind == name


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", readme())
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_prometheus_takes_the_configuration_of_the_readme(tmp_path: Path, require: Callable[[str, bool], None]) -> None:
    promtool = shutil.which("promtool")
    require("promtool (Debian's package prometheus)", promtool is not None)
    blocks = {body.splitlines()[0]: body for _, body in _BLOCK.findall(readme())}
    (tmp_path / "prometheus.yml").write_text(blocks["# prometheus.yml"], encoding="utf-8")
    checked = subprocess.run([str(promtool), "check", "config", "prometheus.yml"], cwd=tmp_path, timeout=60, check=False)
    assert checked.returncode == 0
