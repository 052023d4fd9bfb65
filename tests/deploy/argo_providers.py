"""This file is for how Argo Rollouts measures: its providers Web, Kayenta and Job, as rules in Python, over any HTTP.

Written from its source at commit 9f8d111, github.com/argoproj/argo-rollouts: metricproviders/webmetric/webmetric.go,
metricproviders/kayenta/kayenta.go, metricproviders/job/job.go. The resumption of a Job is every 15 s here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from tests.deploy.argo_rules import Counted, Phase, Trouble, measured

RESUME_S = 15.0


class Ask(Protocol):
    """Sends a request and returns status and text. Raises: OSError where nobody answers."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> tuple[int, str]: ...


@dataclass
class Providers:
    """Measures one metric by whichever provider it names. `job` returns the exit code of a Job's command."""

    ask: Ask
    job: Callable[[list[str]], int] = lambda args: 70
    values: list[Any] = field(default_factory=list)  # that Argo would keep in the status of the run

    def take(self, metric: dict[str, Any], seen: Counted, now: float) -> Phase | float:
        """Return the phase of a measurement, or when it is to be resumed. Raises: Trouble."""
        ((kind, provider),) = metric["provider"].items()
        if kind == "web":
            return self._web(provider, metric)
        if kind == "kayenta":
            return self._kayenta(provider, metric, seen, now)
        assert kind == "job"
        return self._job(provider["spec"])

    def _web(self, web: Mapping[str, Any], metric: Mapping[str, Any]) -> Phase:
        method, body = web.get("method", "GET"), web.get("body")
        headers = {one["key"]: one["value"] for one in web.get("headers", ())}
        if web.get("jsonBody") is not None:
            if body:
                raise Trouble("use either body or jsonBody")
            body, headers["Content-Type"] = json.dumps(web["jsonBody"]), "application/json"
        if body and method == "GET":
            raise Trouble("a body can be used with POST or PUT only")
        status, text = self._asked(method, web["url"], headers, body)
        if not 200 <= status < 300:
            raise Trouble(f"received non 2xx response code: {status}")
        try:
            data = json.loads(text)
        except ValueError:
            self.values.append(text)
            return measured(text, metric)  # whatever it is, as a text
        value = at_path(data, web.get("jsonPath") or "{$}")
        self.values.append(value)
        return measured(value, metric)

    def _kayenta(self, kayenta: Mapping[str, Any], metric: Mapping[str, Any], seen: Counted, now: float) -> Phase | float:
        address = kayenta["address"]
        if seen.resume_at is None:
            seen.token = self._kayenta_begin(kayenta, address)
            return now + RESUME_S
        status, text = self._asked("GET", f"{address}/canary/{seen.token}", {}, None)
        if status != 200:
            raise Trouble("invalid response")
        told = json.loads(text)
        if not isinstance(told.get("complete"), bool):
            raise Trouble("missing complete status")
        if not told["complete"]:
            return now + RESUME_S
        try:
            score = int(float(told["result"]["judgeResult"]["score"]["score"]))
        except (KeyError, TypeError, ValueError):
            raise Trouble("missing score") from None
        threshold = kayenta["threshold"]
        if score >= threshold["pass"]:
            return Phase.SUCCESSFUL
        return Phase.INCONCLUSIVE if score >= threshold["marginal"] else Phase.FAILED

    def _kayenta_begin(self, kayenta: Mapping[str, Any], address: str) -> str:
        # The account asked for is that of the storage: so it stands in the source.
        named = f"application={kayenta['application']}&configurationAccountName={kayenta['storageAccountName']}"
        status, text = self._asked("GET", f"{address}/canaryConfig?{named}", {}, None)
        if status != 200:
            raise Trouble(f"invalid response: HTTP {status}")
        ids = [one["id"] for one in json.loads(text) if one["name"] == kayenta["canaryConfigName"]]
        if not ids:
            raise Trouble("canary config not found")
        sides, accounts = ("controlScope", "experimentScope"), ("metrics", "configuration", "storage")
        scopes = {one["name"]: {side: _detail(one[side]) for side in sides} for one in kayenta["scopes"]}
        named = "&".join(f"{name}AccountName={kayenta[f'{name}AccountName']}" for name in accounts)
        url = f"{address}/canary/{ids[0]}?application={kayenta['application']}&{named}"
        body = json.dumps({"scopes": scopes, "thresholds": kayenta["threshold"]})
        status, text = self._asked("POST", url, {"Content-Type": "application/json"}, body)
        if status != 200:
            raise Trouble("invalid response")
        return str(json.loads(text).get("canaryExecutionId"))

    def _job(self, spec: Mapping[str, Any]) -> Phase:
        """Return what Kubernetes and Argo make of a command: asked again after a failure, up to the back-off limit."""
        container = spec["template"]["spec"]["containers"][0]
        for _ in range(spec.get("backoffLimit", 6) + 1):
            if self.job(container["args"]) == 0:
                return Phase.SUCCESSFUL
        return Phase.FAILED

    def _asked(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> tuple[int, str]:
        parts = urlsplit(url)
        sent = dict(headers)
        if parts.username is not None and "Authorization" not in sent:  # so does Go's net/http with an address's password
            pair = f"{parts.username}:{parts.password}".encode()
            sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            url = url.replace(f"{parts.username}:{parts.password}@", "", 1)
        try:
            return self.ask(method, quote(url, safe=":/?&=%@"), sent, body)
        except OSError as problem:
            raise Trouble(str(problem)) from problem


def _detail(scope: Mapping[str, Any]) -> dict[str, Any]:
    at = "2026-03-01T12:00:00Z"
    return {"scope": scope["scope"], "location": scope["region"], "step": scope["step"], "start": at, "end": at}


def at_path(data: Any, path: str) -> Any:
    """Return what a JSONPath such as `{$.decision}` leads to. Raises: Trouble."""
    found = re.fullmatch(r"\{\$((?:\.[A-Za-z_]+)*)\}", path)
    assert found is not None, f"these rules cannot read the path {path}"
    for key in found[1].split(".")[1:]:
        if not isinstance(data, dict) or key not in data:
            raise Trouble(f"could not find JSONPath in body: {key}")
        data = data[key]
    return data
