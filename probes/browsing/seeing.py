"""This file is for looking at a page: whether it shows what is expected, and if not, what it shows instead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from probes.browsing.steps import Counted, Look, Place
from probes.matchers import Matcher, Selection
from probes.operators import shown
from probes.request import fill

if TYPE_CHECKING:
    from probes.browsing.traffic import Traffic

_AGAIN_S = 0.05  # between two looks
_EXCERPT = 120  # characters of a page's text in a sentence
_READ = 20_000  # characters of a page's text that are read for it


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing that is expected: its phrase for a person, and a look that returns why it does not hold."""

    phrase: str  # reads after "the page": `shows the text 'Welcome'`
    look: Callable[[Any], Awaitable[str]]
    is_address: bool = False


def located(page: Any, place: Place) -> Any:
    """Return Playwright's locator of a place."""
    exact = place.exact
    if place.role is not None:
        found = page.get_by_role(place.role, name=place.name, exact=exact) if place.name else page.get_by_role(place.role)
    elif place.label is not None:
        found = page.get_by_label(place.label, exact=exact)
    elif place.placeholder is not None:
        found = page.get_by_placeholder(place.placeholder, exact=exact)
    elif place.text is not None:
        found = page.get_by_text(place.text, exact=exact)
    elif place.test_id is not None:
        found = page.get_by_test_id(place.test_id)
    else:
        found = page.locator(f"css={place.css}")
    return found if place.nth is None else found.nth(place.nth - 1)


def sights(look: Look, traffic: Traffic, values: Mapping[str, Any], now: Callable[[], datetime]) -> list[Sight]:
    """Return everything that is expected, one by one. Raises: UnknownVariable; ValueError for a misfit."""
    made = []
    if look.text is not None:
        made.append(_shows_text(str(fill(look.text, values))))
    if look.not_text is not None:
        made.append(_shows_no_text(str(fill(look.not_text, values))))
    if look.title is not None:
        made.append(_title(look.title.filled(values), now))
    if look.url is not None:
        made.append(_address(look.url.filled(values), traffic, now))
    if look.visible is not None:
        made.append(_visible(look.visible.filled(values)))
    if look.hidden is not None:
        made.append(_hidden(look.hidden.filled(values)))
    if look.count is not None:
        made.append(_counted(look.count.filled(values), look.count))
    if look.value is not None:
        made.append(_valued(look.value.filled(values), look.value.content.filled(values), now))
    return made


async def until_all_hold(page: Any, wanted: list[Sight], given_up: Callable[[], object]) -> None:
    """Look again and again until all hold; for ever, so bound it from outside. Raises: TimeoutError once it is given up."""
    while any(await reasons_now(page, wanted)):  # a page tells nobody that it looks different now
        if given_up():
            raise TimeoutError
        await asyncio.sleep(_AGAIN_S)


async def reasons_now(page: Any, wanted: list[Sight]) -> list[str]:
    return [await sight.look(page) for sight in wanted]


async def excerpt(page: Any) -> str:
    """Return the beginning of what a person reads on the page, in one line."""
    text = await page.evaluate(f"() => ((document.body || {{}}).innerText || '').slice(0, {_READ})")
    return shown(" ".join(str(text).split()), _EXCERPT) if str(text).strip() else "nothing at all"


def _shows_text(text: str) -> Sight:
    async def look(page: Any) -> str:
        return "" if await _seen(page.get_by_text(text)) else "it is not there"

    return Sight(f"shows the text '{text}'", look)


def _shows_no_text(text: str) -> Sight:
    async def look(page: Any) -> str:
        return "it is there" if await _seen(page.get_by_text(text)) else ""

    return Sight(f"does not show the text '{text}'", look)


def _visible(place: Place) -> Sight:
    async def look(page: Any) -> str:
        found = located(page, place)
        return "" if await _seen(found) else "it is there, but hidden" if await found.count() else "it is not there"

    return Sight(f"shows {Place.__str__(place)}", look)


def _hidden(place: Place) -> Sight:
    async def look(page: Any) -> str:
        return "it is there" if await _seen(located(page, place)) else ""

    return Sight(f"does not show {Place.__str__(place)}", look)


def _counted(place: Place, wanted: Counted) -> Sight:
    async def look(page: Any) -> str:
        many = await _seen(located(page, place))
        return "" if wanted.number.holds(many) else f"there are {many}"

    return Sight(f"shows {Place.__str__(place)} so often that the number {wanted.number}", look)


def _valued(place: Place, content: Matcher, now: Callable[[], datetime]) -> Sight:
    async def look(page: Any) -> str:
        found = located(page, place)
        if await found.count() != 1:
            return f"there are {await found.count()} of it"
        return _judged(content, await found.input_value(timeout=1000), now)

    return Sight(f"has in {Place.__str__(place)} what {_phrase(content)}", look)


def _title(wanted: Matcher, now: Callable[[], datetime]) -> Sight:
    async def look(page: Any) -> str:
        return _judged(wanted, await page.title(), now)

    return Sight(f"has a title that {_phrase(wanted)}", look)


def _address(wanted: Matcher, traffic: Traffic, now: Callable[[], datetime]) -> Sight:
    said = wanted.model_dump_json(exclude_defaults=True)

    async def look(page: Any) -> str:
        parts = urlsplit(page.url if "://" in said else traffic.below(page.url))
        shorter = parts._replace(query=parts.query if "?" in said else "", fragment=parts.fragment if "#" in said else "")
        return _judged(wanted, shorter.geturl(), now)

    return Sight(f"has an address that {_phrase(wanted)}", look, is_address=True)


def _phrase(wanted: Matcher) -> str:
    return " and ".join(finding.phrase for finding in wanted.judge(Selection([""]), datetime.min))


def _judged(wanted: Matcher, value: str, now: Callable[[], datetime]) -> str:
    failed = [finding for finding in wanted.judge(Selection([value]), now()) if not finding.holds]
    return failed[0].reason if failed else ""


async def _seen(found: Any) -> int:
    """Return how many of them a person can see."""
    many: int = await found.filter(visible=True).count()
    return many
