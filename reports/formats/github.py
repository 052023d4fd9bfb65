"""This file is for GitHub Actions: annotations by workflow commands, and a summary on the job's page."""

from __future__ import annotations

from probes.outcome import Outcome, Verdict
from reports.formats.list import verdict_line
from reports.formats.reporter import Document, ReporterError
from reports.formats.terminal import clean
from reports.overall import is_green, worst_first
from scenarios.events import Event, RunFinished, RunResult

_LEVEL = {
    Verdict.FAIL: "error",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.DEGRADED: "warning",
    Verdict.SKIPPED: "notice",
}
_MARK = {
    Verdict.FAIL: "❌ fail",
    Verdict.ERROR: "💥 error",
    Verdict.INCONCLUSIVE: "❓ inconclusive",
    Verdict.DEGRADED: "⚠️ degraded",
    Verdict.PASS: "✅ pass",
    Verdict.SKIPPED: "⏭️ skipped",
}
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]#|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"})


class Github(Document, format="github"):
    """`::error`, `::warning` and `::notice` lines, the worst first, the verdict last; a table in `$GITHUB_STEP_SUMMARY`.

    GitHub shows ten annotations of each level a step, so passes get none.
    Source: docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of actions/toolkit, command.ts.
    """

    def take(self, event: Event) -> None:
        super().take(event)
        if isinstance(event, RunFinished):
            self._append_summary(event.result)

    def render(self, result: RunResult) -> str:
        lines = [_annotation(o, result.run.suite_path) for o in worst_first(result.outcomes) if o.verdict in _LEVEL]
        lines += [_command("warning", {"title": "vedette"}, text) for text in (*result.run.remarks, *result.trouble)]
        word, sentence = verdict_line(result)
        level = "notice" if is_green(result) else "error"
        return "\n".join([*lines, _command(level, {"title": "vedette"}, f"{word}: {sentence}")]) + "\n"

    def _append_summary(self, result: RunResult) -> None:
        path = self.environ.get("GITHUB_STEP_SUMMARY", "")
        if not path:
            return
        try:
            with open(path, "ab") as file:
                file.write(summary(result).encode("utf-8", "backslashreplace"))
        except OSError as problem:
            raise ReporterError(f"the summary cannot be written to '{path}': {problem.strerror}") from problem


def summary(result: RunResult) -> str:
    """Return the run as Markdown in which nothing that a target sent is markup."""
    word, sentence = verdict_line(result)
    lines = [f"## Vedette: {word}", "", _markdown(sentence)]
    lines += [line for text in (*result.run.remarks, *result.trouble) for line in ("", f"> {_markdown(text)}")]
    lines += ["", "| verdict | severity | scenario | what was seen | owner |", "| --- | --- | --- | --- | --- |"]
    for outcome in worst_first(result.outcomes):
        about = outcome.subject
        cells = [_MARK[outcome.verdict], about.severity.value, *map(_markdown, (about.scenario, outcome.sentence, about.owner))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\n"


def _annotation(outcome: Outcome, suite_path: str) -> str:
    about = outcome.subject
    facts = [outcome.sentence]
    facts += [f"{name}: {text}" for name, text in (("owner", about.owner), ("runbook", about.runbook)) if text]
    title = f"{about.severity} {about.scenario} ({outcome.verdict} on {about.target})"
    return _command(_LEVEL[outcome.verdict], {"file": suite_path, "title": title}, "\n".join(map(clean, facts)))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{name} {shown}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")


def _markdown(text: str) -> str:
    return clean(text).translate(_MARKDOWN)
