"""This file is for people who see, hear or move differently: axe-core finds nothing to complain about on any page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Site, Window
from tests.browser.test_pages_in_a_browser import BAD, pages_of
from tests.vedette.service.living import suite
from tests.vedette.service.paging import seen_for_an_hour

# With the best practices of axe-core too, not only what WCAG asks for.
RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', ')}`)"""


def violations(window: Window, axe: str) -> list[str]:
    window.tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    window.tab.evaluate(axe)
    return window.tab.evaluate(RUN)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_no_page_has_a_violation(
    open_site: Callable[..., Site], look: Callable[..., Window], axe: str, scheme: str, width: int
) -> None:
    site = open_site(suite(4), public_tags=("even",))
    seen_for_an_hour(site.service, BAD)
    paths = [*pages_of(site), "/login", "/no-such-page"]
    window = look(
        site.url, bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    found = {}
    for path in paths:
        window.tab.goto(site.url + path)
        found[path] = violations(window, axe)
    assert {path: some for path, some in found.items() if some} == {}


def test_the_engine_would_have_noticed(open_site: Callable[..., Site], look: Callable[..., Window], axe: str) -> None:
    window = look(open_site().url, bypass_csp=True)
    window.tab.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><img src=x>')")
    assert {one.partition(":")[0] for one in violations(window, axe)} >= {"button-name", "image-alt"}
