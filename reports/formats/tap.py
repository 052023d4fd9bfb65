"""This file is for TAP, the Test Anything Protocol, version 14."""

from __future__ import annotations

from probes.outcome import Outcome, Verdict
from reports.formats.reporter import Document
from reports.formats.terminal import clean
from reports.overall import unproven
from scenarios.events import RunResult

_OK = (Verdict.PASS, Verdict.DEGRADED, Verdict.SKIPPED)


class Tap(Document, format="tap"):
    """One test point a scenario with a YAML block; skipped is `ok … # SKIP`, whatever is not proven is `not ok`.

    Source: https://testanything.org/tap-version-14-specification.html
    """

    def render(self, result: RunResult) -> str:
        gap = unproven(result)
        lines = ["TAP version 14", f"1..{len(result.outcomes) + bool(gap)}"]
        lines += [f"# {clean(text)}" for text in (*result.run.remarks, *result.trouble)]
        for number, outcome in enumerate(result.outcomes, 1):
            lines += _point(number, outcome)
        if gap:
            lines.append(f"not ok {len(result.outcomes) + 1} - the run asked what it was to ask")
            lines += _block({"verdict": Verdict.INCONCLUSIVE.value, "message": gap})
        return "\n".join(lines) + "\n"


def _point(number: int, outcome: Outcome) -> list[str]:
    word = "ok" if outcome.verdict in _OK else "not ok"
    skip = f" # SKIP {_escaped(outcome.sentence)}".rstrip() if outcome.verdict is Verdict.SKIPPED else ""
    about = outcome.subject
    facts = {
        "verdict": outcome.verdict.value,
        "message": outcome.sentence,
        "severity": about.severity.value,
        "probe": about.kind,
        "owner": about.owner,
        "runbook": about.runbook,
        "duration_ms": f"{outcome.duration_s * 1000:.0f}",
    }
    return [f"{word} {number} - {_escaped(about.scenario)}{skip}", *_block(facts, outcome)]


def _block(facts: dict[str, str], outcome: Outcome | None = None) -> list[str]:
    lines = [f"  {name}: {_quoted(value)}" for name, value in facts.items() if value]
    bad = [c for c in outcome.checks if c.verdict.rank <= Verdict.DEGRADED.rank] if outcome is not None else []
    if bad:
        lines.append("  checks:")
    for check in bad:
        lines += [f"    - name: {_quoted(check.name)}", f"      verdict: {_quoted(check.verdict.value)}"]
        lines += [f"      expected: {_quoted(check.expected)}", f"      observed: {_quoted(check.observed)}"]
    return ["  ---", *lines, "  ..."]


def _escaped(text: str) -> str:
    """Return a description in which `#` begins no directive."""
    return clean(text).replace("\\", "\\\\").replace("#", "\\#")


def _quoted(text: str) -> str:
    """Return a YAML double-quoted scalar on one line. Source: YAML 1.2.2, section 5.7."""
    return '"' + "".join(_yaml_sign(sign) for sign in text) + '"'


def _yaml_sign(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
