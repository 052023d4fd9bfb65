"""This file is for the kind `browser`: what a journey proves, whose fault a broken one is, and what it tells of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.browsing.steps import Step
from probes.kinds.browser import Browser
from probes.outcome import Verdict
from scenarios.finding import LIBRARY
from tests.probes.browsing.shared import html, said, site, visited
from tests.probes.kinds.loopback import Reply
from tests.probes.listening import listening, say_nothing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("browsing"), pytest.mark.xdist_group("browser")]

BOOK = """<h1>Book a table</h1><label>Guest <input id=g></label>
<label>Day <select id=d><option>Monday<option>Tuesday</select></label><label><input type=checkbox id=c>Window seat</label>
<button onclick="b()">Book</button><p id=s></p><a href="/other">Other</a><script>function b() { setTimeout(() => {
  s.textContent = sessionStorage.x = 'Booked for ' + g.value + ' on ' + d.value + (c.checked ? ' at the window' : '') }, 50) }
</script>"""
HERE: dict[str, Any] = {"journey": [{"open": "/"}, {"expect": {"text": "Book a table"}}]}


def steps(*more: dict[str, Any]) -> dict[str, Any]:
    return {
        "journey": [
            {"open": "/"},
            *more,
            *([] if any("expect" in one for one in more) else [{"expect": {"text": "Book a table"}}]),
        ]
    }


async def test_a_journey_of_every_step_passes_and_is_proven(tmp_path: Path) -> None:
    journey = steps(
        {"wait_for": {"role": "button", "name": "Book"}},
        {"fill": {"label": "Guest", "value": "Table {{nonce}}"}},
        {"select": {"css": "#d", "option": "Tuesday"}},
        {"check": {"label": "Window seat"}},
        {"uncheck": {"label": "Window seat"}},
        {"check": {"label": "Window seat"}},
        {"click": {"role": "button", "name": "Book", "exact": True}},
        {"expect": {"text": "booked for  Table {{nonce}} on Tuesday at the window", "not_text": "error"}},
        {"capture": {"as": "told", "css": "#s"}},
        {"screenshot": "booked"},
        {"click": {"text": "Other"}},
        {"wait_for": {"url": "/other"}},
        {"press": "Tab"},
        {"expect": {
            "title": {"contains": "page"}, "url": {"matches": "^/other"},
            "visible": {"role": "heading", "name": "Other"}, "hidden": {"text": "Book a table"},
            "count": {"role": "listitem", "is": 2}, "value": {"placeholder": "Name", "is": "{{told}}"},
        }},
    )  # fmt: skip
    other = "<h1>Other page</h1><ul><li>1<li>2</ul><input placeholder=Name id=n><script>n.value=sessionStorage.x</script>"
    async with site({"/": BOOK, "/other": other}).running() as at:
        outcome = await visited(at.url, {**journey, "keep": "always"}, artifacts=tmp_path)
    assert outcome.verdict is Verdict.PASS, said(outcome)
    assert "a page that cannot exist does not show the same" in outcome.sentence
    assert {"time to first byte", "page load", "journey"} <= {one.name for one in outcome.measurements}
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["booked.png", "trace.zip"]
    assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*")} == {0}


async def test_the_targets_own_pages_are_asked_with_who_asks_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-very-secret-token", encoding="utf-8")
    auth = {"bearer": {"file": str(tmp_path / "token")}}
    async with site({"/x.png": Reply(200, b"")}).running() as cdn:
        there = cdn.url.replace("127.0.0.1", "cdn.test")
        page = f"<h1>Book a table</h1><img src='{there}/x.png'><img src='/go'><img src='http://tracker.test/'><img src='http://169.254.169.254/'>"
        moved = Reply(302, b"", (("Location", f"{there}/x.png?moved"),))
        async with site({"/": page, "/go": moved}).running() as at:
            outcome = await visited(
                at.url, {**HERE, "allow_hosts": ["cdn.test"], "failed_requests": "ignore"}, headers={"X-Gate": "open"}, auth=auth
            )
    assert outcome.verdict is Verdict.PASS, said(outcome)
    own = [one.headers for one in at.asked if one.path in ("/", "/go")]
    assert all(one["x-correlation-id"] and one["traceparent"] and one["x-gate"] == "open" for one in own)
    assert {one["authorization"] for one in own} == {"Bearer a-very-secret-token"}
    assert all("HeadlessChrome" not in one["user-agent"] and "vedette/" in one["user-agent"] for one in own)
    assert {one.path for one in cdn.asked} == {"/x.png", "/x.png?moved"}
    assert [name for one in cdn.asked for name in one.headers if name in ("x-correlation-id", "x-gate", "authorization")] == []
    assert "tracker.test (1)" in said(outcome) and "169.254.169.254 (1)" in said(outcome)


async def test_a_host_that_no_option_can_permit_is_not_permitted_by_name_either() -> None:
    async with site({"/": BOOK}).running() as at:
        outcome = await visited(at.url, {**HERE, "allow_hosts": ["169.254.169.254"]})
    assert outcome.verdict is Verdict.ERROR and "never permitted" in outcome.sentence and at.asked == []


BROKEN = {
    "nothing like it": (BOOK, {"click": {"role": "button", "name": "Pay"}}, Verdict.FAIL, "there was nothing like it"),
    "disabled": ("<button disabled>Book</button>", {"click": {"text": "Book"}}, Verdict.FAIL, "did not become usable"),
    "hidden": ("<button style='display:none'>Book</button>", {"click": {"text": "Book"}}, Verdict.FAIL, "but was not shown"),
    "covered": ("<button>Book</button><p style='position:fixed;inset:0'>", {"click": {"text": "Book"}}, Verdict.FAIL, "covered"),
    "no such choice": (BOOK, {"select": {"css": "#d", "option": "Sunday"}}, Verdict.FAIL, "no such choice"),
    "two alike": ("<button>Book</button><button>Book</button>", {"click": {"text": "Book"}}, Verdict.ERROR, "there are 2 of it"),
    "no selector": (BOOK, {"click": {"css": "a[["}}, Verdict.ERROR, "no CSS selector"),
    "refused": (BOOK, {"open": "/moved"}, Verdict.ERROR, "allow_hosts"),
    "not there": (BOOK, {"open": "/nowhere"}, Verdict.FAIL, "it answered 404"),
    "cut": (BOOK, {"open": "/cut"}, Verdict.FAIL, "the connection was closed without an answer"),
    "a download": (BOOK, {"open": "/file"}, Verdict.FAIL, "no page but a download"),
    "no text": (BOOK, {"expect": {"text": "Booked"}}, Verdict.FAIL, "shows the text 'Booked'): it is not there after 1 s"),
    "a text too many": (BOOK, {"expect": {"not_text": "book a"}}, Verdict.FAIL, "it is there after 1 s"),
    "wrong title": (BOOK, {"expect": {"title": "Bookings"}}, Verdict.FAIL, "is 'A page' after 1 s"),
    "too few": (BOOK, {"expect": {"count": {"role": "option", "is": {"ge": 3}}}}, Verdict.FAIL, "there are "),
}  # fmt: skip


@pytest.mark.parametrize(("page", "step", "verdict", "words"), BROKEN.values(), ids=BROKEN)
async def test_a_step_that_cannot_be_done_is_told_in_a_sentence(
    page: str, step: dict[str, Any], verdict: Verdict, words: str, walking: Any
) -> None:
    pages: dict[str, str | Reply] = {"/": page, "/moved": Reply(302, b"", (("Location", "http://elsewhere.test/"),))}
    file = Reply(200, b"a,b", (("Content-Disposition", "attachment; filename=a.csv"),))
    async with site({**pages, "/cut": Reply(hang_up=True), "/file": file}).running() as at:
        walk = await walking(at.url, 5 if "open" in step else 1)
        assert [one.verdict for one in await walk.take(Step.model_validate({"open": "/", "within": 5}), 1)] == [Verdict.PASS]
        made = await walk.take(Step.model_validate(step), 2)
    assert [one.verdict for one in made] == [verdict] and words in made[0].say, made
    assert made[0].say.startswith("a visitor") and "correlation id" in made[0].say


async def test_a_page_that_is_never_done_is_given_up_in_its_time(walking: Any) -> None:
    async with listening(say_nothing) as url, site({"/": f"<img src='{url}/'>"}).running() as at:
        walk = await walking(at.url, 0.5)
        made = await walk.take(Step.model_validate({"open": "/"}), 1)
    assert "it was not loaded within 0.5 s" in made[0].say, made


async def test_a_page_may_answer_an_error_where_that_is_expected(walking: Any) -> None:
    async with site({"/gone": html("It is gone", status=410)}).running() as at:
        walk = await walking(at.url, 5)
        made = [
            (await walk.take(Step.model_validate({"open": {"path": "/gone", "status": status}}), 1))[0] for status in (410, 404)
        ]
    assert [one.verdict for one in made] == [Verdict.PASS, Verdict.FAIL] and "answered 410 instead of 404" in made[1].say


VACUOUS = {
    "the same page everywhere": "<h1>Book a table</h1>",
    "a script fills it later": "<h1 id=h></h1><script>setTimeout(() => h.textContent = 'Book a table', 250)</script>",
}


@pytest.mark.parametrize("page", VACUOUS.values(), ids=VACUOUS)
async def test_what_every_page_shows_proves_nothing(page: str) -> None:
    from tests.probes.kinds.loopback import Loopback

    async with Loopback(lambda asked: html(page)).running() as at:
        outcome = await visited(at.url, HERE)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "cannot exist" in outcome.sentence, said(outcome)


async def test_what_the_pages_complain_of_counts_as_the_suite_says() -> None:
    page = BOOK + "<script>function f(){ window.nothing.at() }; f()</script><link rel=stylesheet href=/gone.css>"
    async with site({"/": page}).running() as at:
        hard = await visited(at.url, {**HERE, "console_errors": "fail", "failed_requests": "ignore"})
        soft = await visited(at.url, {**HERE, "console_errors": "ignore", "failed_requests": "warn"})
    assert hard.verdict is Verdict.FAIL and "TypeError" in hard.sentence and "(/:" in hard.sentence, said(hard)
    assert soft.verdict is Verdict.DEGRADED and "GET /gone.css answered 404" in soft.sentence, said(soft)


async def test_nothing_that_a_page_opens_holds_the_journey_up() -> None:
    script = "<script>alert('hello'); confirm('sure?'); for (let i=0;i<9;i++) open('/other'); onbeforeunload=()=>'stay'</script>"
    journey = steps({"click": {"text": "Other"}}, {"expect": {"text": "The other page"}})
    async with site({"/": BOOK + script, "/other": "The other page"}).running() as at:
        outcome = await visited(at.url, journey)
    assert outcome.verdict is Verdict.PASS, said(outcome)


async def test_secrets_are_typed_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = """<form onsubmit="console.log('got '+p.value); t.textContent='Wrong: '+p.value; return false">
      <label>Password <input id=p></label><button>Go</button><p id=t>"""
    secret = {"file": str(tmp_path / "password")}
    (tmp_path / "password").write_text("correct-horse-9", encoding="utf-8")
    journey = steps({"fill": {"label": "Password", "value": secret}}, {"press": "Enter"}, {"expect": {"text": "Welcome"}})
    from probes.redact import Redactor

    redactor = Redactor()
    redactor.add("correct-horse-9", "password")
    monkeypatch.setattr("probes.session.Redactor", lambda: redactor)
    async with site({"/": page}).running() as at:
        outcome = await visited(at.url, {**journey, "within": 1}, artifacts=tmp_path / "kept")
    assert outcome.verdict is Verdict.FAIL and "Wrong: [password]" in outcome.sentence, said(outcome)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").glob("*/*")}
    assert sorted(kept) == ["console.log", "failed.png"] and kept["failed.png"].startswith(b"\x89PNG")
    assert kept["console.log"] == b"log: got [password]"
    assert "no trace was written" in said(outcome)
    assert [path for one in outcome.checks for e in one.evidence if e.kind == "artifact" for path in [e.data["path"]]]


async def test_a_failing_journey_keeps_picture_console_and_trace_and_a_passing_one_nothing(tmp_path: Path) -> None:
    async with site({"/": BOOK + "<script>console.warn('old')</script>"}).running() as at:
        assert (await visited(at.url, HERE, artifacts=tmp_path)).verdict is Verdict.PASS
        assert list(tmp_path.glob("*")) == []
        outcome = await visited(at.url, {**steps({"expect": {"text": "Nope"}}), "within": 0.5}, artifacts=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["console.log", "failed.png", "trace.zip"], said(outcome)
    assert json.dumps([dict(e.data) for one in outcome.checks for e in one.evidence])


async def test_what_cannot_be_kept_changes_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    async with site({"/": BOOK}).running() as at:
        outcome = await visited(
            at.url, {**HERE, "keep": "always", "journey": [*HERE["journey"], {"screenshot": "a"}]}, artifacts=tmp_path / "file"
        )
    assert outcome.verdict is Verdict.PASS and "could not be kept" in said(outcome), said(outcome)


async def test_the_visitor_is_who_the_suite_says() -> None:
    page = """<p id=o></p><script>o.textContent=[innerWidth, navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone,
      matchMedia('(prefers-color-scheme: dark)').matches, 'ontouchstart' in window].join(' ')</script>"""
    options = {
        "viewport": {"width": 400, "height": 700},
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "dark": True,
        "mobile": True,
    }
    page = f"<meta name=viewport content='width=device-width'>{page}"
    async with site({"/": page}).running() as at:
        outcome = await visited(at.url, {**steps({"expect": {"text": "400 de-DE Europe/Berlin true true"}}), **options})
    assert outcome.verdict is Verdict.PASS, said(outcome)


async def test_the_journeys_time_is_hard() -> None:
    async with site({"/": BOOK}).running() as at:
        late = await visited(
            at.url, {**steps({"wait_for": {"text": "never"}}, {"press": "Tab"}), "duration": 0.5, "warn_above": "1ms"}
        )
    assert late.verdict is Verdict.FAIL and "more than 0.001 s" in said(late) and "not made" in said(late), said(late)


@pytest.mark.parametrize(
    ("option", "words"),
    [({"max_bytes": 20_000}, "more than 20000 bytes"), ({"limits": {"requests": 5}}, "more than 5 things")],
    ids=["bytes", "requests"],
)
async def test_a_page_that_wants_too_much_is_stopped(option: dict[str, Any], words: str) -> None:
    greedy = "<script>(async () => { for (;;) await fetch('/big', {cache: 'no-store'}) })()</script>"
    limits = {"limits": option.pop("limits")} if "limits" in option else {}
    async with site({"/": greedy, "/big": Reply(200, b"x" * 9000)}).running() as at:
        outcome = await visited(at.url, {**steps({"expect": {"text": "done"}}), "within": 3, **option}, **limits)
    assert outcome.verdict is Verdict.ERROR and words in said(outcome), said(outcome)
    assert len(at.asked) < 100


FILES = {
    "passes": ("await page.goto(values['vars']['url'] + '/other')", Verdict.PASS, ""),
    "asserts": ("pass\n    assert False, 'no table is free'", Verdict.FAIL, "trip.py:3: no table is free"),
    "misses": ("await page.get_by_text('Pay').click()", Verdict.FAIL, "trip.py:2: there was nothing like it within 0.5 s"),
    "has a bug": ("await page.goto(valuse)", Verdict.ERROR, "trip.py:2: NameError"),
    "ends us": ("raise SystemExit(3)", Verdict.ERROR, "trip.py:2: SystemExit"),
    "crashes": ("await (await page.context.new_cdp_session(page)).send('Page.crash')", Verdict.ERROR, "crashed"),
    "hangs": ("import asyncio; await asyncio.Event().wait()", Verdict.FAIL, "did not react within"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "verdict", "words"), FILES.values(), ids=FILES)
async def test_a_journey_in_python_is_blamed_rightly_with_its_line(
    body: str, verdict: Verdict, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "trip.py"
    path.write_text(f"async def journey(page, values):\n    {body}\n", encoding="utf-8")
    options = {
        "file": str(path),
        "expect": {"text": "The other page"},
        "within": 0.5 if "Pay" in body else 5,
        "duration": 1 if "Event" in body else 25,
    }
    async with site({"/": BOOK, "/other": "The other page"}).running() as at:
        outcome = await visited(at.url, options, vars={"url": at.url})
    assert outcome.verdict is verdict and words in outcome.sentence, said(outcome)


MISTAKES = {
    "nothing": ({}, "give either 'journey' or 'file'"),
    "expects nothing": ({"journey": [{"open": "/"}]}, "expects nothing"),
    "opens nothing": ({"journey": [{"expect": {"text": "x"}}]}, "begins with 'open'"),
    "two deeds": ({"journey": [{"open": "/", "press": "Tab"}]}, "not 'open' and 'press'"),
    "no way": ({"journey": [{"open": "/"}, {"click": {"name": "x"}}]}, "give one of 'role'"),
    "unknown role": ({"journey": [{"open": "/"}, {"click": {"role": "knob"}}]}, "'button'"),
    "name alone": ({"journey": [{"open": "/"}, {"click": {"css": "a", "name": "x"}}]}, "give 'role' too"),
    "bad regex": ({"journey": [{"open": "/"}, {"expect": {"url": {"matches": "("}}}]}, "regular expression"),
    "bad key": ({"journey": [{"open": "/"}, {"press": "Control+"}]}, "should be a key"),
    "no expect beside a file": ({"file": LIBRARY / "journeys" / "platform_frontend.py"}, "beside 'file' give 'expect'"),
    "no such file": ({"file": "x.py", "expect": {"text": "x"}}, "'x.py' cannot be read"),
    "nothing waited for": ({"journey": [{"open": "/"}, {"wait_for": {"url": "/", "text": "x"}}]}, ""),
}


@pytest.mark.parametrize(("options", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_journey_that_could_not_be_walked_is_refused_before_anything_is_asked(options: dict[str, Any], words: str) -> None:
    if not words:
        Browser.model_validate({"journey": [*options["journey"], {"expect": {"text": "x"}}]})
        return
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        Browser.model_validate(options)


PYTHON = {
    "a mistake": ("async def journey(page, values:\n  pass", "line 1"),
    "no journey": ("async def trip(page, values): pass", "should define"),
    "not async": ("def journey(page, values): pass", "line 1: should be `async def"),
    "one parameter": ("async def journey(page): pass", "line 1: should be `async def"),
}


@pytest.mark.parametrize(("text", "words"), PYTHON.values(), ids=PYTHON)
def test_a_python_file_that_is_no_journey_is_refused_without_being_run(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "trip.py"
    path.write_text(f"{text}\nraise SystemExit\n", encoding="utf-8")
    with pytest.raises(ValidationError, match=words):
        Browser.model_validate({"file": str(path), "expect": {"text": "x"}})


async def test_the_browser_itself_reaches_no_host_that_was_not_judged_not_even_by_number(chromium: Any) -> None:
    reached: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append("somebody")

    async with await asyncio.start_server(answer, "127.0.0.2", 0) as server, site({"/": "Here"}).running() as at:
        port = server.sockets[0].getsockname()[1]
        context = await chromium.new_context()
        for host in ("127.0.0.2", "2130706434", "[::ffff:7f00:2]", "localhost", "169.254.169.254"):
            page = await context.new_page()
            with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
                await page.goto(f"http://{host}:{port}/")
        page = await context.new_page()
        await page.goto(at.url)
        script = "u => new Promise(r => { const w = new WebSocket(u); w.onclose = () => r('no'); w.onopen = () => r('yes') })"
        assert await page.evaluate(script, f"ws://127.0.0.2:{port}/") == "no"
        await context.close()
    assert reached == []
