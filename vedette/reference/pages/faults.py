"""This file is for the faults of the booking site, which the suite `pages` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault

_STORIES = (
    ("button_dead", "the button was renamed, and the script listens to the old one", ("does not see", "on tuesday", "not there")),
    ("button_covered", "the consent dialog has no button on small screens", ("covered", "button 'book'")),
    ("script_error", "the analytics script was taken out, its calls were not", ("script", "undefined")),
    ("text_missing", "the translation of the heading was forgotten, so its key is shown", ("your bookings", "bookings.title")),
    ("slow", "the page waits for a report that grew", ("bookings", "not loaded")),
    ("asset_404", "the style sheet was not part of the release", ("/app.css", "404")),
    ("redirect_loop", "login and page send their visitors to each other", ("redirects in a circle",)),
    ("session_lost", "the cookie is for another domain, so nobody stays signed in", ("sign in", "your bookings")),
    ("endless_script", "a loop in the script never ends", ("step", "react")),
    ("server_error", "bookings fail, and the script does not tell", ("post /api/bookings", "500")),
)
_VACUITY = (
    "confirmation_everywhere",
    "the confirmation was moved into the footer of every page",
    ("cannot exist", "prove nothing"),
)


def _fault(name: str, story: str, hint: tuple[str, ...], *, vacuity: bool = False) -> Fault:
    return Fault(f"browser_{name}", "browser", story, hint, vacuity, system="pages")


FAULTS = (*(_fault(*one) for one in _STORIES), _fault(*_VACUITY, vacuity=True))
