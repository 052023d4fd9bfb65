"""This file is for keeping docs/ true: generated where possible, run or compared with the code where not."""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from probes.registry import KINDS, LEVERS, SOURCES, Registry
from probes.session import Session
from probes.target import Grant, Target
from reports.formats.reporter import FORMATS
from reports.sign_off import LINES
from scenarios.burn_in import BurnInPhase
from scenarios.crosscheck import COMMON_NAMES
from scenarios.loader import load_suite
from scenarios.maintenance import RecurringWindow
from scenarios.meanings import comments_in, meanings, models_in
from scenarios.model import ScenarioKeys
from scenarios.schema import suite_schema
from scenarios.statements import coverage_of
from vedette.cli import commands
from vedette.cli.commands import probes
from vedette.cli.reference import NAMES_AT_RUN_TIME, PARTS, keys_of
from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PACKAGES = ("probes", "scenarios", "reports", "vedette")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{3,}")
SUITES = sorted((ROOT / "scenarios" / "library").glob("*.yaml"))
ENVIRON = {"SHOP_TOKEN": "a-token", "SHOP_CONTROL": "a-control-token"}


def doc(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return [body for found, body in _BLOCK.findall(doc(name)) if found == language]


# docs/probes.md


def test_the_reference_is_what_the_code_says() -> None:
    # In a process of its own, where no other test has loaded a plug-in.
    command = Path(sys.executable).parent / "vedette"
    done = subprocess.run([str(command), "probes", "--markdown"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == doc("probes"), "write it anew: make docs"


def _probes(*words: str) -> str:
    args = _parser("probes").parse_args(words)
    return probes._answer(args)


@pytest.mark.parametrize("name", [*SOURCES.names(), *LEVERS.names(), *PARTS])
def test_sources_levers_and_parts_are_explained_on_the_terminal_too(name: str) -> None:
    text = _probes(name)
    models = [m for m in (SOURCES.find(name), LEVERS.find(name), PARTS.get(name)) if m is not None]
    assert [
        key.path for model in models for key in keys_of(model) if f" {key.path} " not in text or key.meaning not in text
    ] == []


def test_sources_and_levers_are_listed() -> None:
    listed = [line.split()[0] for line in _probes("--sources", "--levers").splitlines()]
    assert listed == [*SOURCES.names(), *LEVERS.names()]


def test_a_name_that_nothing_has_is_answered_with_a_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'log_file'"):
        _probes("log_fil")


def _models() -> list[type[BaseModel]]:
    registries: tuple[Registry, ...] = (KINDS, SOURCES, LEVERS)  # type: ignore[type-arg]
    found = [registry.find(name) for registry in registries for name in sorted(registry._ours)]
    return list(
        dict.fromkeys(inner for one in [*found, Target, ScenarioKeys, BurnInPhase, RecurringWindow] for inner in models_in(one))
    )


@pytest.mark.parametrize("model", _models(), ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_every_key_means_something(model: type[BaseModel]) -> None:
    assert [name for name in model.model_fields if not meanings(model).get(name)] == []


class _Commented(BaseModel):
    """A model with a comment at each place where one may stand."""

    behind: int = 1  # at the end
    # above, over
    # two lines
    above: int = 2
    several: tuple[
        int,
        ...,
    ] = ()  # behind several lines
    bare: int = 3

    # far away, and so nobody's

    untouched: str = "# no comment"


def test_a_meaning_is_read_from_each_place_where_a_comment_may_stand() -> None:
    assert meanings(_Commented) == {"behind": "at the end", "above": "above, over two lines", "several": "behind several lines"}


def test_every_key_of_a_suite_and_every_grant_means_something() -> None:
    assert [key for key, schema in suite_schema()["properties"].items() if not schema.get("description")] == []
    assert {grant.name for grant in Grant} == set(comments_in(Grant))


def test_the_names_at_run_time_are_those_that_the_loader_knows() -> None:
    assert {*COMMON_NAMES, "vars"} == set(NAMES_AT_RUN_TIME)


# docs/suites.md


def _suite(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_whole_suite_of_the_docs_is_valid(tmp_path: Path) -> None:
    whole, *_ = blocks("suites", "yaml")
    suite = load_suite(str(_suite(tmp_path, whole)), environ=ENVIRON, all_targets=True)
    assert (len(suite.scenarios), suite.target_names) == (2, ("staging", "production"))


def test_the_parts_of_suites_in_the_docs_are_valid_in_the_whole_one(tmp_path: Path) -> None:
    whole, *others = blocks("suites", "yaml")
    parts = [part for part in others if not part.startswith("# ")]
    assert parts
    for part in parts:
        one = yaml.safe_load(whole) | yaml.safe_load(part)
        load_suite(str(_suite(tmp_path, yaml.safe_dump(one))), environ=ENVIRON, all_targets=True)


def test_the_other_suites_of_the_docs_are_valid_and_one_on_top_of_a_bundled_one_is_short(tmp_path: Path) -> None:
    named = {part.split(".yaml")[0].removeprefix("# "): part for part in blocks("suites", "yaml")[1:] if part.startswith("# ")}
    loaded = {name: load_suite(str(_suite(tmp_path, part)), environ={}) for name, part in named.items()}
    assert coverage_of(loaded["covered"]).missing == []
    assistant = {s.name: s for s in loaded["assistant"].scenarios}
    assert loaded["assistant"].target_names == ("staging", "production")
    assert assistant["one call may ask fifty times and no more"].probe.limit == 30 and "the imprint is there" in assistant
    assert len(named["assistant"].splitlines()) - 2 <= 10  # ten lines beside its name and what it extends


def test_a_key_of_the_docs_that_is_not_true_is_noticed(tmp_path: Path) -> None:
    whole, *_ = blocks("suites", "yaml")
    with pytest.raises(Exception, match="unknown field 'runbok'"):
        load_suite(str(_suite(tmp_path, whole.replace("runbook:", "runbok:"))), environ=ENVIRON)


def test_the_docs_name_every_line_of_the_sign_off_page() -> None:
    named = re.findall(r"`(\w+)`", doc("suites").rsplit("The ids:", 1)[1])
    assert named == [line.id for line in LINES]


# docs/writing-a-probe.md


def test_the_probe_of_the_docs_passes_its_own_tests(tmp_path: Path) -> None:
    for body in blocks("writing-a-probe", "python"):
        (tmp_path / body.splitlines()[0].removeprefix("# ")).write_text(body, encoding="utf-8")
    words = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*words, "."], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_docs_name_every_member_of_the_session() -> None:
    told = doc("writing-a-probe").split("## The session", 1)[1].split("\n## ", 1)[0]
    tree = ast.parse((ROOT / "probes" / "session.py").read_text(encoding="utf-8"))
    init = next(
        function
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "Session"
        for function in node.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    )
    own = {n.attr for n in ast.walk(init) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    public = [name for name in {*vars(Session), *own} if not name.startswith("_")]
    assert {"send", "nonce"} <= set(public)
    assert [name for name in public if not re.search(rf"`{name}\b|, `{name}\b", told)] == []


# docs/operations.md


def test_the_docs_have_every_exit_code() -> None:
    table = "".join(f"| {int(code)} | {code.meaning} |\n" for code in Exit)
    assert table in doc("operations")


def test_the_docs_have_every_report_format() -> None:
    table = doc("operations").split("| format | for |", 1)[1].split("\n\n", 1)[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.M)) == FORMATS.names()


def variables_read(source: str) -> Iterator[str]:
    """Yield the environment variables that a Python source reads by name, or through a constant of its own."""
    if not re.search(r"\benviron\b|\bgetenv\b", source):
        return
    tree = ast.parse(source)
    constants = {
        target.id: [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        keys: list[ast.expr] = []
        if isinstance(node, ast.Call) and re.search(r"environ\b.*\.get$|getenv$", ast.unparse(node.func)):
            keys = node.args[:1]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            keys = [node.slice]
        for key in keys:
            if isinstance(key, ast.Constant):
                yield str(key.value)
            elif isinstance(key, ast.Name):
                yield from constants.get(key.id, ())
    lists = [node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)]
    for one in lists:  # such as the names that are passed on to programs
        values = [n.value for n in one.elts if isinstance(n, ast.Constant)]
        yield from (v for v in values if isinstance(v, str) and _VARIABLE.fullmatch(v))


def test_a_variable_is_noticed_however_it_is_read() -> None:
    source = (
        "import os\nA = 'BY_CONSTANT'\nPASSED = ('ONE_OF', 'SEVERAL', 'THIRD', 'FOURTH')\n"
        "os.environ.get('BY_GET'); os.environ['BY_INDEX']; os.getenv('BY_GETENV'); os.environ.get(A)\n"
        "(os.environ if x is None else x).get('BY_CHOICE'); self.environ.get('BY_SELF'); {'NOT_READ': 1}\n"
    )
    assert set(variables_read(source)) == {
        "BY_CONSTANT", "ONE_OF", "SEVERAL", "THIRD", "FOURTH", "BY_GET", "BY_INDEX", "BY_GETENV", "BY_CHOICE", "BY_SELF",
    }  # fmt: skip


def test_the_docs_have_every_environment_variable_that_is_read() -> None:
    read = {
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in variables_read(path.read_text(encoding="utf-8"))
    }
    of_suites = {name for suite in SUITES for name in re.findall(r"\$\{([A-Z_]+)", suite.read_text(encoding="utf-8"))}
    assert {"VEDETTE_STATE_DIR", "NO_COLOR", "VEDETTE_REFERENCE_TOKEN", "KUBECONFIG"} <= read
    assert sorted(name for name in read - of_suites if f"`{name}`" not in doc("operations")) == []


@pytest.mark.parametrize("suite", SUITES, ids=lambda file: file.stem)
def test_a_bundled_suite_says_at_its_head_which_variables_it_has(suite: Path) -> None:
    text = suite.read_text(encoding="utf-8")
    head = text.split("\nsuite:", 1)[0]
    assert sorted(name for name in set(re.findall(r"\$\{([A-Z_]+)", text)) if not re.search(rf"\b{name}\b", head)) == []


# All of them


def test_every_command_and_option_that_the_docs_show_exists() -> None:
    known = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    seen = 0
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for command, rest in re.findall(r"vedette (\w+)([^`\n]*)", page.read_text(encoding="utf-8")):
            if command not in known:
                continue
            seen += 1
            options = re.findall(r"(?<!\S)(--[a-z][a-z-]+)", rest.partition("#")[0])
            assert [o for o in options if o not in _help_of(command)] == [], f"{page.name}: vedette {command}{rest}"
    assert seen > 20


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"vedette.cli.commands.{command}").add_arguments(parser)
    return parser


def _help_of(command: str) -> str:
    """Return the help of a command and of what stands below it, such as `maintenance start`."""
    parser = _parser(command)
    below = [a.choices.values() for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return "\n".join(one.format_help() for one in [parser, *(one for group in below for one in group)])


def test_every_link_of_the_docs_leads_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")) if "://" not in link]
        assert [link for link in links if not (DOCS / link).exists()] == [], page.name
