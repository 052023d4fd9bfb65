"""This file is for what a scenario names of its target: whether that source or fault is there, and is of the right sort."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from probes.evidence.source import EvidenceSource
from probes.fields import Ref
from probes.probe import Probe
from probes.registry import SOURCES, RegistryError
from scenarios.crosscheck import Draft
from scenarios.mistakes import Mistake, listed, near_or_known
from scenarios.source import Scalar, Table, plain
from scenarios.validation import doc_path, locate

_SORT = {"evidence": "evidence source", "faults": "fault"}
_CALLED = {  # what a person calls a sort of evidence source
    "LogSource": "source of log lines",
    "KeySource": "source of cache keys",
    "SampleSource": "source of metric values",
    "RowSource": "source of rows, such as a database",
    "ApiSource": "source with an HTTP API",
    "Alertmanager": "source of kind alertmanager",
}


def unknown_references(
    draft: Draft, have: Mapping[str, set[str]], sources: Mapping[str, Sequence[type[EvidenceSource]]]
) -> Iterator[Mistake]:
    """Yield a mistake for each evidence source or fault that no target of the suite has, or that is of another sort.

    `sources` are the kinds that stand under a name, over all targets.
    """
    if draft.probe is None:
        return
    for loc, ref, name in references(draft.probe):
        node, _, walked = locate(draft.options, loc)
        if not isinstance(node, Scalar):
            continue  # a default of the kind; what is missing shows at run time
        if name not in have[ref.to]:
            what = f"no target of this suite has the {_SORT[ref.to]} '{name}'"
            remedy = near_or_known(name, have[ref.to]) or f"describe it at a target, under '{ref.to}'"
            yield Mistake(what, node.place, remedy, doc_path(draft.path, walked))
        elif sources.get(name) and not any(_is_of(kind, ref.sort) for kind in sources[name]):
            right = sorted(n for n, kinds in sources.items() if any(_is_of(kind, ref.sort) for kind in kinds))
            kinds = ", ".join(sorted({kind.source_name for kind in sources[name]}))
            remedy = f"it is of kind {kinds}; " + (f"there is {listed(right)}" if right else "nor is any other of this suite")
            yield Mistake(f"'{name}' is no {_CALLED[ref.sort]}", node.place, remedy, doc_path(draft.path, walked))


def _is_of(kind: type[EvidenceSource], sort: str) -> bool:
    return not sort or any(base.__name__ == sort for base in kind.__mro__)


def source_kinds(targets: Iterable[Table]) -> dict[str, list[type[EvidenceSource]]]:
    """Return the kinds of evidence source that stand under each name. A name of which one kind is not known is left out."""
    found: dict[str, list[type[EvidenceSource] | None]] = {}
    for target in targets:
        evidence = target.get("evidence")
        for name, entry in evidence.entries.items() if isinstance(evidence, Table) else ():
            kind = plain(entry.node.get("source") or entry.node) if isinstance(entry.node, Table) else None
            found.setdefault(name, []).append(_source_kind(kind) if isinstance(kind, str) else None)
    return {name: [kind for kind in kinds if kind] for name, kinds in found.items() if all(kinds)}


def _source_kind(name: str) -> type[EvidenceSource] | None:
    try:
        return SOURCES.find(name)
    except RegistryError:  # told where the source stands
        return None


def references(model: BaseModel) -> Iterator[tuple[tuple[Any, ...], Ref, str]]:
    """Yield place, mark and value of every field that names an evidence source or a fault, at any depth."""
    if not _may_refer(type(model)):
        return
    for name, field in type(model).model_fields.items():
        marks = tuple(m for m in field.metadata if isinstance(m, Ref))
        yield from _references(getattr(model, name), field.annotation, marks, (field.alias or name,))


def _references(value: Any, annotation: Any, marks: tuple[Ref, ...], loc: tuple[Any, ...]) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        yield from _references(value, inner, marks + tuple(m for m in metadata if isinstance(m, Ref)), loc)
    elif isinstance(value, BaseModel):
        yield from ((loc + below, ref, name) for below, ref, name in references(value))
    elif isinstance(value, str):
        nested = [ref for member in get_args(annotation) for ref in _marks(member)]
        yield from ((loc, ref, value) for ref in (*marks, *nested))
    elif isinstance(value, Mapping):
        member = (get_args(annotation) or (Any, Any))[-1]
        for key, item in value.items():
            yield from _references(item, member, marks, (*loc, key))
    elif isinstance(value, list | tuple | set | frozenset):
        for place, item in enumerate(value):
            yield from _references(item, _member(annotation), marks, (*loc, place))


@cache
def _may_refer(annotation: Any) -> bool:
    """Return whether a value of this type can hold a reference: most kinds cannot, and suites may hold thousands of them.

    Under `Any` stands plain YAML, which holds none; where the type is a base (`Probe`), it may.
    """
    return _finds_reference(annotation, set())


def _finds_reference(annotation: Any, seen: set[Any]) -> bool:
    if isinstance(annotation, Ref) or annotation is BaseModel or annotation is Probe:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return False
        seen.add(annotation)
        fields = annotation.model_fields.values()
        return any(_finds_reference(part, seen) for f in fields for part in (f.annotation, *f.metadata))
    return any(_finds_reference(inner, seen) for inner in get_args(annotation))


def _member(annotation: Any) -> Any:
    """Return what a list of this type holds; `tuple[X, ...] | None` holds X."""
    for inner in get_args(annotation):
        if get_origin(inner) in (list, tuple, set, frozenset):
            return get_args(inner)[0]
    return (get_args(annotation) or (Any,))[0]


def _marks(annotation: Any) -> list[Ref]:
    return [m for m in get_args(annotation)[1:] if isinstance(m, Ref)] if get_origin(annotation) is Annotated else []
