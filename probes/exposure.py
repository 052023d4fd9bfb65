"""This file is for what an answer to strangers must not show: stack traces, connection strings, secrets, internal paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from probes.operators import found, shown
from probes.outcome import Json

if TYPE_CHECKING:
    from probes.session import Answer

# All of them run in linear time; the text that they look at comes from the target.
_KINDS = {
    "a stack trace": (
        r"Traceback \(most recent call last\)",
        r'File "[^"\n]+", line [0-9]+',  # Python
        r"(?m)^\s*at [^\n]+\([^()\n]+:[0-9]+(:[0-9]+)?\)",  # Java, Node
        r"\bat [A-Za-z0-9_.$<>]+\([A-Za-z0-9_$]+\.(java|kt|scala):[0-9]+\)",
        r"\bat [^\n]+ in [^\n]+:line [0-9]+",  # .NET
        r"#[0-9]+ [^\n]+\.php(\([0-9]+\)|:[0-9]+)",  # PHP
        r"goroutine [0-9]+ \[[a-z ]+\]:",
        r"thread '[^'\n]+' panicked at",
        r"(?m)^\s*from [^\n]+\.rb:[0-9]+:in ",
    ),
    "a connection string": (
        r"\b[a-z][a-z0-9+.-]+://[^\s/:@\"']*:[^\s/@\"']+@",
        r"\b(jdbc:[a-z]+|postgres(ql)?|mysql|mariadb|mongodb(\+srv)?|rediss?|amqps?|mssql|sqlserver|nats|kafka)://?[^\s\"'/]",
        r"(?i)\b(server|data source|host)\s*=[^;\n]+;[^\n]*\b(password|pwd|user id|uid)\s*=",
        r"(?i)\bhost=\S+ [^\n]*\bpassword=",
    ),
    "a secret": (
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
        r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}",
        r"\b(gh[pousr]_[A-Za-z0-9]{30,}|xox[baprs]-[A-Za-z0-9-]{10,}|sk_(live|test)_[A-Za-z0-9]{10,}|glpat-[A-Za-z0-9_-]{16,})",
        r"(?i)\b[a-z_]*(password|passwd|secret|api_?key|access_?token|private_?key)[\"']?\s*[:=]\s*[\"']?[^\s\"',}\[\]*<]{4,}",
    ),
    "an internal path": (
        r"(?:^|[\s\"'(=:,\[])/(var|home|usr|opt|srv|root|etc|tmp|mnt|proc)/[A-Za-z0-9._-]+",
        r"(?:^|[\s\"'(=:,\[])/(app|application|workspace|code)/[A-Za-z0-9._/-]+\.(py|js|ts|php|rb|go|java|cs|env|sqlite|log)\b",
        r"\b[A-Za-z]:\\[A-Za-z0-9._ -]+\\",
    ),
}


# What a health answer may well say of a secret without showing it: `"app_secret": "configured"`.
_ABOUT = re.compile(r"\b(healthy|pass|configured|present|valid|invalid|enabled|disabled|loaded|missing|required|"
                    r"wrong|incorrect|rotated|expired|unknown|true|false|null|none)\b", re.IGNORECASE)  # fmt: skip


def exposed(answer: Answer) -> list[str]:
    """Return the kinds of things that the body shows and should not, never the things themselves."""
    try:
        decoded = "\n".join(_texts(answer.json()))  # JSON may hide a path as `\\/var\\/www`
    except (ValueError, RecursionError):
        decoded = ""
    return exposes(answer.text, decoded)


def exposes(*texts: str) -> list[str]:
    """Return the kinds of things that a text shows and should not. What cannot be looked through counts as a find."""
    looked = [_ABOUT.sub("-", text) for text in texts]
    return [
        kind
        for kind, expressions in _KINDS.items()
        if any(found(text, expression) is not False for text in looked for expression in expressions)
    ]


def quoted(value: Json, limit: int) -> str:
    """Return the value for a sentence, shortened, or what it is where it may not be shown."""
    text = value if isinstance(value, str) else "\n".join(_texts(value))
    kinds = exposes(text)
    return f"({' and '.join(kinds)}, not shown)" if kinds else shown(value, limit)


def _texts(document: Json) -> Iterator[str]:
    """Yield every text of a document; a text below a key as `key: text` too, so that `password` is seen."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from _texts(item)
    elif isinstance(document, dict):
        for key, item in document.items():
            if isinstance(item, str):
                yield f"{key}: {item}"
            yield from _texts(item)
