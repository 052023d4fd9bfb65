"""This file is for asking over a web socket: the handshake, messages there and back, and who may not come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from probes.fields import Duration
from probes.outcome import Check, Verdict, broken, control
from probes.probe import Probe
from probes.socket_exchange import SocketExchange
from probes.socket_steps import Message, Step
from probes.socket_talk import NoExtra

if TYPE_CHECKING:
    from probes.session import Session


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if value != "null" and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query):
        raise ValueError("should be an origin such as https://evil.example, without a path")
    return value


def _address(value: str) -> str:
    if "://" in value and not value.startswith(("ws://", "wss://", "{{")):
        raise ValueError("should be a path, or an address that starts with ws:// or wss://")
    return value


Origin = Annotated[str, AfterValidator(_origin)]


class Websocket(Probe, kind="websocket"):
    """Open a web socket, and say and hear what `steps` list; or `echo`, which must come back.

    One of the messages holds `{{nonce}}`. Needs the extra `websocket`. Source: RFC 6455.
    The control: two talks with two nonces get two different answers, each with its own, so that no canned message passes.
    """

    extra: ClassVar[str] = "websocket"

    path: Annotated[str, AfterValidator(_address)] = "/"  # below the target's `base_url`, or a full ws:// or wss:// address
    subprotocols: tuple[Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")], ...] = ()  # offered; one must be chosen
    headers: dict[str, str] = Field(default_factory=dict)  # of the handshake, laid over the target's own
    origin: Origin | None = None  # of the page that opens it; default: the target's own
    anonymous: bool = False  # true: without the target's credentials and default headers
    echo: Message | None = None  # a message with `{{nonce}}`; the next one must hold the nonce
    steps: tuple[Step, ...] = ()  # or what is said and heard, in order
    refuses_origin: Origin | None = None  # pages of this origin must not be let in
    refuses_anonymous: bool = False  # true: without credentials nobody is let in
    idle: Duration | None = Field(default=None, gt=0)  # it must stay open so long though nothing is said
    within: Annotated[Duration, Field(gt=0)] = 5.0  # the handshake's time, and that of a step that does not say
    max_bytes: PositiveInt = 1024 * 1024  # of one message

    @model_validator(mode="after")
    def _one_way(self) -> Websocket:
        if bool(self.steps) == (self.echo is not None):
            raise ValueError("give either 'echo' or 'steps'")
        sent = [step.send for step in self.steps if step.send is not None] if self.steps else [self.echo]
        if not any(message is not None and message.holds_nonce for message in sent):
            raise ValueError("one message that is sent should hold '{{nonce}}', so that a canned answer shows")
        if self.steps and not any(step.expect is not None for step in self.steps):
            raise ValueError("the steps expect nothing, so they would prove nothing: add a step 'expect'")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        try:
            first = SocketExchange(self, session, session.nonce)
            async for made in first.checks():
                yield made
            if not first.stopped:
                yield await self._control(session, first)
            async for made in self._strangers(session):
                yield made
        except NoExtra as problem:
            yield broken("the library is there", str(problem))

    async def _control(self, session: Session, first: SocketExchange) -> Check:
        """Talk once more, with another nonce, and compare."""
        second = SocketExchange(self, session, f"{int(session.nonce, 16) ^ 0xFFFFFFFFFFFF:012x}")
        troubles = [made async for made in second.checks() if made.verdict is not Verdict.PASS]
        own = [any(one.nonce in text for text in one.texts) for one in (first, second)]
        crossed = any(first.nonce in text for text in second.texts)
        why = "the answers hold nothing of what was sent"
        if troubles:
            why = f"a second talk went otherwise: {troubles[0].say}"
        elif crossed:
            why = "the second answer holds what was sent in the first talk"
        elif all(own):
            why = ""
        return control(
            "another message gets another answer",
            holds=not why,
            expected="each answer holds what was sent in its own talk",
            observed=why or "so it is",
            say=f"not proven: {why}, so a canned message could not be told from an answer ({first.title})",
        )

    async def _strangers(self, session: Session) -> AsyncIterator[Check]:
        if self.refuses_origin is not None:
            who = f"a page of {self.refuses_origin}"
            name = f"pages of {self.refuses_origin} are not let in"
            harm = "so any site can talk in the name of its visitor (cross-site web socket hijacking)"
            yield await SocketExchange(self, session, session.nonce, origin=self.refuses_origin).refused(name, who, harm)
        if self.refuses_anonymous:
            harm = "so anybody can listen"
            stranger = SocketExchange(self, session, session.nonce, anonymous=True)
            yield await stranger.refused("without credentials nobody is let in", "a caller without credentials", harm)
