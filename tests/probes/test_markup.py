"""This file is for reading a page as a browser would: what became markup is told, what is text is not."""

from __future__ import annotations

import time

import pytest

from probes.markup import became, in_code

MARKER = "vab1c001"


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("<p>MARK()</p>", ""),
        ("<p>&lt;svg onload=MARK()&gt;</p>", ""),
        ("<!-- <svg onload=MARK()> -->", ""),
        ("<!-- never ended <svg onload=MARK()>", ""),
        ("<textarea><svg onload=MARK()></textarea>", ""),
        ('<input value="&quot; onfocus=MARK()">', ""),
        ('<a href="/x?q=javascript:MARK()">', ""),
        ("<p title='MARK()'>", ""),
        ("3 < MARK() and <3", ""),
        ("<script>var q = '\"-MARK()-\"'</script>", ""),
        ("<script>var q = '\\'-MARK()-\\''</script>", ""),
        ("<script>// it's MARK()\nx()</script>", ""),
        ('<script type="application/json">{"q": MARK()}</script>', ""),
        ("<script>MARK()</script>", "a script"),
        ("<ScRiPt >MARK()", "a script"),
        ('<script>var q = "Hair"-MARK()-""</script>', "a script"),
        ("<script>var q = 'it\\\\'-MARK()-''</script>", "a script"),
        ("<script>/* ' */ MARK()</script>", "a script"),
        ('<p title="Haircut" autofocus onfocus="MARK()">', "an event handler"),
        ("<svg/onload=MARK()>", "an event handler"),
        ("<p <svg onload=MARK()>", "an event handler"),
        ("<img src=x onerror=MARK() </p>", "an event handler"),
        ("<textarea>'\"></title></textarea></script>--><svg onload=MARK()></textarea>", "an event handler"),
        ("<!-- '\">--><svg onload=MARK()> -->", "an event handler"),
        ('<a href=" java\nscript:MARK()">', "an address that runs a script"),
        ('<a href="&#106;avascript:MARK()">', "an address that runs a script"),
        ("<iframe srcdoc='&lt;script&gt;MARK()&lt;/script&gt;'>", "a page in a frame"),
        ("<MARK>", "an element"),
        ("<b MARK>", "an attribute"),
    ],
)
def test_what_became_markup_is_told(page: str, what: str) -> None:
    assert became(page.replace("MARK", MARKER), MARKER) == what


@pytest.mark.parametrize("piece", ["<!--", "<a ", "<script>", '<a b="', "<a =", '"', "/*", "<a b=c ", "</", "<textarea>", "<a\n"])
def test_a_hostile_page_takes_time_in_proportion_to_its_size(piece: str) -> None:
    def spent(size: int) -> float:
        page = piece * (size // len(piece)) + MARKER
        began = time.process_time()
        became(page, MARKER)
        in_code(page, MARKER)
        return time.process_time() - began

    small = min(spent(10_000) for _ in range(3))
    assert min(spent(80_000) for _ in range(3)) < 30 * max(small, 0.001)
