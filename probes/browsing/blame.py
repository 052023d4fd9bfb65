"""This file is for what Playwright complains of: whose fault it is, in words for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NET = {
    "ERR_CONNECTION_REFUSED": "the connection was refused",
    "ERR_CONNECTION_RESET": "the connection was reset",
    "ERR_CONNECTION_CLOSED": "the connection was closed without an answer",
    "ERR_EMPTY_RESPONSE": "the connection was closed without an answer",
    "ERR_TOO_MANY_REDIRECTS": "it redirects in a circle",
    "ERR_CONNECTION_TIMED_OUT": "the connection was not taken in time",
    "ERR_ADDRESS_UNREACHABLE": "the address cannot be reached",
    "ERR_NAME_NOT_RESOLVED": "it leads to a host that is not permitted; permit it with 'allow_hosts'",
    "ERR_BLOCKED_BY_CLIENT": "it leads to a host that is not permitted; permit it with 'allow_hosts'",
    "ERR_CERT_DATE_INVALID": "its certificate has expired, or is not valid yet",
    "ERR_CERT_COMMON_NAME_INVALID": "its certificate is for another name",
    "ERR_CERT_AUTHORITY_INVALID": "its certificate is self-signed or from an unknown issuer",
    "ERR_SSL_PROTOCOL_ERROR": "it does not speak TLS there",
    "ERR_INVALID_HTTP_RESPONSE": "its answer is not valid HTTP",
    "ERR_ABORTED": "it is no page but a download, or was given up",
}
_NOT_OURS_TO_REACH = ("ERR_NAME_NOT_RESOLVED", "ERR_BLOCKED_BY_CLIENT")
_CODE = re.compile(r"net::(ERR_[A-Z_]+)")
_MANY = re.compile(r"resolved to (\d+) elements")
_GONE = ("has been closed", "Target closed", "Connection closed", "Browser closed", "browser has disconnected")


@dataclass(frozen=True, slots=True)
class Blame:
    """Why a step could not be done."""

    why: str
    ours: bool = False  # it is the suite's or our side's doing
    dead: bool = False  # the page or the browser is gone, so nothing can follow
    hangs: bool = False  # the page answers nothing, so it need not be asked what it shows


LED_TO = "the page that it leads to"
CRASHED = Blame(
    "the browser's tab crashed: either the page takes too much memory, or this machine has too little", ours=True, dead=True
)


def blame(problem: BaseException, within_s: float) -> Blame:
    """Return whose fault an exception of a step is."""
    text = str(problem)
    code = _CODE.search(text)
    if code:
        return Blame(in_words(code.group(1)), ours=code.group(1) in _NOT_OURS_TO_REACH)
    if "Download is starting" in text:
        return Blame("it is no page but a download")
    if "crashed" in text:
        return CRASHED
    if any(sign in text for sign in _GONE):
        return Blame("the browser ended, or the page closed itself", ours=True, dead=True)
    many = _MANY.search(text)
    if many:
        return Blame(f"there are {many.group(1)} of it; say which by 'nth', 'exact' or another way", ours=True)
    if "is not a valid selector" in text or "Unexpected token" in text or "while parsing" in text:
        return Blame("the 'css' is no CSS selector", ours=True)
    if isinstance(problem, TimeoutError):  # our own: Playwright's has waited in vain before, so it hangs itself
        return Blame(f"the page did not react within {within_s:g} s", hangs=True)
    if type(problem).__name__ == "TimeoutError":
        return Blame(f"{_waited_in_vain(text)} within {within_s:g} s")
    return Blame(_first_line(text) or type(problem).__name__)


def in_words(code: str) -> str:
    """Return what an error of Chromium's network means, in a clause."""
    return _NET.get(code.removeprefix("net::"), f"the browser says {code}")


def _waited_in_vain(text: str) -> str:
    """Return what the log of Playwright's waiting says last, in a clause before `within 5 s`."""
    if "Page.goto" in text:
        return "it was not loaded"
    if "navigation" in text:
        return f"{LED_TO} was not loaded"
    if "intercepts pointer events" in text:
        return "something else covered it"
    if "element is not enabled" in text:
        return "it did not become usable"
    if "did not find some options" in text:
        return "there was no such choice"
    if "element is not visible" in text:
        return "it is there, but was not shown"
    if "element is not stable" in text:
        return "it did not stand still"
    if "element is not editable" in text:
        return "it could not be written into"
    if "waiting for" in text:
        return "there was nothing like it"
    return "the page did not react"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Call log")]
    return re.sub(r"^[A-Z][A-Za-z]+\.[a-z_A-Z]+: ", "", lines[0])[:200] if lines else ""
