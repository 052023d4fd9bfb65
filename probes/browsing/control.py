"""This file is for the control of a journey: what it expects at its end must not be there for who did not make it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from probes.browsing.seeing import reasons_now, sights
from probes.outcome import Check, control

if TYPE_CHECKING:
    from probes.browsing.steps import Look
    from probes.browsing.traffic import Traffic
    from probes.browsing.walk import Walk

_LOAD_S = 5.0
_LEAST_S = 0.4  # that is looked for it, for pages that are filled by a script
_MOST_S = 3.0
_AGAIN_S = 0.1


async def seen_elsewhere(browser: Any, options: dict[str, Any], traffic: Traffic, walk: Walk, look: Look) -> Check:
    """Return the control: a fresh visitor, on a page of the same site that cannot exist, does not see it.

    It is looked for as long as it took to appear in the journey, and a while longer. An address that is expected is left out
    of it where anything else is expected too: every other page has another one.
    """
    wanted = sights(look, traffic, walk.values, walk.session.now)
    wanted = [sight for sight in wanted if not sight.is_address] or wanted
    name = "a page that cannot exist does not show the same"
    walk.session.doing = "the browser looked at a page that cannot exist"
    context = await browser.new_context(**options)
    page = await context.new_page()
    await traffic.guard(page)
    where = await _strange_page(page, walk)
    missing = await _missing(page, wanted, min(walk.last_look_s + _LEAST_S, _MOST_S))
    phrases = " and ".join(sight.phrase for sight in wanted)
    return control(
        name,
        holds=missing,
        expected="something of it is not there",
        observed="it is not there" if missing else "it is there",
        say=f"not proven: a fresh visitor of {where}, a page that cannot exist, sees what the journey expects at its end too "
        f"({phrases}), so a pass would prove nothing; expect what only the right page shows",
    )


async def _strange_page(page: Any, walk: Walk) -> str:
    """Go to a page that cannot exist; where the site does not even answer for it, to an empty one."""
    path = f"/{walk.session.nonce}"
    try:
        async with asyncio.timeout(_LOAD_S):
            await walk.strange(page, path)
    except Exception:  # no answer is no page that shows anything
        await page.goto("about:blank")
    return path


async def _missing(page: Any, wanted: list[Any], for_s: float) -> bool:
    """Say whether something of what is wanted stays away for that long."""
    deadline = asyncio.get_running_loop().time() + for_s
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(Exception):  # a page that hangs or goes away meanwhile shows nothing for now
            async with asyncio.timeout(_MOST_S):
                if not any(await reasons_now(page, wanted)):
                    return False
        await asyncio.sleep(_AGAIN_S)
    return True
