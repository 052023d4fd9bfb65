"""This file is for log sources with an HTTP API that knows log entries by their time, such as Loki and Elasticsearch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from pydantic import Field, PositiveInt

from probes.evidence.source import LogSource, LogWindow
from probes.fields import Duration
from probes.log_paging import S_NS, Page, Reading, TimeMark, clock_remark, far, now_ns
from probes.net.api import ApiSource

_CLOCK_TRUSTED_S = 2.0  # a mark is set anew by the server's clock where that is further from ours


class LogApi(LogSource, ApiSource):
    """Reads the entries since a mark, by the server's clock, and again those of the last `overlap`, for what comes late.

    What was there when the mark was set, or was read before, does not count again.
    """

    overlap: Duration = Field(30.0, gt=0)  # how late entries may arrive, or how far their clock may be behind, to be found
    max_skew: Duration = Field(300.0, gt=0)  # how far its clock may be from ours; more is an error
    max_bytes: PositiveInt = 16 * 1024 * 1024  # of one answer, and of all lines since one mark; more makes the window cut short

    @abstractmethod
    async def page(self, start_ns: int, size: int) -> Page:
        """Return entries from `start_ns` (inclusive) on, the oldest first, at most `size`. Raises: EvidenceError."""

    @property
    @abstractmethod
    def sizes(self) -> Sequence[int]:
        """How many entries a page may hold; the next one is for a page that holds entries of one instant only."""

    async def mark(self) -> TimeMark:
        offset_s = 0.0
        reading = await self._baseline(offset_s)
        if reading.clock_offset_s is not None:
            if abs(reading.clock_offset_s) > self.max_skew:
                raise self.unread(
                    f"its clock is {far(reading.clock_offset_s)}, so it cannot be told what was logged when "
                    f"(max_skew {self.max_skew:g} s)"
                )
            if abs(reading.clock_offset_s) > _CLOCK_TRUSTED_S:
                offset_s = reading.clock_offset_s
                reading = await self._baseline(offset_s)
        remarks = clock_remark(self.describe(), reading.clock_offset_s)
        return TimeMark(reading.mark.start_ns, offset_s, reading.known, 0, remarks)

    async def _baseline(self, offset_s: float) -> Reading:
        """Read what is there already. Raises: EvidenceError, also where not all of it could be read."""
        start = TimeMark(now_ns(offset_s) - int(self.overlap * S_NS), offset_s)
        reading = await Reading(self.page, start, self.max_bytes, self.sizes).run()
        if reading.cut_short:
            raise self.unread(
                f"what was logged in the last {self.overlap:g} s could not all be read ({'; '.join(reading.remarks)}); "
                "narrow the query, or lower 'overlap'"
            )
        return reading

    async def read_since(self, mark: Any) -> LogWindow:
        began_ns = now_ns(mark.clock_offset_s)
        reading = await Reading(self.page, mark, self.max_bytes, self.sizes).run()
        return reading.window(began_ns, self.overlap)
