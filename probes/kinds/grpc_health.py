"""This file is for asking a gRPC server how it is, by the standard health service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from probes.fields import Duration
from probes.grpc_health_wire import METHOD, BadCertificates, Call, NoExtra, Reply, health_of
from probes.net.building import Built
from probes.net.flight import Phase
from probes.net.reach import tls_for
from probes.operators import shown
from probes.outcome import Check, Evidence, broken, check, control
from probes.places import Host, Port, home_of, host_of, port_of
from probes.probe import Probe
from probes.request import RequestTemplate, fill
from probes.session import TargetError

if TYPE_CHECKING:
    from probes.session import Session

MetadataName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,100}$")]

_NOT_SENT = frozenset({"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"})  # gRPC has its own
_WITHOUT_WORDS = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})  # nobody answered: a trouble of reaching, not an answer


class GrpcHealth(Probe, kind="grpc_health"):
    """Ask `grpc.health.v1.Health/Check` for a service, and see that it is SERVING.

    Needs the extra `grpc`. Source: the gRPC health checking protocol (grpc/grpc, doc/health-checking.md).
    The control: a service that cannot exist is not known, so that the server does not say the same of everything.
    """

    extra: ClassVar[str] = "grpc"

    host: Host | None = None  # default: the target's own; may hold `{{vars.name}}`
    port: Port | None = None  # 1 to 65535, or `{{vars.name}}`; default: that of the target's `base_url`
    tls: bool | None = None  # whether it speaks TLS; default: whether the target's `base_url` is https
    service: str = Field(default="", max_length=500)  # its full name, such as booking.v1.Bookings; default: the server as a whole
    expect: Literal["SERVING", "NOT_SERVING"] = "SERVING"  # what it must say
    metadata: dict[MetadataName, str] = Field(default_factory=dict)  # sent with the question, to the target's own port only
    anonymous: bool = False  # true: without the target's credentials and default headers
    within: Annotated[Duration, Field(gt=0)] = 5.0  # of one question, connecting included
    warn_above: Duration | None = None  # soft: a later answer is degraded

    @model_validator(mode="after")
    def _can_be_sent(self) -> GrpcHealth:
        wrong = next((name for name in self.metadata if name.startswith("grpc-") or name.endswith("-bin")), None)
        if wrong is not None:
            raise ValueError(
                f"'{wrong}' cannot be sent: names that start with 'grpc-' are gRPC's own, those that end in '-bin' binary"
            )
        foreign = next((name for name, value in self.metadata.items() if not (value.isascii() and value.isprintable())), None)
        if foreign is not None:
            raise ValueError(f"the value of '{foreign}' cannot be sent: metadata is printable ASCII")
        if self.warn_above is not None and self.warn_above >= self.within:
            raise ValueError("'warn_above' should be shorter than 'within', or it never warns")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        try:
            service = str(fill(self.service, session.values))
            reply, title = await self._ask_for(session, service)
            yield self._judged(session, reply, service, title)
            if self.warn_above is not None:
                yield self._in_time(session)
            yield await self._control(session)
        except (NoExtra, BadCertificates) as problem:
            yield broken("a gRPC channel can be made", str(problem))

    def _judged(self, session: Session, reply: Reply, service: str, title: str) -> Check:
        who = f"the service '{service}'" if service else "the server as a whole"
        proof = Evidence("grpc", title, {"code": reply.code, "status": reply.status, "details": shown(reply.details)})
        return check(
            f"{who} is {self.expect}",
            holds=reply.status == self.expect,
            expected=self.expect,
            observed=reply.status or reply.code,
            say=f"{session.target.name} {_in_words(reply, service)} ({title})",
            evidence=proof,
        )

    def _in_time(self, session: Session) -> Check:
        took_s = session.exchanges[-1].duration_s
        took = f"{took_s * 1000:.0f} ms"
        say = f"{session.target.name} took {took} to say how it is, longer than {self.warn_above:g} s"
        holds = took_s <= (self.warn_above or 0)
        return check("it is quick", holds=holds, soft=True, expected=f"≤ {self.warn_above:g} s", observed=took, say=say)

    async def _control(self, session: Session) -> Check:
        """Ask for a service that cannot exist."""
        stranger = f"vedette.{session.nonce}"
        try:
            reply, title = await self._ask_for(session, stranger)
        except TargetError as problem:
            reply, title = Reply("UNAVAILABLE", str(problem)), f"GRPC {METHOD}"
        unknown = reply.code == "NOT_FOUND" or reply.status == "SERVICE_UNKNOWN"
        said = reply.status or reply.code
        return control(
            "a service that cannot exist is not known",
            holds=unknown,
            expected="NOT_FOUND, or SERVICE_UNKNOWN",
            observed=said,
            say=f"not proven: of the service '{stranger}', which cannot exist, {session.target.name} says {said} too, "
            f"so its answers may mean nothing ({title})",
        )

    async def _ask_for(self, session: Session, service: str) -> tuple[Reply, str]:
        """Return the reply and the title of the call. Raises: TargetError where nobody answers."""
        target = session.target
        own_host, own_port = home_of(target)
        host = host_of(self.host, session.values) if self.host else own_host
        port = port_of(self.port, session.values) if self.port is not None else own_port
        secure = urlsplit(target.base_url).scheme == "https" if self.tls is None else self.tls
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        built = self._built(session, f"{'https' if secure else 'http'}://{authority}{METHOD}")
        metadata = [(name.decode("ascii").lower(), value.decode("latin-1")) for name, value in built.request.headers]
        call = Call(
            service=service,
            authority=authority,
            metadata=[pair for pair in metadata if pair[0] not in _NOT_SENT],
            user_agent=session.builder.user_agent,
            within_s=self.within,
            tls=tls_for(target, host, port) if secure else None,
            server_name=host,
        )
        title = f"GRPC {METHOD} at {authority}, correlation id {built.correlation_id}"
        session.doing = "the health service was asked"
        request = f"GRPC {METHOD}"
        async with session.find(host, port, scheme="grpc", request=request, correlation_id=built.correlation_id) as found:
            found.flight.phase = Phase.FIRST_BYTE
            reply = await health_of(call, found)
            if reply.code in _WITHOUT_WORDS:
                raise found.trouble(f"{target.name} {_unreached(reply, self.within)} ({title})")
        return reply, title

    def _built(self, session: Session, url: str) -> Built:
        headers = {name: str(value) for name, value in fill(self.metadata, session.values).items()}
        return session.builder.build(RequestTemplate.model_construct(path=url, headers=headers, anonymous=self.anonymous))


def _in_words(reply: Reply, service: str) -> str:
    """Return what the server says, after the target's name."""
    who = f"its service '{service}'" if service else "the server as a whole"
    if reply.status:
        return f"says that {who} is {reply.status}"
    if reply.code == "OK":
        return f"answers the question for its health with {reply.details}"
    if reply.code == "UNIMPLEMENTED":
        return "has no health service: register grpc.health.v1.Health with the server"
    if reply.code == "NOT_FOUND":
        return f"does not know {who}"
    if reply.code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return f"does not say how it is without other credentials ({reply.code})"
    if "http2 header with status" in reply.details or "content-type" in reply.details.lower():
        return f"does not answer in gRPC, something before it does: {reply.details[:120]}"
    return f"answers {reply.code} to the question for its health: {reply.details[:120] or 'without a reason'}"


def _unreached(reply: Reply, within_s: float) -> str:
    """Return why nobody answered, after the target's name."""
    details = reply.details.lower()
    if reply.code == "DEADLINE_EXCEEDED":
        return f"did not say how it is within {within_s:g} s"
    if "connection refused" in details:
        return "refused the connection"
    if "parsing http/2" in details or "http1" in details or "settings frame" in details:
        return "does not speak gRPC there: the answer is not HTTP/2"
    if "http2 header with status" in details:
        return f"does not answer in gRPC, something before it does: {reply.details[:120]}"
    if "ssl" in details or "certificate" in details or "handshake" in details:
        return f"did not agree on TLS: {reply.details.rpartition(': ')[2][:120]}"
    return f"could not be asked how it is: {reply.details[:160] or 'no reason was given'}"
