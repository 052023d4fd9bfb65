"""This file is for what is kept of a journey: pictures, the console and Playwright's trace, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.outcome import Evidence

if TYPE_CHECKING:
    from probes.browsing.traffic import Traffic
    from probes.session import Session

_PICTURE_S = 3.0
_TRACE_S = 5.0
_PICTURES = 20
_TRACE_BYTES = 32 * 1024 * 1024
_HIDDEN = "input[type=password]"


class Keep(StrEnum):
    """When pictures, console and trace of a journey are kept."""

    ON_FAILURE = "on_failure"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(slots=True)
class Artifacts:
    """The files of one journey. Fields that hold secrets are covered in pictures; with secrets there is no trace."""

    session: Session
    keep: Keep
    traces: bool  # false where the trace would hold a secret
    trouble: str = ""  # why something could not be kept
    _folder: Path | None = None
    _covered: list[Any] = field(default_factory=list)
    _pictures: list[tuple[Path, Evidence, bool]] = field(default_factory=list)
    _tracing: Any = None

    def hide(self, place: Any) -> None:
        """Cover an element in every picture from now on."""
        self._covered.append(place)

    async def begin(self, context: Any) -> None:
        """Begin to write the trace."""
        if self.traces and self.keep is not Keep.NEVER:
            await context.tracing.start(screenshots=False, snapshots=True, sources=False)
            self._tracing = context.tracing

    async def picture(self, page: Any, name: str, *, asked_for: bool = False) -> list[Evidence]:
        """Take a picture of what can be seen. A page that does not let itself be pictured is no failure of its own."""
        if self.keep is Keep.NEVER or len(self._pictures) >= _PICTURES:
            return []
        try:
            async with asyncio.timeout(_PICTURE_S):
                mask = [page.locator(_HIDDEN), *self._covered]
                raw = await page.screenshot(mask=mask, timeout=_PICTURE_S * 1000, animations="disabled", caret="initial")
        except Exception:  # a page that hangs, or is gone
            return []
        kept = self._written(f"{name}.png", raw, "the page" if asked_for else "the page where the journey failed")
        self._pictures += [(Path(str(made.data["path"])), made, asked_for) for made in kept]
        return kept

    async def finish(self, traffic: Traffic, *, failed: bool) -> list[Evidence]:
        """Write console and trace where they are kept, and take away what is not. Returns the evidence of what stays."""
        keeps = self.keep is Keep.ALWAYS or (failed and self.keep is Keep.ON_FAILURE)
        trace = await self._trace(keeps)
        if not keeps:
            for path, _, _ in self._pictures:
                path.unlink(missing_ok=True)
            self._remove_empty()
            return []
        kept = [evidence for _, evidence, asked_for in self._pictures if asked_for]
        if traffic.console:
            text = self.session.redactor.text("\n".join(traffic.console))
            kept += self._written("console.log", text.encode("utf-8"), "what the pages wrote to the console")
        return kept + trace

    async def _trace(self, keeps: bool) -> list[Evidence]:
        tracing, self._tracing = self._tracing, None
        if tracing is None:
            return []
        try:
            async with asyncio.timeout(_TRACE_S):
                if not keeps:
                    await tracing.stop()
                    return []
                path = self._place("trace.zip")
                await tracing.stop(path=str(path))
        except Exception:  # a browser that is gone leaves no trace
            return []
        if path.stat().st_size > _TRACE_BYTES:
            path.unlink()
            return []
        path.chmod(0o600)
        return [_evidence("Playwright's trace, for `playwright show-trace`", path)]

    def _written(self, name: str, raw: bytes, summary: str) -> list[Evidence]:
        try:
            path = self._place(name)
            path.write_bytes(raw)
            path.chmod(0o600)
        except OSError as problem:
            self.trouble = f"'{name}' could not be kept: {problem.strerror or problem}"
            return []
        return [_evidence(summary, path)]

    def _place(self, name: str) -> Path:
        """Return a path in the journey's own folder, which nobody else may read."""
        if self._folder is None:
            parent = self.session.artifacts
            if parent is not None:
                parent.mkdir(parents=True, exist_ok=True)
            scenario = re.sub(r"[^A-Za-z0-9]+", "-", self.session.subject.scenario).strip("-").lower()[:60]
            prefix = f"{self.session.now():%Y%m%dT%H%M%SZ}-{scenario}-" if parent is not None else "vedette-artifacts-"
            self._folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        return self._folder / name

    def _remove_empty(self) -> None:
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


def _evidence(summary: str, path: Path) -> Evidence:
    return Evidence("artifact", f"{summary}: {path}", {"path": str(path)})  # the path is what people look for in any report
