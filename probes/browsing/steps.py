"""This file is for the steps of a browser's journey as a suite writes them: what is done, and what must then be seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from probes.bounds import Bounds
from probes.capture import CaptureName
from probes.fields import Configured, Duration, HeaderValue, OrText, Secret
from probes.matchers import TextMatcher
from probes.request import fill

# Source: WAI-ARIA 1.2 section 5.4, the roles that a page's elements have; `img` and `image` are the same one
Role = Literal[
    "alert", "alertdialog", "application", "article", "banner", "button", "cell", "checkbox", "columnheader", "combobox",
    "complementary", "contentinfo", "dialog", "document", "figure", "form", "grid", "gridcell", "group", "heading", "img",
    "link", "list", "listbox", "listitem", "log", "main", "menu", "menubar", "menuitem", "menuitemcheckbox", "menuitemradio",
    "navigation", "option", "progressbar", "radio", "radiogroup", "region", "row", "rowgroup", "rowheader", "search",
    "searchbox", "separator", "slider", "spinbutton", "status", "switch", "tab", "table", "tablist", "tabpanel", "textbox",
    "timer", "toolbar", "tooltip", "tree", "treegrid", "treeitem",
]  # fmt: skip

_WAYS = ("role", "label", "placeholder", "text", "test_id", "css")
_NAME = r"^[a-z0-9][a-z0-9_-]{0,40}$"
_KEYS = re.compile(r"([A-Za-z]+\+)*([A-Za-z0-9]+|[!-/:-@\[-`{-~])")


_PHRASES = {
    "fill": "fill in {place}",
    "select": "select '{what.option}' in {place}",
    "screenshot": "take the picture '{what}'",
    "capture": "take '{what.into}' from {place}",
}


class Place(Configured):
    """Which element of the page. Give one of `role` (best with `name`), `label`, `placeholder`, `text`, `test_id`, `css`."""

    role: Role | None = None  # what it is for assistive technology, such as button, link, heading, textbox
    name: str | None = None  # how it is called there, such as a button's text; beside `role` only
    label: str | None = None  # the label of a field
    placeholder: str | None = None  # what stands in an empty field
    text: str | None = None  # a text that it shows
    test_id: str | None = None  # its attribute `data-testid`
    css: str | None = None  # a CSS selector, where nothing that a person sees tells it from others
    exact: bool = False  # true: names and texts in the same case and whole; default: a part of them in any case
    nth: PositiveInt | None = None  # which of several, from 1; without it two that are alike are an error

    @model_validator(mode="after")
    def _one_way(self) -> Place:
        given = [way for way in _WAYS if getattr(self, way) is not None]
        if len(given) != 1 and not self._may_be_nowhere():
            several = f", not {' and '.join(repr(way) for way in given)}" if given else ""
            raise ValueError(f"give one of {', '.join(repr(way) for way in _WAYS)}{several}")
        if self.name is not None and self.role is None:
            raise ValueError("'name' is how something of a 'role' is called; give 'role' too, or 'text'")
        empty = [way for way in (*given, "name") if getattr(self, way) == ""]
        if empty:
            raise ValueError(f"'{empty[0]}' should not be empty")
        return self

    def _may_be_nowhere(self) -> bool:
        return False

    def filled(self, values: Mapping[str, Any]) -> Place:
        """Return the place with every `{{name}}` replaced. Raises: UnknownVariable."""
        ways = {way: str(fill(text, values)) for way in (*_WAYS, "name") if (text := getattr(self, way)) is not None}
        return self.model_copy(update=ways)

    def __str__(self) -> str:
        which = "" if self.nth is None else f" number {self.nth}"
        if self.role is not None:
            return f"the {self.role}" + (f" '{self.name}'" if self.name is not None else "") + which
        if self.label is not None or self.placeholder is not None:
            return f"the field '{self.label or self.placeholder}'{which}"
        if self.text is not None:
            return f"the text '{self.text}'{which}"
        return f"the element {self.css or f'[data-testid={self.test_id}]'}{which}"


class Opened(OrText):
    """A page to go to: a path, or a mapping where its status is not one of success."""

    path: str = Field(min_length=1)  # below the target's `base_url`, or a full address there or at one of `allow_hosts`
    status: int | None = Field(default=None, ge=100, le=599)  # that it must have; default: anything below 400


class Filled(Place):
    """A field to be filled in."""

    value: HeaderValue  # what is typed; what comes from ${NAME} or {file: PATH} is never shown


class Selected(Place):
    """A choice in a list."""

    option: str = Field(min_length=1)  # the text of the choice


class Taken(Place):
    """A text of the page that later steps use as `{{name}}`."""

    into: CaptureName = Field(alias="as")  # the name
    attribute: str | None = Field(
        default=None, pattern=r"^[A-Za-z][\w-]*$"
    )  # of the element, such as href; default: its text or value


class Counted(Place):
    """How many elements there are."""

    number: Bounds = Field(alias="is")  # a number, or bounds such as {ge: 1}


class Valued(Place):
    """What stands in a field."""

    content: TextMatcher = Field(alias="is")  # a text, or operators


class Look(Configured):
    """What the page must show; all of it, within the step's time."""

    text: str | None = Field(default=None, min_length=1)  # is to be seen somewhere, in any case, with any white space
    not_text: str | None = Field(default=None, min_length=1)  # is to be seen nowhere
    title: TextMatcher | None = None  # the document's title
    url: TextMatcher | None = None  # the path below `base_url`; with the query or fragment where `?` or `#` stands in it
    visible: Place | None = None  # is to be seen
    hidden: Place | None = None  # is not there, or not to be seen
    count: Counted | None = None  # how many of them are to be seen
    value: Valued | None = None  # what stands in a field

    @model_validator(mode="after")
    def _something(self) -> Look:
        if not any(getattr(self, name) is not None for name in type(self).model_fields):
            raise ValueError(f"give at least one of {', '.join(repr(name) for name in type(self).model_fields)}")
        return self


class Wait(Place):
    """What is waited for before the journey goes on: an element, a `text`, or a `url`."""

    url: TextMatcher | None = None  # the path below `base_url`, as in `expect`
    gone: bool = False  # true: until it is not to be seen any more

    def _may_be_nowhere(self) -> bool:
        return self.model_fields_set == {"url"}

    def as_look(self) -> Look:
        """Return the same as an expectation."""
        if self.url is not None:
            return Look(url=self.url)
        place = Place.model_construct(**{name: getattr(self, name) for name in Place.model_fields})
        return Look(hidden=place) if self.gone else Look(visible=place)


def _keys(value: Any) -> Any:
    if isinstance(value, str) and not _KEYS.fullmatch(value):
        raise ValueError("should be a key such as Enter, Tab, ArrowDown or Control+A")
    return value


def _path_alone(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Step(Configured):
    """One thing that a visitor does or sees. Give exactly one of the keys from `open` to `capture`."""

    open: Annotated[Opened, BeforeValidator(_path_alone)] | None = None  # go to a page: a path
    click: Place | None = None  # click an element
    fill: Filled | None = None  # empty a field and type into it
    press: Annotated[str, BeforeValidator(_keys)] | None = None  # a key, such as Enter, Tab or Control+A
    select: Selected | None = None  # choose from a list
    check: Place | None = None  # tick a box
    uncheck: Place | None = None  # take the tick out of a box
    wait_for: Wait | None = None  # wait until something is to be seen
    expect: Look | None = None  # what the page must show
    screenshot: str | None = Field(default=None, pattern=_NAME)  # keep a picture under this name
    capture: Taken | None = None  # take a text for later steps
    within: Duration | None = Field(default=None, gt=0)  # the step's time; default: that of the journey

    @model_validator(mode="after")
    def _one_deed(self) -> Step:
        given = self._given()
        if len(given) != 1:
            deeds = ", ".join(f"'{name}'" for name in type(self).model_fields if name != "within")
            several = f", not {' and '.join(repr(name) for name in given)}" if given else ""
            raise ValueError(f"a step has one of {deeds}{several}")
        return self

    def _given(self) -> list[str]:
        return [name for name in type(self).model_fields if name != "within" and getattr(self, name) is not None]

    @property
    def deed(self) -> str:
        return self._given()[0]

    @property
    def what(self) -> Any:
        return getattr(self, self.deed)

    @property
    def types_a_secret(self) -> bool:
        return self.fill is not None and isinstance(self.fill.value, Secret)

    def __str__(self) -> str:
        """Return the step for a person, without what is typed."""
        deed, what = self.deed, self.what
        if deed == "open":
            return f"open {what.path.partition('?')[0]}"
        if deed in _PHRASES:
            return _PHRASES[deed].format(place=Place.__str__(what) if isinstance(what, Place) else "", what=what)
        if deed == "wait_for":
            return "wait for the address" if what.url is not None else f"wait for {what}{' to be gone' if what.gone else ''}"
        return "expect" if deed == "expect" else f"{deed} {what}"
