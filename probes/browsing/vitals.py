"""This file is for what a visitor feels of the first page: when the first byte came, when it was loaded, when it was painted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.session import Session

_MOST_S = 1.0
# Source: W3C Navigation Timing Level 2 section 4, Largest Contentful Paint section 3; milliseconds since the navigation began
_SCRIPT = """() => new Promise(done => {
  const first = performance.getEntriesByType('navigation')[0] || {};
  const found = {first_byte: first.responseStart, load: first.loadEventStart, painted: null};
  try {
    new PerformanceObserver(list => { found.painted = list.getEntries().at(-1).startTime; done(found); })
      .observe({type: 'largest-contentful-paint', buffered: true});
  } catch (e) { done(found); }
  setTimeout(() => done(found), 150);
})"""
_NAMES = {"first_byte": "time to first byte", "load": "page load", "painted": "largest contentful paint"}


async def measure_first_page(page: Any, session: Session) -> None:
    """Measure what the page itself can tell; a page that cannot is not measured."""
    try:
        async with asyncio.timeout(_MOST_S):
            found = await page.evaluate(_SCRIPT)
    except Exception:  # a figure is no promise
        return
    for key, name in _NAMES.items():
        value = found.get(key)
        if isinstance(value, int | float) and value > 0:
            session.measure(name, value / 1000, "s")
