"""This file is for asking whether personal data that a target receives ends up in its logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from probes.dangers import Danger
from probes.fields import Duration, LogRef
from probes.leaks import Leak, Scanner, blind_spots, counted, first_place
from probes.log_watch import LogWatch
from probes.operators import found, pattern
from probes.outcome import Check, Evidence, check, control, note
from probes.planted_requests import Ours, PlantingRequest, Sent, answered, is_of, lines_of, send
from probes.planting import NAMESPACE, PLANTABLE, plant, planted_in
from probes.probe import Probe
from probes.session import Session

_POLL_S = (0.1, 1.0)  # between two looks at the logs: first, at most
_SHOWN = 20  # places that the evidence of one check lists
_CALLED = {
    "email": "email address",
    "phone": "phone number",
    "name": "name",
    "token": "token",
    "password": "password",
    "iban": "iban (bank account)",
    "card": "card number",
    "ip": "ip address",
    "bearer": "access token",
    "jwt": "JSON web token",
    "connection": "connection string with credentials",
}

Plantable = Literal["email", "phone", "name", "token", "password", "iban", "card", "ip"]
Detected = Literal["email", "phone", "iban", "card", "bearer", "jwt", "password", "connection"]


def _regex(text: str) -> str:
    pattern(text)
    return text


Regex = Annotated[str, AfterValidator(_regex)]


class LogPrivacy(Probe, kind="log_privacy", dangers={Danger.PERSONAL_DATA_IN_LOGS}):
    """Send personal data that belongs to nobody, then look for it in the logs, in every encoding.

    Requests hold `{{planted.email}}`, `.phone`, `.name`, `.token`, `.password`, `.iban`, `.card` or `.ip`: values that
    are fresh for each run. Give requests for the success path, a validation error and a server error, with the
    values in body, query, headers and path. The probe also lets detectors look for anybody else's data in the lines
    that were written meanwhile. What it cannot find: salted hashes, compressed or encrypted text, partly masked values.
    """

    requests: Annotated[tuple[PlantingRequest, ...], Field(min_length=1)]  # what is sent, one after the other
    plant: tuple[Plantable, ...] = ()  # the kinds that the requests must hold; default: those that they hold
    phone_country: Literal["DE", "GB", "US", "FR"] = "DE"  # whose numbers for fiction are used
    logs: tuple[LogRef, ...] = ()  # default: all log sources of the target
    markers: tuple[str, ...] = ()  # signs of redaction that lines of our requests must hold, such as "[EMAIL_REDACTED]"
    allow: tuple[Regex, ...] = ()  # what detectors may find, such as ^noreply@example\.org$; never clears planted values
    wait: Duration = 10.0  # for the log line of each request
    settle: Duration = 1.0  # more reading after that, for what is logged late
    detectors: tuple[Detected, ...] = ("email", "phone", "iban", "card", "bearer", "jwt")  # beside what was planted

    @model_validator(mode="after")
    def _plants_something(self) -> LogPrivacy:
        held = self._held()
        unknown = [kind for kind in held if kind not in PLANTABLE]
        if unknown:
            raise ValueError(f"there is no '{{{{planted.{unknown[0]}}}}}'; there is {', '.join(PLANTABLE)}")
        if not held:
            raise ValueError("no request holds a planted value; write for example '{{planted.email}}' into its body")
        for kind in self.plant:
            if kind not in held:
                raise ValueError(f"'plant' names '{kind}', but no request holds '{{{{planted.{kind}}}}}'")
        if self.plant and set(held) - set(self.plant):
            extra = sorted(set(held) - set(self.plant))[0]
            raise ValueError(f"a request holds '{{{{planted.{extra}}}}}', but 'plant' does not name '{extra}'")
        return self

    def variables(self) -> frozenset[str]:
        return frozenset({NAMESPACE})

    def _held(self) -> list[str]:
        """Return the kinds that the requests hold, in order."""
        return list(dict.fromkeys(kind for one in self.requests for kind in planted_in(one.request.model_dump())))

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        planted = [plant(kind, session.nonce, phone_country=self.phone_country) for kind in self._held()]
        for item in planted:
            for value in item.sought:
                session.plant(value, f"planted {item.kind}")
        yield _scan_is_sound(blind_spots(planted, self.detectors))

        session.doing = "setting marks in the logs"
        sent: list[Sent] = []
        scanner = Scanner(planted, self.detectors, self._allowed)
        # Lines of others are scanned as they come, and not kept: there may be any number of them.
        ours = Ours(session.nonce, sent)
        watch = await LogWatch.begin(session.log_sources(self.logs), keep=ours, told=scanner.feed)
        for number, request in enumerate(self.requests):
            session.doing = f"sending the request '{request.name}'"
            one = await send(session, request, number, planted)
            sent.append(one)
            yield answered(one)
        await self._read(session, watch, sent)
        for made in self._control(watch, sent):
            yield made
        result = scanner.result()
        for item in planted:
            for made in _no_leak(item.kind, [leak for leak in result.planted if leak.kind == item.kind], sent, watch):
                yield made
        yield _no_others(result.others, sent, watch)
        for marker in self.markers:
            yield _marked(marker, watch, sent)

    def _allowed(self, text: str) -> bool:
        return any(found(text, regex) for regex in self.allow)

    async def _read(self, session: Session, watch: LogWatch, sent: Sequence[Sent]) -> None:
        """Read until a line of each request was found, or the time is over; then on for the settling time."""
        session.doing = f"waiting for the log lines of our {_requests(sent)} ({watch.names})"
        until, pause = session.monotonic() + self.wait, _POLL_S[0]
        await watch.read()
        while not all(lines_of(one, watch) for one in sent) and (left := until - session.monotonic()) > 0:
            await session.sleep(min(pause, left))
            pause = min(pause * 1.5, _POLL_S[1])
            await watch.read()
        session.doing = f"waiting {self.settle:g} s for what is logged late ({watch.names})"
        await session.sleep(self.settle)
        await watch.read()
        await watch.read()  # a last line without an end is given out when it stands still

    def _control(self, watch: LogWatch, sent: Sequence[Sent]) -> Iterator[Check]:
        mine = [one for one in sent if lines_of(one, watch)]
        if not mine:
            strange = f"; {watch.count} lines were written, none with an id of ours" if watch.count else ""
            say = (
                f"nothing was logged for our {_requests(sent)} within {self.wait:g} s, so leaks could not be looked for "
                f"({watch.names}{strange})"
            )
            yield control("the log lines of our requests were found", holds=False, say=say, evidence=watch.evidence())
        else:
            for one in sent:
                say = (
                    f"nothing was logged for our request '{one.request.name}' within {self.wait:g} s, so its leaks could not "
                    f"be looked for ({watch.names}, {one.known_by})"
                )
                name = f"a log line of the request '{one.request.name}' was found"
                yield control(name, holds=one in mine, expected="a line", observed=f"{len(lines_of(one, watch))} lines", say=say)
        say = f"what was logged could not all be read, and what was not read cannot be cleared ({'; '.join(watch.remarks)})"
        yield control("all that was logged meanwhile was read", holds=not watch.cut_short, say=say, evidence=watch.evidence())
        yield from watch.spoke()


def _scan_is_sound(missed: Sequence[str]) -> Check:
    say = f"the scan itself overlooked a planted value in a line made for it ({', '.join(missed[:5])})"
    return control("the scan finds each planted value in each encoding in lines made for it", holds=not missed, say=say)


def _no_leak(kind: str, leaks: Sequence[Leak], sent: Sequence[Sent], watch: LogWatch) -> Iterator[Check]:
    hashed = [leak for leak in leaks if leak.form == "hashed without salt"]
    plain = [leak for leak in leaks if leak not in hashed]
    called = _CALLED[kind]
    yield check(
        f"the planted {called} is not in the logs",
        holds=not plain,
        expected="nowhere, in no encoding",
        observed=counted(plain, watch.count),
        say=f"the planted {called} stands in the logs, {_where(plain, sent)}" if plain else "",
        evidence=_places(plain, sent),
        danger=Danger.PERSONAL_DATA_IN_LOGS,
    )
    if hashed:
        say = f"the planted {called} is pseudonymised only: it stands in the logs {_where(hashed, sent)}"
        yield check(f"the planted {called} is not hashed only", holds=False, soft=True, say=say, evidence=_places(hashed, sent))


def _no_others(leaks: Sequence[Leak], sent: Sequence[Sent], watch: LogWatch) -> Check:
    kinds = " and ".join(dict.fromkeys(_CALLED[leak.kind] for leak in leaks))
    return check(
        "no other personal data or secret is in the logs",
        holds=not leaks,
        expected="none",
        observed=counted(leaks, watch.count),
        say=f"personal data that we did not send stands in the logs: {kinds}, {_where(leaks, sent)}" if leaks else "",
        evidence=_places(leaks, sent),
    )


def _marked(marker: str, watch: LogWatch, sent: Sequence[Sent]) -> Check:
    lines = [line for one in sent for line in lines_of(one, watch)]
    name = f"the redaction marker {marker} is in log lines of our requests"
    if not lines:
        return note(name, f"{marker} was not looked for: no log line of our requests was found")
    return check(
        name,
        holds=any(marker in line.text for line in lines),
        expected=marker,
        observed=f"not in {len(lines)} lines",
        say=f"the redaction marker {marker} is in none of the {len(lines)} log lines of our requests ({watch.names})",
    )


def _where(leaks: Sequence[Leak], sent: Sequence[Sent]) -> str:
    """Say how and where the first leak stands, and how many more there are."""
    first = leaks[0]
    ours = next((f", request '{one.request.name}', {one.known_by}" for one in sent if is_of(first.line, one)), "")
    more = f"; and {len(leaks) - 1} more" if len(leaks) > 1 else ""
    return f"{first.form} ({first.place}{ours}{more})"


def _places(leaks: Sequence[Leak], sent: Sequence[Sent]) -> tuple[Evidence, ...]:
    if not leaks:
        return ()
    places = [
        {
            "kind": leak.kind,
            "encoding": leak.form,
            "where": leak.line.where,
            "line": leak.line.number or None,
            "request": next((one.request.name for one in sent if is_of(leak.line, one)), None),
        }
        for leak in leaks[:_SHOWN]
    ]
    return (Evidence("log positions", first_place(leaks), {"places": places, "left_out": max(0, len(leaks) - _SHOWN)}),)


def _requests(sent: Sequence[Sent]) -> str:
    return f"{len(sent)} request{'' if len(sent) == 1 else 's'}"
