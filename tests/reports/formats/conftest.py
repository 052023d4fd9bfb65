"""This file is for what the formats' tests share: golden texts, and a real terminal to look at."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Return `golden(name, text)`: the text must be what a person has approved (VEDETTE_WRITE_GOLDEN=1 writes it anew)."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("VEDETTE_WRITE_GOLDEN") == "1":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


class Terminal:
    """A pseudo-terminal: `stream` is what a program writes to, `read()` what arrived on the screen's side."""

    def __init__(self, columns: int) -> None:
        self._screen, side = os.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream: TextIO = io.TextIOWrapper(open(side, "wb", buffering=0), encoding="utf-8", write_through=True)  # noqa: SIM115

    def read(self) -> str:
        os.set_blocking(self._screen, False)
        seen = b""
        try:
            while piece := os.read(self._screen, 65536):
                seen += piece
        except BlockingIOError:
            pass
        return seen.decode().replace("\r\n", "\n")

    def close(self) -> None:
        self.stream.close()
        os.close(self._screen)


@pytest.fixture
def terminal() -> Iterator[Callable[[int], Terminal]]:
    """Return a way to open terminals of a width."""
    opened: list[Terminal] = []

    def make(columns: int = 80) -> Terminal:
        opened.append(Terminal(columns))
        return opened[-1]

    yield make
    for one in opened:
        one.close()
