"""This file is for breaking something by asking the target, or a helper beside it, over HTTP to break it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from probes.faults.lever import Lever, LeverError
from probes.fields import Configured, Duration, HeaderValue, Secret
from probes.outcome import Json
from probes.request import RequestTemplate, UnknownVariable, names_in

if TYPE_CHECKING:
    from probes.session import Session

UNDO_WAITS_S = (0.2, 1.0)  # between the tries of an undo: a service under a fault may be slow to listen
_STABLE = "vars."  # all that an undo in another process, perhaps days later, still has of `{{name}}` places


class Hook(Configured):
    """One request of a lever. What comes from the environment counts as a secret and is journalled as `${NAME}`."""

    method: str = Field("POST", pattern=r"^[A-Za-z]{1,20}$")  # of the request
    path: HeaderValue  # below the target's base address, or a full address
    headers: dict[str, HeaderValue] = Field(default_factory=dict)  # beside the target's own
    json_body: Any = Field(None, alias="json")  # a JSON body
    expect_status: int | list[int] | None = None  # default: any 2xx
    timeout: Duration | None = None  # default: the target's `limits.request`

    def accepts(self, status: int) -> bool:
        if self.expect_status is None:
            return 200 <= status < 300
        return status in ([self.expect_status] if isinstance(self.expect_status, int) else self.expect_status)

    @property
    def expected(self) -> str:
        if self.expect_status is None:
            return "2xx"
        return str(self.expect_status) if isinstance(self.expect_status, int) else " or ".join(map(str, self.expect_status))

    @property
    def title(self) -> str:
        return f"{self.method.upper()} {self.path.origin if isinstance(self.path, Secret) else self.path}"

    def as_request(self, session: Session) -> tuple[RequestTemplate, dict[str, Any]]:
        """Return the request and the values for its secrets, which stand in it as places, so that no `{{` in one is filled."""
        values: dict[str, Any] = {}

        def place(value: str | Secret, label: str) -> str:
            if isinstance(value, str):
                return value
            name = f"secret_{len(values)}"
            values[name] = session.plant(value.reveal(), label)
            return f"{{{{{name}}}}}"

        request = RequestTemplate(
            method=self.method,
            path=place(self.path, "fault lever path"),
            headers={name: place(value, f"fault lever header {name}") for name, value in self.headers.items()},
            json=self.json_body,
            timeout=self.timeout,
            follow_redirects=None,
        )
        return request, values


class HttpHook(Lever, lever="http_hook"):
    """Break by one request (`inject`) and mend by another (`undo`).

    `undo` must be safe to send twice, and when nothing is broken; where the answer is then another one
    (404 for a fault that is not in), name it in `expect_status`. It is tried three times.
    """

    inject_hook: Hook = Field(alias="inject")  # the request that breaks
    undo_hook: Hook = Field(alias="undo")  # the request that mends

    @model_validator(mode="after")
    def _undo_stands_alone(self) -> HttpHook:
        hook = self.undo_hook
        for name in _places([hook.path, hook.headers, hook.json_body]):
            if not name.startswith(_STABLE):
                raise ValueError(f"'undo' may not use '{{{{{name}}}}}', because a restore in another run must send the same")
        return self

    async def inject(self, session: Session) -> None:
        await _send(self.inject_hook, session, "put in")

    async def undo(self, session: Session) -> None:
        for wait_s in UNDO_WAITS_S:
            try:
                await _send(self.undo_hook, session, "taken out")
                return
            except LeverError:
                await session.sleep(wait_s)
        await _send(self.undo_hook, session, "taken out")

    def describe(self) -> str:
        return f"HTTP hook {self.inject_hook.title}"


async def _send(hook: Hook, session: Session, deed: str) -> None:
    from probes.session import NotSent, TargetError

    request, values = hook.as_request(session)
    try:
        answer = await session.send(request, values)
    except (TargetError, NotSent, UnknownVariable) as problem:
        raise LeverError(f"the fault was not {deed}: {hook.title}: {problem}") from problem
    if not hook.accepts(answer.status):
        raise LeverError(
            f"the fault was not {deed}: {hook.title} answered {answer.status} instead of {hook.expected} "
            f"(correlation id {answer.correlation_id})"
        )


def _places(value: Json) -> list[str]:
    if isinstance(value, str):
        return names_in(value)
    if isinstance(value, dict):
        return [name for pair in value.items() for part in pair for name in _places(part)]
    if isinstance(value, list):
        return [name for item in value for name in _places(item)]
    return []
