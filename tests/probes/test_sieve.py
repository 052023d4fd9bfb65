"""The sieve may let too much through, never too little: whatever the close look finds, it must have let through."""

from __future__ import annotations

import base64
import html
import json
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import log_batches
from probes.encodings import Finder
from probes.evidence.source import LogLine, PlainLines
from probes.leaks import Scan, Scanner, scan, specimens
from probes.pii import DETECTORS, find, line_sieve
from probes.planting import PLANTABLE, Planted, plant
from probes.sieve import ValueSieve
from tests.probes.hiding import hidden

PLANTED = [plant(kind, "5ie7e0000000", phone_country=country) for kind in PLANTABLE for country in ("DE", "FR")]
ESCAPES = {
    "url": lambda text: quote(text, safe=""),
    "every sign by url": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "html": html.escape,
    "every sign by html": lambda text: "".join(f"&#x{ord(sign):X};" for sign in text),
    "json": lambda text: json.dumps(text)[1:-1],
    "every sign by json": lambda text: "".join(f"\\u{ord(sign):04X}" for sign in text),
    "bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "upper": str.upper,
    "separated": lambda text: " ".join(text[n : n + 3] for n in range(0, len(text), 3)),
    "base64": lambda text: base64.b64encode(f"ab{text}cd".encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(f"a{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(" "),
    "reversed": lambda text: text[::-1],
    "line end": lambda text: f"{text[:7]}\\n{text[7:]}",
}
NOISE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=40)


def _all_looked_at(text: str, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Scan:
    with monkeypatch.context() as patch:
        patch.setattr(ValueSieve, "may_hold", lambda self, text: True)
        patch.setattr(log_batches, "_BATCH", 10**9)
        return scan([LogLine(line, "a", number) for number, line in enumerate(text.split("\n"), 1)], [planted])


@pytest.mark.parametrize("seed", range(3))
def test_no_way_of_hiding_a_value_gets_past_the_sieve_that_does_not_get_past_the_close_look(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, found = random.Random(seed), 0
    sieves = {item: ValueSieve(Finder(((v, item.kind) for v in item.sought), hashes=True).forms) for item in PLANTED}
    for _ in range(150):
        item = dice.choice(PLANTED)
        text = hidden(dice.choice(item.sought), dice)
        if _all_looked_at(text, item, monkeypatch).planted:
            found += 1
            assert sieves[item].may_hold(text), text
    assert found > 50  # else the text hides values too well to prove anything


@pytest.mark.parametrize("seed", range(3))
def test_no_border_between_batches_hides_a_value(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice, found = random.Random(seed), 0
    for _ in range(30):
        item = dice.choice(PLANTED)
        text = hidden(item.value, dice)
        texts = text.split("\n")
        lines = [LogLine(line, "a", number) for number, line in enumerate(texts, 1)]
        expected = bool(_all_looked_at(text, item, monkeypatch).planted)
        found += expected
        monkeypatch.setattr(log_batches, "_BATCH", dice.choice((1, 50, 300)))
        size = dice.randrange(1, 9)
        for fed in ([PlainLines(text, "a", 1)], [lines], [lines[at : at + size] for at in range(0, len(lines), size)]):
            scanner = Scanner([item])
            for some in fed:
                scanner.feed(some)
            assert bool(scanner.result().planted) == expected, (text, size)
    assert found > 8


EMAIL = plant("email", "5ie7e0000000")
# One sign in the middle of a value is written otherwise: with its code in hex (h, k), with the codes of those (p, q), or with
# its number (n, m).
BROKEN = {
    "an entity is cut by a line end of Windows": "&am\r\np;#{n}{m};",
    "an entity is cut behind its number's first digit": "&#{n}\n{m};",
    "a code of a URL is cut by a line end": "%{h}\n    {k}",
    "a code that is escaped twice is cut": "%25\n{h}{k}",
    "a code that is escaped twice is cut in its last digit": "%25{h}\n{k}",
    "a JSON escape is cut by a written line end": "\\u00\\n{h}{k}",
    "a JSON escape is cut by a line end behind tabs": "\\u00\t\t\n\t{h}{k}",
    "an escape of bytes is cut": "\\x{h}\n{k}",
    "a backslash is cut off": "\\\n \nu00{h}{k}",
    "space that is no ASCII stands at the cut": "%\u00a0\n\u2003{h}{k}",
    "much space stands at the cut": "%{h}\n" + " " * 60 + "{k}",
    "a line end is written and the next line indented": "\\r\\n \n\t{c}",
    "a line end is written in a code of a URL": "%\\n{h}{k}",
    "two percent signs stand before its code's codes": "%%{p}%{q}",
    "a percent sign and its code's code": "%{h}%{q}",
    "eight backslashes stand before it": "\\" * 8 + "u00{h}{k}",
    "five hundred backslashes stand before it": "\\" * 500 + "u00{h}{k}",
    "seven backslashes stand before it": "\\" * 7 + "x{h}{k}",
    "capital entities": "&#X{h}{k};",
    "an entity in a code of a URL": "%26%23{n}{m}%3B",
    "a code of a URL in an entity": "&#37;{h}{k}",
    "a JSON escape in an entity": "&#92;u00{h}{k}",
    "three times escaped": "%2525{h}{k}",
}


@pytest.mark.parametrize("item", [one for one in PLANTED if not one.parts], ids=lambda item: f"{item.kind}-{item.value[-3:]}")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_value_is_let_through_although(broken: str, item: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    value, at = item.value, len(item.value) // 2
    code = f"{ord(value[at]):02x}"
    number = str(ord(value[at]))
    written = broken.format(
        h=code[0], k=code[1], n=number[0], m=number[1:], c=value[at], p=f"{ord(code[0]):x}", q=f"{ord(code[1]):x}"
    )
    text = f"GET /a%2Fb?c=%20&d=1 to {value[:at]}{written}{value[at + 1 :]} now"
    assert _all_looked_at(text, item, monkeypatch).planted
    assert ValueSieve(Finder([(value, item.kind)]).forms).may_hold(text)


ALONE = {
    "the kelvin sign stands for k": lambda v: v.replace("k", "\u212a"),
    "a kelvin sign is a code of a URL": lambda v: v.replace("k", "%E2%84%AA"),
    "a kelvin sign is a JSON escape": lambda v: v.replace("k", "\\u212a"),
    "a percent sign eats its first signs": lambda v: f"%{v}",
    "a code of a URL begins with its first sign": lambda v: f"%2{v}",
    "a carriage return stands behind a percent sign": lambda v: f"100%\r{v}",
    "zero bytes stand around it": lambda v: f"\0\0{v}\0",
    "half a surrogate pair stands before it": lambda v: f"\ud800{v}",
}
SECRETS = ("keykeykey-4711", "4111222233334444", "c0ffee12-secret")


@pytest.mark.parametrize("value", SECRETS)
@pytest.mark.parametrize("written", ALONE.values(), ids=ALONE)
def test_a_value_is_found_although(written, value: str) -> None:  # type: ignore[no-untyped-def]
    finder = Finder([(value, "secret")])
    assert finder.find(written(value)) and ValueSieve(finder.forms).may_hold(f"x%20y {written(value)} z")


def test_a_value_that_goes_on_over_many_lines_is_found_from_the_one_escape_that_is_not_of_a_url() -> None:
    sieve, code = ValueSieve(Finder([(EMAIL.value, "email")]).forms), EMAIL.value.encode().hex()
    lines = [f"&#{ord(code[0])};", *(f"%{ord(sign):02x}" for sign in code[1:])]
    for first, last in ((lines, []), ([], [*lines[1:], f"&#{ord(code[-1])};"])):
        text = ("\n" + " " * 14).join(first or [f"%{ord(code[0]):02x}", *last[:-2], last[-1]])
        assert sieve.may_hold(f"{'x ' * 9000}\n{text}\n{'y ' * 9000}")


@pytest.mark.parametrize("kept", ["%40", "&#64;", "\\u0040", "%4\n0"])
def test_an_escape_far_from_others_and_an_escape_among_thousands_are_found(kept: str) -> None:
    sieve = ValueSieve(Finder([(EMAIL.value, "email")]).forms)
    hidden_value = EMAIL.value.replace("@", kept).replace("canary", "c\\u0061n%61ry")
    for around in ("x" * 50_000 + "\n", "%20%41&amp;\\u0041 " * 3000, "\n" * 5000, "\n   \t" * 3000):
        assert sieve.may_hold(f"{around}{hidden_value}{around}")
        assert not sieve.may_hold(f"{around}{hidden_value[3:]}{around}")


@given(st.sampled_from(PLANTED), st.lists(st.sampled_from(sorted(ESCAPES)), max_size=3), NOISE, NOISE)
def test_what_the_close_look_finds_the_sieve_lets_through(item, escapes, before, after) -> None:  # type: ignore[no-untyped-def]
    text = item.value
    for name in escapes:
        text = ESCAPES[name](text)
    finder = Finder(((value, item.kind) for value in item.sought), hashes=True)
    whole = f"{before}{text}{after}"
    if finder.find(whole):
        assert ValueSieve(finder.forms).may_hold(whole)


@given(st.text(min_size=4, max_size=30), NOISE, st.sampled_from(sorted(ESCAPES)))
def test_any_value_at_all_is_let_through(value: str, before: str, escape: str) -> None:
    finder = Finder([(value, "value")], hashes=True)
    text = before + ESCAPES[escape](value) if value.isprintable() and value.isascii() else before + value
    if finder.find(text):
        assert ValueSieve(finder.forms).may_hold(text)


def test_text_without_any_of_it_is_passed_over() -> None:
    finder = Finder((value, item.kind) for item in PLANTED for value in item.sought)
    text = '{"level":"info","message":"all is well","path":"%2Fa%26b&amp;","n":"\\u00e4"}'
    assert not ValueSieve(finder.forms).may_hold(text)


def test_nothing_sought_lets_nothing_through() -> None:
    assert not ValueSieve([]).may_hold("anything")


def test_what_is_too_short_to_be_told_apart_lets_everything_through() -> None:
    assert ValueSieve(["a-b-c"]).may_hold("zzz")


@given(st.lists(NOISE, max_size=5), st.sampled_from(sorted(DETECTORS)))
def test_no_line_in_which_a_detector_finds_something_is_passed_over(lines: list[str], name: str) -> None:
    specimen = {
        "email": "x a@b.example",
        "phone": "+493023125000",
        "iban": "DE89 3704 0044 0532 0130 00",
        "card": "4111 1111 1111 1111",
        "bearer": "Bearer abc123def456",
        "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
        "password": "password=hunter2hunter2",
        "connection": "postgres://app:hunter2@db.example/app",
    }[name]
    texts = [line.replace("\n", " ") for line in (*lines, specimen, *lines[:1])]
    whole = "\n".join(texts)
    looked_at = {start: names for start, _, names in line_sieve(DETECTORS).lines(whole)}
    for number, text in enumerate(texts):
        start = sum(len(one) + 1 for one in texts[:number])
        assert {found.detector for found in find(text, DETECTORS)} <= looked_at.get(start, set())


ODD = "İſ\u212aı٤４\0\ud800é\u00a0\x85\u2028 \t'\"\\+-.@_x0A:=(\r日"
ALIKE = {"s": "ſ", "S": "ſ", "k": "\u212a", "K": "\u212a", "i": "ı", "I": "İ", "0": "٠", "1": "１"}
LEAKING = (
    *(
        "to bob@firma.de now",
        "?to=bob%40firma.de&x",
        '{"to":"bob\\u0040firma.de"}',
        "<i>bob&#64;firma.de</i>",
        "to=bob%2540firma.de",
    ),
    *(
        "call +49 (30) 23125-123 now",
        "?tel=%2B493023125123&x",
        '{"phone":"030 23125 123"}',
        "from DE89 3704 0044 0532 0130 00 EUR",
    ),
    *("GB33BUKB20201555555555", "paid 4111 1111 1111 1111.", '{"card_number":"4111111111111111"}', "amex 3782-822463-10005"),
    *("Authorization: Bearer abc123def456", '"basic dXNlcjpwYXNz"', "x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln y"),
    *(
        "login?password=hunter2&x=1",
        '{\\"api_key\\":\\"k3yk3yk3y\\"}',
        "at redis://:hunter2@cache:6379/0",
        "private-key: k3yk3yk3y",
    ),
)


@pytest.mark.parametrize("seed", range(4))
def test_no_odd_sign_hides_a_line_from_the_detectors(seed: int) -> None:
    dice, sieve, found = random.Random(seed), line_sieve(DETECTORS), 0
    for _ in range(400):
        lines = [_oddly(dice.choice(LEAKING), dice) for _ in range(dice.randrange(1, 4))]
        looked_at = {start: (end, names) for start, end, names in sieve.lines("\n".join(lines))}
        start = 0
        for line in lines:
            expected = {name for name in DETECTORS if find(line, [name])}
            end, names = looked_at.get(start, (start + len(line), set()))
            assert expected <= names and end == start + len(line), lines
            found += len(expected)
            start += len(line) + 1
    assert found > 300


def _oddly(text: str, dice: random.Random) -> str:
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(ODD) + text[at + dice.randrange(2) :]
    if dice.random() < 0.4:
        text = "".join(ALIKE.get(sign, sign) if dice.random() < 0.3 else sign for sign in text)
    return text.swapcase() if dice.random() < 0.2 else text


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_that_come_in_pieces_are_scanned_as_if_they_came_at_once(size: int) -> None:
    made = [text for item in PLANTED for _, texts in specimens(item) for text in (*texts, "nothing here")]
    lines = [LogLine(text, "a.log", number) for number, text in enumerate(made, 1)]
    scanner = Scanner(PLANTED, tuple(DETECTORS))
    for start in range(0, len(lines), size):
        scanner.feed(lines[start : start + size])
    at_once, in_pieces = scan(lines, PLANTED, tuple(DETECTORS)), scanner.result()
    assert {(x.kind, x.line.number) for x in in_pieces.planted} == {(x.kind, x.line.number) for x in at_once.planted}
    assert [(x.kind, x.line.number) for x in in_pieces.others] == [(x.kind, x.line.number) for x in at_once.others]


def test_leaks_without_end_are_counted_and_not_kept() -> None:
    leak = PLANTED[0].value
    scanner = Scanner(PLANTED)
    scanner.feed([LogLine(f"to {leak}", "a.log", number) for number in range(1, 3001)])
    found = scanner.result()
    assert len(found.planted) == 1000 and found.left_out >= 2000


def test_a_leak_keeps_little_of_a_line_however_long_it_is() -> None:
    scanner = Scanner(PLANTED, ["email"])
    scanner.feed([LogLine(f"{'x' * 10**6} {EMAIL.value} somebody@firma.de {'y' * 10**6}", "a.log", 1)])
    found = scanner.result()
    assert found.planted and found.others
    assert all(len(leak.line.text) < 10_000 and leak.place == "a.log line 1" for leak in (*found.planted, *found.others))


def test_a_line_with_a_line_end_of_its_own_is_looked_at_as_one_line() -> None:
    lines = [LogLine(f"first\n{EMAIL.value[:9]}", "a", 7), LogLine(f"{EMAIL.value[9:]}\nto bob@firma.de", "a", 8)]
    result = scan(lines, [EMAIL], ["email"])
    assert [leak.place for leak in result.planted] == ["a line 7"]
    assert {leak.place for leak in result.others} == {"a line 8"}
