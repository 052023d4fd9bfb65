"""This file is for the cookies that a scenario's later steps send back, to the origin that set them and to no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from probes.session import Answer

_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address (RFC 6454)."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower())


@dataclass(slots=True)
class CookieJar:
    """The cookies of one origin: `base_url`'s. A cookie of any other origin is neither kept nor sent.

    Source: RFC 6265 sections 5.2 and 5.4, without the parts that only several hosts need.
    """

    base_url: str
    _kept: dict[tuple[str, str], str] = field(default_factory=dict)  # (path, name) -> value

    def keep(self, answer: Answer) -> None:
        """Take up what the answer sets, and forget what it deletes."""
        lines = answer.all_headers("set-cookie")
        if not lines or origin(answer.url) != origin(self.base_url):
            return
        for line in lines:
            pair, *rest = line.split(";")
            name, equals, value = pair.partition("=")
            if not equals or not name.strip():
                continue
            marks = {k.strip().lower(): v.strip() for k, _, v in (part.partition("=") for part in rest)}
            given = marks.get("path", "")
            key = (given if given.startswith("/") else _folder(answer.url), name.strip())
            if _is_over(marks):
                self._kept.pop(key, None)
            else:
                self._kept[key] = value.strip()

    def for_path(self, path: str) -> dict[str, str]:
        """Return the cookies to send to a path below the base address, or to a full address."""
        if not self._kept:
            return {}
        url = path if "://" in path else self.base_url.rstrip("/") + "/" + path.lstrip("/")
        if origin(urljoin(self.base_url, url)) != origin(self.base_url):
            return {}
        asked = urlsplit(url).path or "/"
        fitting = [(folder, name) for folder, name in self._kept if _below(asked, folder)]
        # The longest path comes last, so that it decides where two cookies bear one name.
        return {name: self._kept[(folder, name)] for folder, name in sorted(fitting, key=lambda key: len(key[0]))}


def _folder(url: str) -> str:
    path = urlsplit(url).path
    return path.rpartition("/")[0] or "/"


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")


def _is_over(marks: dict[str, str]) -> bool:
    """Tell whether the cookie is deleted by this line; `Max-Age` goes before `Expires`."""
    age = marks.get("max-age", "")
    if age.lstrip("-").isdigit():
        return int(age) <= 0
    try:
        until = parsedate_to_datetime(marks["expires"])
    except (KeyError, ValueError, TypeError):
        return False
    return (until if until.tzinfo else until.replace(tzinfo=UTC)) <= datetime.now(UTC)
