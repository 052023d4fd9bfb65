"""This file is for log text in which a value is hidden: escaped, escaped twice, broken over lines, in odd letters."""

from __future__ import annotations

import base64
import random

_NOISE = (
    *(
        "%",
        "%%",
        "&",
        "&#",
        "&am",
        "\\",
        "\\u",
        "\\u00",
        "\\x4",
        "&lt",
        "%4",
        "%2",
        "%25",
        "100%",
        "=",
        '"',
        '\\"',
        "/",
        "\0",
        "\u212a",
    ),
    *("İ", "ſ", "ä", "\ud800", "日本", " ", "\t", "&page=2", "\\n", "\\\\", "&#4", "=41", "\x01", "\x03", "a@b", "\r"),
)
_BREAKS = ("\n", "\n    ", "  \n\t", "\\n", "\\r\\n", "\\\\n", "\n\n\n", "\n" + " " * 40, "\r\n", "\u00a0\n")
_NAMED = {"@": "&commat;", ".": "&period;", "+": "&plus;", "-": "%2D", "!": "&excl;", " ": "+"}
_FILLING = (
    *(
        "x" * 40,
        "x" * 300,
        "\n",
        " " * 50 + "\n",
        "%20" * 40,
        "&amp;" * 20,
        "\\u00e4" * 30,
        "é",
        'a%b&c=1\\"',
        "\\n",
        "\n\t\tat x",
    ),
    *(" at com.acme.Foo(7)", 'GET /a%2Fb?c=%20&d=1 \\"ok\\" ', "", "", ""),
)


def hidden(value: str, dice: random.Random) -> str:
    """Return text with the value in it somewhere, mostly so that it can be made out again."""
    text = _rewritten(value, dice)
    for rate in (dice.choice((0, 0.1, 0.5, 1)), dice.choice((0, 0, 0, 0, 0.3))):
        text = "".join(_escaped(sign, dice) if dice.random() < rate else sign for sign in text)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(_BREAKS) + text[at:]
    return f"{_some(_FILLING, 8, dice)}{_some(_NOISE, 4, dice)}{text}{_some(_NOISE, 4, dice)}{_some(_FILLING, 8, dice)}"


def _some(among: tuple[str, ...], most: int, dice: random.Random) -> str:
    return "".join(dice.choice(among) for _ in range(dice.randrange(most)))


def _rewritten(value: str, dice: random.Random) -> str:
    return dice.choice(
        (
            *([value] * 5),
            value.upper(),
            value.replace("k", "\u212a"),
            base64.b64encode(f"{'ab'[: dice.randrange(3)]}{value}xy".encode()).decode(),
            value.encode().hex(dice.choice(" :-")),
            value[::-1],
            "".join(sign + (dice.choice(("", "", "-", " ", "./ ")) if sign.isalnum() else "") for sign in value),
        )
    )


def _escaped(sign: str, dice: random.Random) -> str:
    number, raw = ord(sign), sign.encode("utf-8", "replace")
    return dice.choice(
        (
            "".join(f"%{byte:02X}" for byte in raw),
            "".join(f"%{byte:02x}" for byte in raw),
            "".join(f"%25{byte:02x}" for byte in raw),
            "".join(f"%2525{byte:02x}" for byte in raw),
            f"&#{number};",
            f"&#x{number:x};",
            f"&#X{number:04X}",
            f"&amp;#{number};",
            "\\" * dice.randrange(1, 7) + f"u{min(number, 0xFFFF):04x}",
            "".join("\\" * dice.randrange(1, 4) + f"x{byte:02x}" for byte in raw),
            _NAMED.get(sign, sign),
            sign + dice.choice(("\u00a0", " ", "-", "\\")),
        )
    )
