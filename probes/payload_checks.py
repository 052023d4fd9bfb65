"""This file is for what the payloads sent at one field add up to: the checks of `input_validation`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from probes.expect import Expectation
from probes.net.answer import Answer
from probes.outcome import Check, Evidence, Verdict, check, control, note
from probes.payload_trials import Aim, Came, Tried, evidence_of
from probes.payloads import CALLED, Family
from probes.reflection import came_back, echo, effect, talk

_SHOWN = 2  # answers that the evidence of one check holds
_LISTED = 20  # payloads that it lists
_BY_A_PROXY = frozenset({411, 413, 414, 431})  # a server in front refuses these, in a form of its own


@dataclass(frozen=True, slots=True)
class Field:
    """What was tried at one field. `title` is the request for sentences, `known` is what a good answer shows anyway."""

    aim: Aim
    tried: Sequence[Tried]
    title: str
    may_echo: bool
    refused: str  # statuses for people
    form: Expectation | None
    known: frozenset[str] = frozenset()
    reads_back: bool = False
    kept: list[str] = field(default_factory=list)

    @property
    def at(self) -> str:
        return self.aim.where.at

    def checks(self) -> Iterator[Check]:
        """Yield everything that can be said of the field."""
        yield from self._refusals()
        yield self._stands()
        yield from self._echoes()
        yield self._effects()
        yield self._talk()
        if self.form is not None:
            yield from self._forms(self.form)
        if self.aim.literally:
            yield self._seen_again()
        if any(one.came is Came.UNJUDGED for one in self.tried):
            yield self._unjudged()

    def _refusals(self) -> Iterator[Check]:
        for family in Family:
            mine = [one for one in self.tried if one.payload.family is family and self.aim.must_refuse(one.payload)]
            judged = [one for one in mine if one.came in (Came.ACCEPTED, Came.REFUSED, Came.ODD)]
            if not judged:
                continue
            wrong = [one for one in judged if one.came is not Came.REFUSED]
            yield check(
                f"{self.at} refuses {CALLED[family]}",
                holds=not wrong,
                expected=f"{self.refused} for {len(judged)} payloads",
                observed=f"{len(judged) - len(wrong)} of {len(judged)} refused",
                say=self._accepted(wrong, len(judged)) if wrong else "",
                evidence=_evidence(wrong),
            )

    def _accepted(self, wrong: Sequence[Tried], judged: int) -> str:
        first = wrong[0]
        more = f", and {len(wrong) - 1} more of the {judged} payloads of this sort" if len(wrong) > 1 else ""
        if first.came is Came.ODD:
            status = first.answer.status if first.answer else ""
            said = f"answered {first.payload.called} with {status} instead of {self.refused}"
        else:
            said = f"accepted {first.payload.called}"
        return f"the field {self.at} {said}{more} {self._where(first)}"

    def _stands(self) -> Check:
        broke = [one for one in self.tried if one.came in (Came.BROKE, Came.SILENT)]
        say = ""
        if broke:
            how = "broke the target" if broke[0].came is Came.BROKE else "left the target without an answer"
            say = f"{broke[0].payload.called} in the field {self.at} {how}{_more(broke)} {self._where(broke[0])}"
        return check(
            f"{self.at}: no payload breaks the target",
            holds=not broke,
            expected="an answer below 500",
            observed=f"{len(self.tried) - len(broke)} of {len(self.tried)} answered so",
            say=say,
            evidence=_evidence(broke),
        )

    def _echoes(self) -> Iterator[Check]:
        seen = [
            (one, found, a) for one in self.tried for a in one.answers if (found := echo(a, one.payload, may_echo=self.may_echo))
        ]
        for soft in (False, True):
            hurts = [(one, found, answer) for one, found, answer in seen if found.soft is soft]
            if soft and not hurts:
                continue
            say = ""
            if hurts:
                one, found, answer = hurts[0]
                stored = ", when it was read back," if answer is one.read else ""
                more = _more([one for one, _, _ in hurts])
                say = f"the field {self.at} gave {one.payload.called}{stored} {found.how}{more} {self._where(one, answer)}"
            yield check(
                f"{self.at}: what comes back cannot be guessed to be markup"
                if soft
                else f"{self.at}: nothing comes back unescaped",
                holds=not hurts,
                soft=soft,
                expected="nowhere, or escaped",
                observed=f"{len(hurts)} answers" if hurts else "in no answer",
                say=say,
                evidence=[evidence_of(answer) for _, _, answer in hurts[:_SHOWN]],
            )

    def _effects(self) -> Check:
        seen = [(one, what, answer) for one in self.tried for answer in one.answers if (what := effect(answer, one.payload))]
        say = ""
        if seen:
            one, what, answer = seen[0]
            say = f"{one.payload.called} in the field {self.at} {what}{_more([t for t, _, _ in seen])} {self._where(one, answer)}"
        return check(
            f"{self.at}: no payload takes effect",
            holds=not seen,
            expected="no template computed, no header made, no file served",
            observed=f"{len(seen)} answers show an effect" if seen else "none did",
            say=say,
            evidence=[evidence_of(answer) for _, _, answer in seen[:_SHOWN]],
        )

    def _talk(self) -> Check:
        seen = [
            (one, kinds, answer)
            for one in self.tried
            for answer in one.answers
            if (kinds := [kind for kind in talk(answer, one.payload) if kind not in self.known])
        ]
        say = ""
        if seen:
            one, kinds, answer = seen[0]
            shows = f"shows {' and '.join(kinds)}{_more([t for t, _, _ in seen])}"
            say = f"the answer to {one.payload.called} in the field {self.at} {shows} {self._where(one, answer)}"
        return check(
            f"{self.at}: no answer tells of the target's inside",
            holds=not seen,
            expected="no stack trace, database error, path or secret",
            observed=f"{len(seen)} answers do" if seen else "none does",
            say=say,
            evidence=[evidence_of(answer) for _, _, answer in seen[:_SHOWN]],
        )

    def _forms(self, form: Expectation) -> Iterator[Check]:
        refused = [
            o for o in self.tried if o.came is Came.REFUSED and o.answer is not None and o.answer.status not in _BY_A_PROXY
        ]
        if not refused:
            return
        wrong = [(one, made) for one in refused for made in form.judge(one.answer) if made.verdict is Verdict.FAIL]  # type: ignore[arg-type]
        say = (
            f"a refusal for the field {self.at} has not the declared form: {wrong[0][1].say} [{wrong[0][0].payload.name}]"
            if wrong
            else ""
        )
        yield check(
            f"{self.at}: refusals have the declared form",
            holds=not wrong,
            expected="the form of `error_form`",
            observed=f"{len({one.payload.name for one, _ in wrong})} of {len(refused)} have not"
            if wrong
            else f"{len(refused)} have",
            say=say,
            evidence=_evidence([one for one, _ in wrong]),
        )

    def _seen_again(self) -> Check:
        name = f"{self.at}: what was accepted was seen again"
        taken = [one for one in self.tried if one.came is Came.ACCEPTED and one.payload.marker]
        again = [
            one
            for one in taken
            if any(came_back(answer, one.payload) for answer in one.answers if answer is one.read or not self.reads_back)
        ]
        if not self.reads_back:
            where = "the answers repeat it" if again else "no answer repeats it; give `read_back` to see where it is shown"
            return note(name, where)
        if not taken:
            return note(name, "nothing with markup was accepted")
        return control(
            name,
            holds=bool(again),
            expected="its marker in the answer to `read_back`",
            observed=f"{len(again)} of {len(taken)}",
            say=f"what the field {self.at} accepted was not found where `read_back` looks, so nobody knows how it is shown "
            f"{self._where(taken[0])}",
            evidence=_evidence(taken[:1]),
        )

    def _unjudged(self) -> Check:
        left = [one for one in self.tried if one.came is Came.UNJUDGED]
        statuses = " and ".join(sorted({str(one.answer.status) for one in left if one.answer}))
        return control(
            f"{self.at}: every payload was judged by its value",
            holds=False,
            expected="accepted or refused",
            observed=f"{len(left)} of {len(self.tried)} answered {statuses}",
            say=f"{len(left)} of {len(self.tried)} payloads for the field {self.at} were answered {statuses}, which says nothing "
            f"about the value {self._where(left[0])}",
            evidence=_evidence(left),
        )

    def _where(self, one: Tried, answer: Answer | None = None) -> str:
        """Return where to look. The path stays as the good request has it: a payload may stand in it."""
        seen = answer or one.answer
        if seen is None:
            known = one.trouble.exchange.correlation_id if one.trouble and one.trouble.exchange else ""
            return f"(payload {one.payload.name}; {self.title}{f', correlation id {known}' if known else ''})"
        title = "`read_back`" if seen is one.read else self.title
        return f"(payload {one.payload.name}; {title} answered {seen.status}, correlation id {seen.correlation_id})"


def _more(several: Iterable[Tried]) -> str:
    others = len(dict.fromkeys(one.payload.name for one in several)) - 1
    return f", and so did {others} more payload{'' if others == 1 else 's'}" if others > 0 else ""


def _evidence(several: Sequence[Tried]) -> list[Evidence]:
    if not several:
        return []
    listed = [
        {"payload": one.payload.name, "status": one.answer.status if one.answer else None,
         "correlation_id": one.answer.correlation_id if one.answer else "", "trouble": str(one.trouble or "")}
        for one in several[:_LISTED]
    ]  # fmt: skip
    shown = [evidence_of(one.answer) for one in several if one.answer is not None][:_SHOWN]
    return [
        Evidence("payloads", f"{len(several)} payloads", {"payloads": listed, "left_out": max(0, len(several) - _LISTED)}),
        *shown,
    ]
