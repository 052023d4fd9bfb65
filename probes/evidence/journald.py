"""This file is for log lines of systemd's journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator

from probes.decoding import understood
from probes.evidence.source import EvidenceError, LogLine, LogSource, LogWindow
from probes.fields import Duration
from probes.redact import Redactor
from probes.running import Program, Ran

_HINT = "Hint: You are currently not seeing"
_ADDRESS = "__"  # what the journal adds itself, such as __CURSOR


@dataclass(frozen=True, slots=True)
class JournalMark:
    """The cursor of the last entry there is, None where there is none."""

    cursor: str | None
    used: int = 0  # bytes of lines since `mark`


class Journald(LogSource, source="journald"):
    """Reads entries of systemd's journal from a cursor on, by `journalctl --output=json`, as a user of the group systemd-journal.

    Without a filter all entries count. The text of a line is the message; with `text: whole` it is a JSON object with all
    fields of the entry, where personal data may stand as well.
    Source: https://www.freedesktop.org/software/systemd/man/latest/journalctl.html and https://systemd.io/JOURNAL_EXPORT_FORMATS/
    """

    unit: str | None = Field(None, min_length=1)  # such as api.service
    identifier: str | None = Field(None, min_length=1)  # the syslog identifier, often the program's name
    container: str | None = Field(None, min_length=1)  # the name of a container whose log driver is journald
    directory: str | None = Field(None, min_length=1)  # of journal files, where it is not the system's journal
    text: Literal["message", "whole"] = "message"  # what a line of evidence is
    timeout: Duration = Field(10.0, gt=0)  # of one run of journalctl
    max_bytes: PositiveInt = 16 * 1024 * 1024  # read since one mark, and of one run; more makes the window cut short

    @model_validator(mode="after")
    def _no_container_of_a_unit(self) -> Journald:
        if self.container is not None and (self.unit is not None or self.identifier is not None):
            raise ValueError("a container writes under Docker's unit; give 'container' alone")
        return self

    def describe(self) -> str:
        given = {"unit": self.unit, "identifier": self.identifier, "container": self.container}
        narrowed = ", ".join(f"{name} {value}" for name, value in given.items() if value)
        return f"journal ({narrowed})" if narrowed else "journal"

    async def mark(self) -> JournalMark:
        """Take the last entry of the whole journal: one of the filter's may be long gone, or there may be none yet."""
        ran = await self._run("--lines=1")
        entries = list(self._entries(ran))
        return JournalMark(str(entries[-1]["__CURSOR"]) if entries else None)

    async def read_since(self, mark: Any) -> LogWindow:
        # --after-cursor would leave out one entry too many where the cursor's own does not match the filter (before systemd 254)
        ran = await self._run(*([f"--cursor={mark.cursor}"] if mark.cursor else []), *self._filters)
        lines, used, cut_short, cursor = [], mark.used, ran.cut_short, mark.cursor
        for entry in self._entries(ran):
            if entry["__CURSOR"] == mark.cursor:
                continue
            line = self._line(entry)
            used += len(line.text)
            if used > self.max_bytes:
                cut_short = True
                break
            lines.append(line)
            cursor = str(entry["__CURSOR"])
        remarks = (f"more than {self.max_bytes} bytes were logged; the rest was not read",) if cut_short else ()
        return LogWindow(tuple(lines), JournalMark(cursor, used), cut_short, remarks)

    @property
    def _filters(self) -> list[str]:
        return [
            *([f"--unit={self.unit}"] if self.unit else []),
            *([f"--identifier={self.identifier}"] if self.identifier else []),
            *([f"CONTAINER_NAME={self.container}"] if self.container else []),
        ]

    async def _run(self, *words: str) -> Ran:
        program = Program(f"command journalctl for the {self.describe()}", self.timeout, self.max_bytes)
        where = [f"--directory={self.directory}"] if self.directory else []
        # without --all, fields of more than 4096 bytes are left out; --quiet would hide that entries may not be seen
        ran = await program.run(["journalctl", "--output=json", "--all", "--no-pager", *where, *words])
        said = ran.err.decode("utf-8", "replace").strip()
        if _HINT in said or "insufficient permissions" in said:
            raise EvidenceError(f"the {self.describe()} could not be read: the user may not see the system's entries")
        if "No journal files were found" in said:
            raise EvidenceError(f"the {self.describe()} could not be read: there are no journal files")
        if said and not ran.cut_short:
            first = Redactor().text(said.splitlines()[0])[:200]
            raise EvidenceError(f"the {self.describe()} could not be read whole: journalctl said '{first}'")
        return ran

    def _entries(self, ran: Ran) -> Iterator[dict[str, Any]]:
        """Yield the entries; the last one may be half where the program was stopped."""
        raw = ran.out.split(b"\n")
        for number, line in enumerate(raw, start=1):
            if not line.strip() or line.startswith(b"-- "):  # such as -- No entries --
                continue
            try:
                entry = json.loads(line)
                _ = entry["__CURSOR"]
            except (ValueError, KeyError, TypeError):
                if ran.cut_short and number == len(raw):
                    return
                raise EvidenceError(
                    f"the {self.describe()} could not be read: entry {number} is not JSON with a cursor"
                ) from None
            yield entry

    def _line(self, entry: dict[str, Any]) -> LogLine:
        fields = {name: _text(value) for name, value in entry.items() if not name.startswith(_ADDRESS)}
        damaged = _is_damaged(entry.get("MESSAGE"))
        if self.text == "whole":
            stamp = {"__REALTIME_TIMESTAMP": entry.get("__REALTIME_TIMESTAMP")}
            return LogLine(json.dumps({**stamp, **fields}, ensure_ascii=False), self.describe(), 0, damaged)
        message = fields.get("MESSAGE", "")
        return LogLine(message if isinstance(message, str) else "\n".join(message), self.describe(), 0, damaged)


def _is_damaged(value: Any) -> bool:
    return _is_bytes(value) and understood(bytes(value))[1]


def _is_bytes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, int) and 0 <= item < 256 for item in value)


def _text(value: Any) -> str | list[str]:
    """Return a field's text: one that is not UTF-8 comes as a list of bytes, one that was given twice as a list of values."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        if _is_bytes(value):
            return understood(bytes(value))[0]
        return [one if isinstance(one := _text(item), str) else " ".join(one) for item in value]
    return str(value)
