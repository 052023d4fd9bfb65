"""This file is for the Blackbox exporter: its modules, asked of `--url` or of the targets in a prometheus.yml.

Source: CONFIGURATION.md of the exporter, version 0.28.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scenarios.importing.blackbox_http import ask_module
from scenarios.importing.blackbox_ports import ask_dns_module, ask_grpc_module, ask_tcp_module
from scenarios.importing.draft import Draft, Question, new_draft
from scenarios.importing.formats import Format
from scenarios.importing.language import go_duration, seconds, word
from scenarios.importing.reading import Input, listing, table, text_of

_CANNOT = {
    "icmp": "no ICMP is sent: it needs rights that a probe should not have; ask a port of the host with 'tcp' instead",
    "unix": "a socket file is not asked; probes ask over the network",
    "websocket": "the probe 'websocket' wants a message with '{{nonce}}' that comes back, so that a canned one shows",
}
_WAYS = {"http": ask_module, "tcp": ask_tcp_module, "dns": ask_dns_module, "grpc": ask_grpc_module}
_DEFAULT_S = 60.0  # how often Prometheus asks where it does not say


@dataclass(frozen=True, slots=True)
class _Job:
    """One module asked of one target."""

    module: str
    target: str
    every: float | None = None
    tags: tuple[str, ...] = ()


def _looks(given: Input) -> bool:
    value = table(given.value)
    return isinstance(value.get("modules"), dict) and all(isinstance(m, dict) for m in value["modules"].values())


def _draft(given: Input) -> Draft:
    draft = new_draft("blackbox", "probe", "the Blackbox exporter's configuration")
    modules = table(given.value)["modules"]
    jobs = list(_jobs(draft, given, modules))
    asked = {job.module for job in jobs}
    for job in jobs:
        title = job.module if len([j for j in jobs if j.module == job.module]) == 1 else f"{job.module} {job.target}"
        _question(draft, draft.ask(title, "modules", job.module), job, table(modules.get(job.module)))
    for name in modules:
        if name not in asked:
            draft.ask(name, "modules", name).leave_out("no job of the prometheus.yml asks it")
    return draft


def _question(draft: Draft, question: Question, job: _Job, module: dict[str, Any]) -> None:
    prober = text_of(module.get("prober"))
    if not module:
        question.leave_out(f"there is no module '{job.module}' in the file")
        return
    if prober not in _WAYS:
        question.leave_out(_CANNOT.get(prober, f"the prober '{prober[:30]}' is not known"))
        return
    if job.tags:
        question.keys["tags"] = list(job.tags)
    if job.every:
        question.keys["schedule"] = {"every": seconds(max(job.every, 1))}
    _WAYS[prober](draft, question, module, job.target)


def _jobs(draft: Draft, given: Input, modules: dict[str, Any]) -> Iterator[_Job]:
    if given.beside is not None:
        yield from _scraped(draft, given.beside)
        return
    url = given.extra.get("url", "")
    if not url:
        raise given.refuse(
            "the modules say how to ask, and not whom", "modules", remedy="give --url URL, or --environment prometheus.yml"
        )
    yield from (_Job(name, url) for name in modules)


def _scraped(draft: Draft, prometheus: Input) -> Iterator[_Job]:
    """Yield what the scrape configurations ask by way of the exporter."""
    config = table(prometheus.value)
    if not isinstance(config.get("scrape_configs"), list):
        raise prometheus.refuse("this is not a prometheus.yml: it has no list of 'scrape_configs'")
    usual = go_duration(table(config.get("global")).get("scrape_interval")) or _DEFAULT_S
    found = 0
    for job in map(table, config["scrape_configs"]):
        modules = [text_of(m) for m in listing(table(job.get("params")).get("module"))]
        if not modules:
            continue
        name = word(text_of(job.get("job_name")))
        every = go_duration(job.get("scrape_interval")) or usual
        for group in map(table, listing(job.get("static_configs"))):
            for target in map(text_of, listing(group.get("targets"))):
                found += 1
                yield _Job(modules[0], target, every, (name,) if name else ())
        _mention_others(draft, job)
    if not found:
        raise prometheus.refuse("no job has 'params: {module: [...]}' and 'static_configs' with targets", "scrape_configs")


def _mention_others(draft: Draft, job: dict[str, Any]) -> None:
    for key in job:
        if key.endswith("_sd_configs"):
            draft.lose(f"{text_of(job.get('job_name'))}.{key}", "", "targets that are discovered are not known here")


FORMAT = Format(
    "blackbox", "a Blackbox exporter configuration", _looks, _draft, "it has no mapping 'modules'", ("url", "environment")
)
