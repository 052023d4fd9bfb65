"""This file is for the faults of the booking site, which the suite `pages` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault

_STORIES = (
    (
        "browser_button_dead",
        "the button was renamed, and the script listens to the old one",
        ("does not see", "on tuesday", "not there"),
    ),
    ("browser_button_covered", "the consent dialog has no button on small screens", ("covered", "button 'book'")),
    ("browser_script_error", "the analytics script was taken out, its calls were not", ("script", "undefined")),
    (
        "browser_text_missing",
        "the translation of the heading was forgotten, so its key is shown",
        ("your bookings", "bookings.title"),
    ),
    ("browser_slow", "the page waits for a report that grew", ("bookings", "not loaded")),
    ("browser_asset_404", "the style sheet was not part of the release", ("/app.css", "404")),
    ("browser_redirect_loop", "login and page send their visitors to each other", ("redirects in a circle",)),
    ("browser_session_lost", "the cookie is for another domain, so nobody stays signed in", ("sign in", "your bookings")),
    ("browser_endless_script", "a loop in the script never ends", ("step", "react")),
    ("browser_server_error", "bookings fail, and the script does not tell", ("post /api/bookings", "500")),
)
_VACUITY = (
    "browser_confirmation_everywhere",
    "the confirmation was moved into the footer of every page",
    ("cannot exist", "prove nothing"),
)


def _fault(name: str, story: str, hint: tuple[str, ...], *, vacuity: bool = False) -> Fault:
    return Fault(name, "browser", story, hint, vacuity, system="pages")


FAULTS = (*(_fault(*one) for one in _STORIES), _fault(*_VACUITY, vacuity=True))
