"""This file is for the HTML report: whole without a network, honest, safe against what targets send, readable on a phone."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from probes.outcome import Evidence, Exchange, Measurement, Phases, Verdict, check, note
from reports.formats.html import render
from reports.store.answers import Point
from scenarios.events import Ended, RunResult
from tests.reports.sample_runs import AT, HELD, LEAK, mixed, outcome, passed, result

VOID = {"meta", "br", "link", "img", "input", "hr", "col"}


def no_history(scenario: str, target: str) -> list[Point]:
    return []


def page(run: RunResult, history: Any = no_history) -> str:
    return render(run, history, made_at=AT)


class Nesting(HTMLParser):
    """Notes every tag that is closed in the wrong place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")


def test_the_first_words_name_the_verdict_and_the_cause() -> None:
    text = page(mixed())
    banner = text[text.index('role="status"') : text.index("Scenarios by verdict")]
    assert "Failed" in banner
    assert LEAK.replace("'", "&#39;") in banner


def test_nothing_is_fetched_and_no_script_runs() -> None:
    text = page(mixed())
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\(", text)


def test_every_tag_is_closed_where_it_was_opened() -> None:
    nesting = Nesting()
    nesting.feed(page(mixed()))
    assert (nesting.wrong, nesting.open) == ([], [])


def test_what_a_target_sent_cannot_become_markup() -> None:
    hostile = "</style></td><script>alert(1)</script><a href=javascript:alert(1)>"
    text = page(
        result(
            outcome(hostile, (check(hostile, holds=False, observed=hostile, say=hostile), *HELD), runbook="javascript:alert(1)")
        )
    )
    assert "<script" not in text
    assert 'href="javascript' not in text


def test_a_run_in_which_nothing_was_asked_is_not_green() -> None:
    text = page(result(outcome("a", skipped=True)))
    assert "Not proven" in text
    assert ">✔ Passed<" not in text


@pytest.mark.parametrize("ended", [Ended.DEADLINE, Ended.INTERRUPTED])
def test_half_a_run_is_not_green(ended: Ended) -> None:
    assert "Not proven" in page(result(outcome("a"), ended=ended))


def test_a_run_that_passed_says_that_it_was_proven() -> None:
    assert "2 of 2 scenarios that were asked passed, each with its proof" in page(passed())


def test_earlier_runs_stand_oldest_first_with_this_run_last() -> None:
    def history(scenario: str, target: str) -> list[Point]:
        return [Point(AT - timedelta(days=1), Verdict.FAIL, 1.0, "r1"), Point(AT - timedelta(days=2), Verdict.PASS, 1.0, "r0")]

    titles = re.findall(r'title="([^"]+)"', page(result(outcome("a")), history))
    assert [t[:16] for t in titles] == ["2026-11-19 10:00", "2026-11-20 10:00", "this run: pass, "]


def test_what_held_beside_a_failure_is_folded_so_that_the_failure_is_seen() -> None:
    text = page(result(outcome("one", (*HELD, check("the other", holds=False, say="it did not")))))
    shown, held = text.split('<details class="folded held">')
    assert ("the other" in shown, HELD[0].name in shown, HELD[0].name in held) == (True, False, True)
    assert "<summary>2 checks held</summary>" in held


def test_one_cause_that_broke_dozens_of_checks_is_no_wall_of_text() -> None:
    broken = [check(f"line {n}", holds=False, say=f"line {n} is wrong") for n in range(40)]
    unmade = [note(f"field {n}", f"field {n} was not looked at") for n in range(30)]
    text = page(result(outcome("the log", (*broken, *unmade, *HELD))))
    shown, more, never, held = re.split(r'<details class="folded (?:amiss|unmade|held)">', text)
    assert [part.count('<th scope="row">') for part in (shown, more, never, held)] == [6, 34, 30, len(HELD) + 1]  # and a figure
    assert ("<summary>34 more that did not hold<" in more, "<summary>30 checks were not made<" in never) == (True, True)


def test_evidence_is_laid_out_in_a_line_for_each_part() -> None:
    data = {
        "tried": [{"payload": "a", "status": 201}, {"payload": "b", "status": 422}],
        "names": ["x", "y"],
        "at": {"line": 3},
    }
    text = page(result(outcome("fields", (check("a", holds=False, say="no", evidence=Evidence("payloads", "2", data)), *HELD))))
    assert html.unescape(text).count(
        '{\n "tried": [\n  {"payload": "a", "status": 201},\n  {"payload": "b", "status": 422}\n ],\n "names": ["x", "y"],\n'
        ' "at": {"line": 3}\n}'
    )


def test_what_a_measurement_is_called_is_not_changed_within_a_sentence() -> None:
    numbers = (Measurement("time until 'auth.token_refresh' was audited", 0.01, "s"), Measurement("first_byte", 0.01, "s"))
    text = page(result(replace(outcome("audit", HELD), measurements=numbers)))
    assert "auth.token_refresh" in text and "first byte" in text


def test_a_picture_that_was_kept_can_be_opened_from_the_report() -> None:
    kept = Evidence("artifact", "the page where it failed: /state/my shop/failed.png", {"path": "/state/my shop/failed.png"})
    text = page(result(outcome("a journey", (check("step 1", holds=False, say="nothing", evidence=kept), *HELD))))
    assert '<a href="file:///state/my%20shop/failed.png">the page where it failed: /state/my shop/failed.png</a>' in text


def test_what_was_sent_without_an_id_shows_none_and_a_look_up_is_no_request() -> None:
    by_name = Exchange("DNS", "dns://192.0.2.1", "", 0.0, 0.1, Phases())
    looked_up = Exchange("BROWSER", "browser://shop.test", "", 0.0, 0.1, Phases())
    made = replace(outcome("names", (check("a", holds=False, say="no"), *HELD)), exchanges=(by_name, looked_up))
    text = page(result(made))
    assert "dns://192.0.2.1" in text and "browser://" not in text and "id <code></code>" not in text


def test_the_scenario_of_the_banner_is_the_first_of_the_list() -> None:
    bad = (check("a", holds=False, say="it is down"), *HELD)
    text = page(result(outcome("zebra", bad), outcome("apple", bad)))
    assert text.index("zebra: it is down") < text.index("<h3>zebra</h3>") < text.index("<h3>apple</h3>")


def test_the_banner_counts_what_else_failed() -> None:
    failed = [outcome(name, (check("it", holds=False, say="it did not"),)) for name in ("one", "two", "three")]
    assert "(and 2 more failed)" in page(result(*failed))


def test_an_answer_is_shown_as_people_know_it_from_curl() -> None:
    data = {"status": 200, "headers": [["X-Cache", "HIT"]], "body": '{"company_id":15}', "correlation_id": "018f"}
    failed = check("a", holds=False, evidence=Evidence("answer", "GET / → 200", data))
    text = html.unescape(page(result(outcome("a", (failed,)))))
    assert 'HTTP 200\nX-Cache: HIT\n\n{\n  "company_id": 15\n}\n\ncorrelation id 018f' in text


def test_a_body_nested_without_end_does_no_harm() -> None:
    data = {"status": 200, "headers": [], "body": "[" * 100_000}
    assert "… cut" in page(result(outcome("a", (check("a", holds=False, evidence=Evidence("answer", "x", data)),))))


def test_a_burst_of_requests_does_not_swell_the_page() -> None:
    text = page(result(outcome("burst", requests=150)))
    assert "and 110 more requests, not listed" in text


def test_what_is_no_http_is_shown_with_its_place_and_nothing_is_missed_in_it() -> None:
    good = Exchange("TCP", "tcp://db.example:5432", "", 0.0, 0.01, Phases(0.001, 0.002))
    bad = replace(good, url="dns://ns.example:53", trouble="gave no answer")
    text = page(result(replace(outcome("a"), exchanges=(good, bad))))
    assert all(part in text for part in ("tcp://db.example:5432", ">done<", "dns://ns.example:53", "gave no answer"))


@pytest.fixture
def chromium(require: Callable[[str, bool], None]) -> Any:
    """Yield a headless Chromium driven by Playwright."""
    import shutil

    path = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
    require("Chromium", path is not None)
    sync_api = pytest.importorskip("playwright.sync_api")
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_and_is_readable_in_a_real_browser(chromium: Any, tmp_path: Path, scheme: str, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(mixed()), encoding="utf-8")
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(file.as_uri())
    too_wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert (too_wide, asked, complaints) == (0, [file.as_uri()], [])
    assert tab.evaluate(LOWEST_CONTRAST) >= 4.5
    context.close()


# The lowest contrast between a text and what stands behind it. Source: WCAG 2.2, success criterion 1.4.3.
LOWEST_CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
                       return .2126 * r + .7152 * g + .0722 * b };
  const colour = s => s.match(/[\\d.]+/g).map(Number);
  const behind = e => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor);
                        if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
  let lowest = 21;
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(colour(getComputedStyle(e).color).slice(0, 3)), light(behind(e))].sort((x, y) => y - x);
    lowest = Math.min(lowest, (a + .05) / (b + .05));
  }
  return lowest }"""
