"""This file is for the contract of a fault lever: what breaks something on purpose, and surely mends it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from probes.fields import Configured

if TYPE_CHECKING:
    from probes.session import Session


class LeverError(Exception):
    """A lever did not move. The text is one clear sentence without secrets."""


class Lever(Configured):
    """The base of all levers; `lever:` in the file names the kind, the file's own name.

    Kinds never call these methods: `session.fault(NAME)` does, with the undo journalled before the deed.
    """

    lever_name: ClassVar[str] = ""

    def __init_subclass__(cls, lever: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        if lever:
            cls.lever_name = lever

    @abstractmethod
    async def inject(self, session: Session) -> None:
        """Put the fault in. Raises: LeverError."""

    @abstractmethod
    async def undo(self, session: Session) -> None:
        """Take the fault out; safe to call again and when it is not in. Raises: LeverError."""

    def describe(self) -> str:
        """Return what a person would call this lever, without secrets."""
        return self.lever_name.replace("_", " ")
