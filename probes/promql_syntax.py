"""This file is for knowing whether a PromQL expression parses, before anybody is asked it.

It refuses what Prometheus refuses (tests compare the two); functions of later versions are known by name.
"""

from __future__ import annotations

import difflib
from functools import lru_cache

from probes.operators import pattern
from probes.promql_nodes import (
    AGGREGATIONS,
    FUNCTIONS,
    MATRIX,
    SCALAR,
    VECTOR,
    Aggregate,
    Binary,
    Call,
    Function,
    Matching,
    Node,
    Number,
    Paren,
    Selector,
    Subquery,
    Text,
    Unary,
)
from probes.promql_tokens import Cursor, PromqlError, Token, number, unquoted, wrong

__all__ = ["PromqlError", "parse", "selector"]

_LEVELS = {"or": 1, "and": 2, "unless": 2, **dict.fromkeys(("==", "!=", "<=", "<", ">=", ">"), 3), "+": 4, "-": 4}
_LEVELS |= {"*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6}
_COMPARING = ("==", "!=", "<=", "<", ">=", ">")
_SETS = ("and", "or", "unless")
_DEEPEST = 60
_OPERATORS_AT_MOST = 200
_NOT_NAMES = frozenset({"atan2", "bool", "on", "ignoring", "group_left", "group_right"})


@lru_cache(512)
def parse(expression: str) -> Node:
    """Return what an expression is made of. Raises: PromqlError."""
    return _Parser(expression).whole()


@lru_cache(512)
def selector(text: str) -> Selector:
    """Return a selector of series such as `http_requests_total{status=~"5.."}`. Raises: PromqlError."""
    node = parse(text)
    if not isinstance(node, Selector) or node.kind != VECTOR or node.moved or not node.name:
        raise PromqlError(
            f"should be a name with conditions on labels, such as http_requests_total{{status=~\"5..\"}}, not '{text[:60]}'"
        )
    return node


class _Parser(Cursor):
    _depth = 0
    _operators = 0

    def whole(self) -> Node:
        node = self._expression(0)
        if self._now.what != "end":
            raise wrong(self._now.column, f"{self._now} is not expected there")
        return node

    def _expression(self, floor: int) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PromqlError(f"this expression is nested more than {_DEEPEST} levels deep")
        left = self._unary()
        while (level := _LEVELS.get(self._operator(), 0)) > floor:
            self._operators += 1
            if self._operators > _OPERATORS_AT_MOST:
                raise PromqlError(f"this expression has more than {_OPERATORS_AT_MOST} operators")
            token = self._take()
            left = self._binary(token, left, level)
        self._depth -= 1
        return left

    def _operator(self) -> str:
        token = self._now
        return token.text.lower() if token.what in ("sign", "word") else ""

    def _unary(self) -> Node:
        if not self._is("-", "+"):
            return self._postfixed()
        token = self._take()
        inner = self._expression(_LEVELS["*"])  # binds as `*` does, so that -2^2 is -(2^2)
        if inner.kind not in (SCALAR, VECTOR):
            raise wrong(token.column, f"'{token.text}' needs a number or an instant vector, not {inner.kind}")
        return Unary(token.text, inner, inner.kind)

    def _binary(self, token: Token, left: Node, level: int) -> Node:
        operator = token.text.lower()
        as_bool = False
        if self._is("bool"):
            as_bool = True
            if operator not in _COMPARING:
                raise wrong(self._now.column, "'bool' may only follow a comparison")
            self._take()
        on, labels = self._matching(operator)
        right = self._expression(level - 1 if operator == "^" else level)
        for side in (left, right):
            if side.kind not in (SCALAR, VECTOR):
                raise wrong(token.column, f"'{operator}' needs numbers or instant vectors, not {side.kind}")
        both = left.kind == right.kind == VECTOR
        if operator in _SETS and not both:
            raise wrong(token.column, f"'{operator}' needs instant vectors on both sides, not a number")
        if labels is not None and not both:
            raise wrong(token.column, "'on' and 'ignoring' are for two instant vectors")
        if operator in _COMPARING and left.kind == right.kind == SCALAR and not as_bool:
            raise wrong(token.column, f"between two numbers '{operator}' needs 'bool'")
        kind = SCALAR if left.kind == right.kind == SCALAR else VECTOR
        return Binary(operator, left, right, as_bool, labels, on, kind)

    def _matching(self, operator: str) -> tuple[bool, tuple[str, ...] | None]:
        if not self._is("on", "ignoring"):
            return False, None
        on = self._take().text.lower() == "on"
        labels = self._names()
        if self._is("group_left", "group_right"):
            grouping = self._take()
            if operator in _SETS:
                raise wrong(grouping.column, f"'{grouping.text}' cannot stand beside '{operator}'")
            if self._is("("):
                included = self._names()
                if on and (twice := next((name for name in included if name in labels), None)):
                    raise wrong(grouping.column, f"the label '{twice}' may not stand in both lists")
        return on, labels

    def _postfixed(self) -> Node:
        node = self._atom()
        moved = False
        while self._is("[", "offset", "@"):
            token = self._take()
            if token.text == "[":
                node = self._ranged(node, token, moved)
                moved = False
                continue
            if not isinstance(node, Selector | Subquery):
                raise wrong(token.column, f"'{token.text}' must follow a selector or a subquery")
            self._shift(token)
            moved = True
            if isinstance(node, Selector):
                node = Selector(node.name, node.matchers, node.range_s, True)
        return node

    def _shift(self, token: Token) -> None:
        if token.text.lower() == "offset":
            if self._is("-", "+"):
                self._take()
            self._duration("offset")
            return
        if self._is("start", "end"):
            self._take()
            self._expect("(")
            self._expect(")")
            return
        if self._is("-", "+"):
            self._take()
        if self._now.what != "number":
            raise wrong(self._now.column, "'@' needs a time in seconds, start() or end()")
        self._take()

    def _ranged(self, node: Node, token: Token, moved: bool) -> Node:
        seconds = self._duration("a range")
        if seconds <= 0:
            raise wrong(token.column, "a range must be longer than 0")
        if self._is(":"):
            self._take()
            if self._now.what == "duration" and self._duration("a step") <= 0:
                raise wrong(token.column, "a step must be longer than 0")
            self._expect("]")
            if node.kind != VECTOR:
                raise wrong(token.column, f"a subquery needs an instant vector, not {node.kind}")
            return Subquery(node, seconds)
        self._expect("]")
        if not isinstance(node, Selector) or node.kind != VECTOR:
            raise wrong(token.column, "a range may only follow a selector; of an expression make a subquery such as [5m:1m]")
        if moved:
            raise wrong(token.column, "a range must stand before 'offset' and '@'")
        return Selector(node.name, node.matchers, seconds)

    def _atom(self) -> Node:
        token = self._now
        if token.what == "number":
            return Number(number(self._take()))
        if token.what == "text":
            return Text(unquoted(self._take()))
        if self._is("("):
            self._take()
            inner = self._expression(0)
            self._expect(")")
            return Paren(inner, inner.kind)
        if self._is("{"):
            return self._selector("", token)
        if token.what != "word":
            raise wrong(token.column, f"an expression is missing before {token}")
        return self._word(self._take())

    def _word(self, token: Token) -> Node:
        low = token.text.lower()
        if low in ("inf", "nan") and not self._is("{", "("):
            return Number(float(low))
        if low in AGGREGATIONS and self._is("(", "by", "without"):
            return self._aggregate(low, token)
        if self._is("("):
            return self._call(token)
        if low in _NOT_NAMES:
            raise wrong(token.column, f"{token} is not expected there")
        return self._selector(token.text, token)

    def _selector(self, name: str, token: Token) -> Selector:
        matchers: list[Matching] = []
        if self._is("{"):
            self._take()
            while not self._is("}"):
                matchers.append(self._matcher())
                if not self._is("}"):
                    self._expect(",")
            self._take()
        if name and any(one.label == "__name__" for one in matchers):
            raise wrong(token.column, f"the name is given twice: '{name}' and __name__")
        if not name and all(one.holds("") for one in matchers):
            raise wrong(token.column, "a selector needs a name, or a condition that an empty label does not fulfil")
        return Selector(name, tuple(matchers))

    def _matcher(self) -> Matching:
        label = self._take()
        if label.what != "word" or ":" in label.text:
            raise wrong(label.column, f"{label} is no label name")
        if not self._is("=", "!=", "=~", "!~"):
            raise wrong(self._now.column, f"after the label '{label.text}' there should be =, !=, =~ or !~, not {self._now}")
        operator, value = self._take().text, self._take()
        if value.what != "text":
            raise wrong(value.column, f"the value of the label '{label.text}' should stand in quotes")
        text = unquoted(value)
        if operator in ("=~", "!~"):
            try:
                pattern(f"^(?s:{text})$")
            except ValueError as problem:
                raise wrong(value.column, str(problem).replace(f"^(?s:{text})$", text)) from None
        return Matching(label.text, operator, text)

    def _aggregate(self, name: str, token: Token) -> Node:
        grouped = self._grouping()
        arguments = self._arguments()
        if grouped is None:
            grouped = self._grouping()
        wanted = AGGREGATIONS[name]
        if len(arguments) != (2 if wanted else 1):
            raise wrong(token.column, f"'{name}' takes {'two arguments' if wanted else 'one argument'}, not {len(arguments)}")
        if wanted and arguments[0].kind != wanted:
            raise wrong(token.column, f"'{name}' needs {wanted} first, not {arguments[0].kind}")
        if arguments[-1].kind != VECTOR:
            raise wrong(token.column, f"'{name}' needs an instant vector, not {arguments[-1].kind}")
        without, labels = grouped or (False, ())
        return Aggregate(name, arguments[-1], arguments[0] if wanted else None, labels, without)

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        return (self._take().text.lower() == "without", self._names()) if self._is("by", "without") else None

    def _call(self, token: Token) -> Node:
        function = FUNCTIONS.get(token.text)
        if function is None:
            near = difflib.get_close_matches(token.text, [*FUNCTIONS, *AGGREGATIONS], 1, 0.6)
            raise wrong(
                token.column, f"there is no function '{token.text[:40]}'" + (f", did you mean '{near[0]}'?" if near else "")
            )
        arguments = self._arguments()
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            raise wrong(token.column, f"'{function.name}' takes {_many(function)}, not {len(arguments)}")
        for place, argument in enumerate(arguments):
            wanted = function.takes[min(place, len(function.takes) - 1)]
            if argument.kind != wanted:
                hint = "; write for example [5m] behind the selector" if wanted == MATRIX and argument.kind == VECTOR else ""
                raise wrong(token.column, f"'{function.name}' needs {wanted}, not {argument.kind}{hint}")
        return Call(function.name, tuple(arguments), function.gives)

    def _arguments(self) -> list[Node]:
        self._expect("(")
        made: list[Node] = []
        while not self._is(")"):
            made.append(self._expression(0))
            if not self._is(")", ","):
                raise wrong(self._now.column, f"',' or ')' is missing before {self._now}")
            if self._is(",") and self._take() and self._is(")"):
                raise wrong(self._now.column, "an argument is missing before ')'")
        self._take()
        return made


def _many(function: Function) -> str:
    most = "or more" if function.most is None else f"to {function.most}" if function.most != function.least else ""
    return f"{function.least} {most} arguments".replace("  ", " ")
