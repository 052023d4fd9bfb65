"""This file is for the pages in a real browser: seen, clicked through, alive, and whole without scripts or other hosts."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from probes.outcome import Verdict
from tests.browser.conftest import Site, Window
from tests.reports.formats.test_html import LOWEST_CONTRAST
from tests.vedette.service.gated import courses, gated
from tests.vedette.service.living import series_of, suite, tick
from tests.vedette.service.paging import deployed, seen_for_an_hour, store_run

BAD = "promise 003"
BOX_OF_A_STRIP = """() => {
  const {x, y, width} = document.querySelector('.strip')?.getBoundingClientRect() ?? {};
  return width > 0 && {x, y, width};
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
Look = Callable[..., Window]


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    made = open_site(public_tags=("even",))
    seen_for_an_hour(made.service, BAD)
    return made


def pages_of(site: Site) -> list[str]:
    """Return the address of every kind of page, each with something on it."""
    store_run(site.service)
    deployed(site.service)
    bad = next(line for line in site.service.board.lines() if line.mark == "fail")
    of_one = [f"/scenarios/{bad.slug}", f"/outcomes/{bad.outcome_id}", "/deployments/d-1.4.2", "/runs/run-1"]
    gated(site.service, "shop", courses(site.service.clock().timestamp())["running"])
    return ["/", "/?q=nothing+fits", "/deployments", "/gates", "/gates/shop", "/runs", "/maintenance", "/public", *of_one]


def assert_calm(site: Site, window: Window) -> None:
    hosts = {urlsplit(url).netloc for url in window.asked}
    assert (window.complaints, hosts) == ([], {urlsplit(site.url).netloc})


def test_a_stranger_gets_from_the_headline_to_the_evidence_by_two_clicks(site: Site, look: Look) -> None:
    window = look(site.url)
    tab = window.tab
    assert tab.title() == "1 broken · Vedette"
    assert tab.inner_text("h1") == "✖ 1 of 10 scenarios is broken"
    tab.click(f".problem >> text={BAD}")
    assert BAD in tab.inner_text("h1") and "Fails" in tab.inner_text(".kicker")
    tab.click("text=the proof of it")
    assert "it says yes" in tab.inner_text(".checks") and "Evidence" in tab.inner_text(".crumbs")
    assert_calm(site, window)


def test_what_breaks_is_seen_without_a_reload_and_said_to_a_screen_reader(open_site: Callable[..., Site], look: Look) -> None:
    site = open_site()
    site.happens(*(tick(one) for one in series_of(site.service)))
    window = look(site.url)
    tab = window.tab
    tab.wait_for_selector("#link.live")
    tab.evaluate("window.notReloaded = true")
    one = series_of(site.service)[4]
    site.happens(tick(one, Verdict.FAIL))
    tab.wait_for_selector(f'.problem[data-slug="{one.key.slug}"]')
    assert tab.inner_text("h1") == "✖ 1 of 10 scenarios is broken"
    assert (tab.title(), tab.get_attribute("#icon", "href").startswith("/assets/icon-fail.")) == ("1 broken · Vedette", True)
    assert tab.inner_text("#announce") == f"{one.key.scenario}: fail"
    assert tab.evaluate("window.notReloaded") is True
    site.happens(tick(one, Verdict.PASS))
    tab.wait_for_selector(".hero.pass")
    assert tab.query_selector(".problem") is None
    assert_calm(site, window)


def test_a_row_tells_its_newest_tick_as_it_comes(open_site: Callable[..., Site], look: Look) -> None:
    site = open_site()
    window = look(site.url)
    window.tab.wait_for_selector("#link.live")
    one = series_of(site.service)[0]
    site.happens(tick(one, Verdict.DEGRADED))
    window.tab.wait_for_selector(f'tr[data-slug="{one.key.slug}"] .mark.degraded')
    window.tab.wait_for_selector(f'tr[data-slug="{one.key.slug}"] .c-asked >> text=/^\\d s$/')


def test_the_page_of_a_scenario_follows_its_ticks(site: Site, look: Look) -> None:
    one = next(one for one in series_of(site.service) if one.key.scenario == BAD and one.key.target == "production")
    tab = look(f"{site.url}/scenarios/{one.key.slug}").tab
    tab.wait_for_selector("#link.live")
    site.happens(tick(one, Verdict.PASS))
    tab.wait_for_selector(".hero.pass")
    assert tab.inner_text("#changes >> xpath=.. >> tbody tr >> nth=0").find("pass") > 0


def test_a_page_that_is_cut_off_says_so(make_service: Callable[..., Any], look: Look) -> None:
    from tests.vedette.service.living import serving_elsewhere
    from tests.vedette.service.paging import with_pages

    with with_pages(make_service, settings={"port": 0}) as service:
        with serving_elsewhere(service) as (url, _):
            tab = look(url).tab
            tab.wait_for_selector("#link.live")
        tab.wait_for_selector("#link.lost")
        assert re.match(r"not connected since \d+ s", tab.inner_text("#link-words"))


def test_a_page_that_hears_nothing_any_more_says_so_although_nothing_was_closed(
    open_site: Callable[..., Site], look: Look
) -> None:
    site, frozen = open_site(), threading.Event()
    tab = look(site.url, clock=True).tab
    tab.wait_for_selector("#link.live")
    site.loop.call_soon_threadsafe(frozen.wait, 20)
    try:
        tab.clock.run_for(50_000)
        assert "lost" in tab.get_attribute("#link", "class")
        assert re.fullmatch(r"not connected since (4[5-9]|5\d) s", tab.inner_text("#link-words"))
    finally:
        frozen.set()


def test_everything_works_without_scripts(site: Site, look: Look) -> None:
    window = look(site.url, java_script_enabled=False)
    tab = window.tab
    assert tab.inner_text("h1") == "✖ 1 of 10 scenarios is broken"
    assert re.search(r"as of \d\d:\d\d:\d\d UTC", tab.inner_text("#link"))
    tab.fill("#q", "003 staging")
    tab.click("button:has-text('Search')")
    assert tab.locator("table.rows tbody tr").count() == 1
    tab.click("text=30 days")
    assert "q=003" in tab.url and "range=30d" in tab.url
    tab.click(f"table.rows >> text={BAD}")
    assert tab.inner_text("h1") == f"{BAD} at staging"
    tab.click("text=Only bad")
    assert "No tick was bad" in tab.inner_text("main")
    tab.click("text=Maintenance")
    tab.fill("#m-why", "an upgrade")
    tab.click("text=Start maintenance now")
    assert "The window is open" in tab.inner_text("main")
    tab.click("text=End now")
    assert "Nothing is in maintenance" in tab.inner_text("main")
    assert_calm(site, window)


def test_times_are_those_of_the_viewer_with_utc_to_be_pointed_at(site: Site, look: Look) -> None:
    one = next(line for line in site.service.board.lines() if line.mark == "fail")
    tab = look(f"{site.url}/outcomes/{one.outcome_id}", timezone_id="Asia/Kolkata").tab
    time = tab.locator(".kicker time")
    shown, utc = time.inner_text(), time.get_attribute("title")
    assert one.since_at is not None and utc is not None and utc.endswith(" UTC")
    minutes = (int(shown[11:13]) * 60 + int(shown[14:16]) - int(utc[11:13]) * 60 - int(utc[14:16])) % 1440
    assert minutes == 330


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_every_page_fits_and_is_readable(site: Site, look: Look, scheme: str, width: int) -> None:
    paths = pages_of(site)
    window = look(site.url, viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    for path in paths:
        window.tab.goto(site.url + path)
        window.tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert window.tab.evaluate(TOO_WIDE) == 0, path
        assert window.tab.evaluate(LOWEST_CONTRAST) >= 4.5, path
    assert_calm(site, window)


def test_long_names_do_not_push_anything_aside(open_site: Callable[..., Site], look: Look) -> None:
    long = suite(2).scenarios[0].model_copy(update={"name": "x" * 200, "owner": "o" * 150, "runbook": "r" * 300})
    site = open_site(suite(scenarios=(long,), name="s" * 100))
    site.happens(*(tick(one, Verdict.FAIL) for one in series_of(site.service)))
    slug = series_of(site.service)[0].key.slug
    tab = look(site.url, viewport={"width": 360, "height": 800}).tab
    for path in ("/", f"/scenarios/{slug}", "/maintenance"):
        tab.goto(site.url + path)
        assert tab.evaluate(TOO_WIDE) == 0, path


def test_the_keyboard_reaches_everything_and_is_never_caught(site: Site, look: Look) -> None:
    tab = look(site.url).tab
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(80):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        if tab.evaluate("document.activeElement === document.body"):
            break
    wanted = tab.evaluate(
        "[...document.querySelectorAll('main a, main button, main input:not([type=hidden]), main summary')].length"
    )
    assert len(reached) >= wanted > 15


def test_the_focus_stays_where_it_was_when_the_page_changes(site: Site, look: Look) -> None:
    tab = look(site.url).tab
    tab.wait_for_selector("#link.live")
    other = next(one for one in series_of(site.service) if one.key.scenario != BAD)
    link = f'a[href="/scenarios/{other.key.slug}"]'
    tab.focus(f"#rows {link}")
    site.happens(tick(other, Verdict.FAIL))
    tab.wait_for_selector(f'.problem[data-slug="{other.key.slug}"]')
    assert tab.evaluate("document.activeElement.getAttribute('href')") == f"/scenarios/{other.key.slug}"
    assert tab.evaluate("!!document.activeElement.closest('#rows')")


def test_a_strip_tells_its_slots_to_whoever_points_at_them(site: Site, look: Look) -> None:
    tab = look(site.url).tab
    tab.wait_for_selector("#link.live")  # the page is fetched anew when it connects, and the strip with it
    box = tab.wait_for_function(BOX_OF_A_STRIP).json_value()
    tab.mouse.move(box["x"] + box["width"] * 86.5 / 90, box["y"] + 5)  # about a quarter of an hour ago, when all was asked
    assert tab.locator(".strip title").first.text_content().endswith(": passed")
    tab.mouse.move(box["x"] + 2, box["y"] + 5)
    assert tab.locator(".strip title").first.text_content().endswith(": not asked")


def test_on_paper_there_is_nothing_to_click(site: Site, look: Look) -> None:
    tab = look(site.url).tab
    tab.emulate_media(media="print")
    assert (tab.is_visible("h1"), tab.is_visible("header nav"), tab.is_visible(".find")) == (True, False, False)
