"""This file is for what pages load: named by content, kept for ever, whole without any network."""

from __future__ import annotations

import re

from reports.line import Mark
from reports.stage import TEMPLATES
from reports.status.assets import asset, find, icon_of

PAGES = [path for path in TEMPLATES.glob("*.j2") if path.name not in ("report.html.j2",)]


def test_an_asset_is_found_by_its_hashed_name_only() -> None:
    address = asset("page.css")
    assert re.fullmatch(r"/assets/page\.[0-9a-f]{12}\.css", address)
    found = find(address.removeprefix("/assets/"))
    assert found is not None and found.media_type.startswith("text/css")
    assert [find(name) for name in ("page.css", "../page.css", "", "report.html.j2")] == [None] * 4


def test_every_mark_has_an_icon() -> None:
    assert all(find(icon_of(mark).removeprefix("/assets/")) for mark in Mark)


def test_no_style_or_script_is_inline_and_nothing_is_fetched_from_elsewhere() -> None:
    for path in PAGES:
        text = re.sub(r"{[{%#].*?[}%#]}", "", path.read_text(encoding="utf-8"))
        assert not re.search(r"\bstyle\s*=|<style|\son\w+\s*=|javascript:|<script(?! src=)", text), path.name
        assert not re.search(r"(?:src|href|action)=[\"']?(?:https?:)?//", text), path.name
    for name in ("page.css", "page.js"):
        text = (TEMPLATES / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text and "@import" not in text and not re.search(r"url\((?!#)", text)


def test_the_script_never_makes_markup_or_code_of_a_text() -> None:
    assert not re.search(
        r"innerHTML\s*=[^=]|insertAdjacentHTML|document\.write|eval\(|new Function", (TEMPLATES / "page.js").read_text()
    )
