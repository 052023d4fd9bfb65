"""This file is for deciding who may come in: the token or the session of a request, and the scope that a route wants."""

from __future__ import annotations

from starlette.requests import Request

from reports.store.ledger.tokens import Token
from vedette.service.access import Caller, Scope
from vedette.service.problems import Problem
from vedette.service.security.listening import tokens_required
from vedette.service.security.openings import Openings
from vedette.service.security.roster import Roster
from vedette.service.security.sessions import COOKIE, Session, Sessions
from vedette.service.security.throttle import Throttle
from vedette.service.state import Service

ANYBODY = Caller("anonymous", frozenset(Scope))  # where no token is asked for
STRANGER = Caller("anonymous", frozenset())  # at a route that is open for everybody


class Guard:
    """Knows who asks. `GateMiddleware` asks it once for each request, before any route; routes say only which scope they want."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self.required = tokens_required(settings)
        self.openings = Openings(settings.open_routes)
        self.roster = Roster(service.tokens, clock=service.clock)
        self.sessions = Sessions(settings.state, clock=service.clock)
        self.throttle = Throttle()
        if self.required:
            self.sessions.ready()

    async def admit(self, request: Request, scope: Scope) -> Caller:
        """Return the caller, who has the scope. Raises: Problem 401 or 403."""
        caller = caller_of(request)
        if caller is None:
            caller = await self.identify(request)
        if caller is STRANGER or scope in caller.scopes:
            return caller
        has = ", ".join(sorted(caller.scopes)) or "none"
        raise Problem(
            403,
            f"the token '{caller.name}' has not the scope '{scope}' (it has {has})",
            headers={"WWW-Authenticate": f'Bearer realm="vedette", error="insufficient_scope", scope="{scope}"'},
        )

    async def identify(self, request: Request) -> Caller:
        """Return who asks. Raises: Problem 401 where a token is needed and none was shown that is right."""
        if self.openings.holds(request.scope["path"]):
            return STRANGER
        token = await self._token_of(request)
        if token is not None:
            self.roster.used(token)
        if not self.required:
            return ANYBODY if token is None else Caller(token.name, ANYBODY.scopes, token.id)
        if token is None:
            raise self._refused(request)
        return Caller(token.name, frozenset(s for s in Scope if s in token.scopes), token.id)

    def session_of(self, request: Request) -> Session | None:
        """Return the session that a browser's cookie says, whatever has become of its token."""
        cookie = request.cookies.get(COOKIE, "")
        return self.sessions.read(cookie) if cookie else None

    def form_token(self, request: Request) -> str:
        """Return what a form must send back as `csrf`, or a script as `X-CSRF-Token`; empty without a session."""
        session = self.session_of(request)
        return self.sessions.form_token(session) if session is not None else ""

    async def close(self) -> None:
        await self.roster.close()

    async def _token_of(self, request: Request) -> Token | None:
        given = request.headers.get("authorization")
        if given is not None:  # a header that is wrong is not made good by a cookie
            scheme, _, text = given.partition(" ")
            return await self.roster.of_text(text.strip()) if scheme.lower() == "bearer" else None
        session = self.session_of(request)
        return await self.roster.of_id(session.token_id) if session is not None else None

    @staticmethod
    def _refused(request: Request) -> Problem:
        if "authorization" in request.headers:
            why, error = "the token is wrong, expired or revoked", ', error="invalid_token"'
        elif COOKIE in request.cookies:
            why, error = "the session is over: sign in again at /login", ', error="invalid_token"'
        else:
            why, error = "a token is needed: send it as 'Authorization: Bearer …', or sign in at /login", ""
        return Problem(401, why, headers={"WWW-Authenticate": f'Bearer realm="vedette"{error}'})


def caller_of(request: Request) -> Caller | None:
    """Return who the gate found out asks, or None where the request did not come through the gate."""
    return request.scope.get("state", {}).get("caller")  # type: ignore[no-any-return]
