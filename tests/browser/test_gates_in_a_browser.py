"""This file is for the pages of gates in a real browser: every state for everybody, alive, and whole without scripts."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.browser.conftest import Site, Window
from tests.browser.test_accessibility import violations
from tests.browser.test_pages_in_a_browser import TOO_WIDE, assert_calm
from tests.vedette.service.gated import all_gated, courses, gated, rounds

Look = Callable[..., Window]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_every_state_is_for_everybody_and_fits(
    open_site: Callable[..., Site], look: Look, axe: str, scheme: str, width: int
) -> None:
    site = open_site()
    names = ["", *all_gated(site.service)]
    window = look(
        site.url, bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    found = {}
    for name in names:
        window.tab.goto(f"{site.url}/gates/{name}".rstrip("/"))
        found[name] = (violations(window, axe), window.tab.evaluate(TOO_WIDE))
    assert {name: one for name, one in found.items() if one != ([], 0)} == {}
    assert_calm(site, window)


def test_the_way_from_the_overview_to_the_evidence_needs_no_mouse_and_no_script(
    open_site: Callable[..., Site], look: Look
) -> None:
    site = open_site()
    gated(site.service, "shop", courses(time.time())["trigger"])
    window = look(site.url, java_script_enabled=False)
    tab = window.tab
    tab.focus("nav >> text=Gates")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/gates")
    tab.focus(".deploy-item >> text=shop")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/gates/shop")
    assert "Rolled back" in tab.inner_text("h1") and "cross tenant leak: tenant 20" in tab.inner_text(".hero")
    assert tab.locator(".curve svg.plot").count() == 2
    tab.focus("summary")
    tab.keyboard.press("Enter")
    assert tab.locator("table >> text=Round").first.is_visible()
    assert tab.locator(".facts a").evaluate_all("links => links.map(one => one.pathname)") == [
        "/api/v1/gates/shop/decision",
        "/api/v1/gates/shop/evidence",
    ]
    assert_calm(site, window)


def test_a_page_that_stands_open_sees_the_next_rounds_and_keeps_what_is_unfolded(
    open_site: Callable[..., Site], look: Look
) -> None:
    site = open_site()
    records = courses(time.time())["running"]
    gate = gated(site.service, "shop", records[:20])
    window = look(f"{site.url}/gates/shop", clock=True)
    tab = window.tab
    tab.click("summary")
    before = tab.inner_text("dd >> nth=1")
    for record in rounds(records[19].at + 10, 5):
        site.service.gates._keeper.keep(gate.id, lambda gate, state, record=record: record)  # type: ignore[misc]
    tab.clock.run_for(11_000)
    tab.wait_for_function("before => document.querySelectorAll('dd')[1].innerText !== before", arg=before)
    assert (before.partition(" ")[0], tab.inner_text("dd >> nth=1").partition(" ")[0]) == ("15", "20")
    assert tab.locator("details").first.get_attribute("open") is not None
    assert_calm(site, window)
