"""This file is for the HTML report: one file that needs no network, for a phone, a screen reader, the dark and the printer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from reports.formats.reporter import Document, History
from reports.page import MARKS, cards_of, head_of, seconds, sign_off_of
from reports.sign_off import SIGNERS, State
from reports.stage import raw, rendered, stylesheet
from reports.store.answers import Point
from scenarios.events import RunResult

TONES = {State.PROVEN: "pass", State.BROKEN: "fail", State.OPEN: "inconclusive", State.BY_HAND: ""}
BOXES = {State.PROVEN: "☑", State.BROKEN: "☒", State.OPEN: "?", State.BY_HAND: "☐"}


class Html(Document, format="html"):
    """One page with the verdict, every scenario with its proof, the waterfall, earlier runs and the sign-off."""

    def render(self, result: RunResult) -> str:
        """Return the whole page."""
        return render(result, self.history or _no_history)


def _no_history(scenario: str, target: str) -> Sequence[Point]:
    return ()


def render(result: RunResult, history: History, made_at: datetime | None = None) -> str:
    """Return the whole page. Everything that a target sent is escaped; nothing is fetched and no script runs."""
    made = (made_at or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return rendered(
        "report.html.j2", css=raw(stylesheet("report.css")),
        run=result.run, page=head_of(result), cards=cards_of(result, history), sign_off=sign_off_of(result),
        marks=MARKS, seconds=seconds, tones=TONES, boxes=BOXES, signers=SIGNERS, made_at=made, files=True,
    )  # fmt: skip
