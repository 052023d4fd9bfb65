"""This file is for log lines of pods in Kubernetes, by kubectl."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, PositiveInt, field_validator, model_validator

from probes.container_logs import ContainerMark, Printed, known, since_for, stamped, window
from probes.decoding import understood
from probes.evidence.source import EvidenceError, LogSource, LogWindow
from probes.fields import Duration
from probes.redact import Redactor
from probes.running import Program, Ran

_PREFIX = re.compile(r"\[pod/([^/\]]+)/([^\]]+)\] ?(.*)", re.DOTALL)
_WAITING = re.compile(r"is waiting to start|PodInitializing|ContainerCreating")
_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_IN_CLUSTER = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")


@dataclass(frozen=True, slots=True)
class _Pod:
    uid: str
    restarts: dict[str, int]  # by container


class KubectlLogs(LogSource, source="kubectl_logs"):
    """Reads what pods log, by `kubectl logs`; the user needs the verbs get and list for pods, and get for pods/log.

    A container that was restarted is read with `--previous` too. A pod that is gone took its last lines with it, which is told.
    Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/ (10 lines by selector without --tail).
    """

    pod: str | None = Field(None, pattern=_NAME)  # the name of one pod, without `pod/`
    selector: str | None = Field(None, min_length=1)  # or labels of several, such as app=api
    namespace: str | None = Field(None, pattern=_NAME)  # default: that of the context
    container: str | None = Field(None, pattern=_NAME)  # default: the only one, or kubectl's choice
    all_containers: bool = False  # true: every container of the pods
    context: str | None = Field(None, min_length=1)  # of the kubeconfig; default: the current one
    max_pods: PositiveInt = 20  # more pods are an error
    overlap: Duration = Field(30.0, gt=0)  # how far the clocks of the nodes may be behind ours
    timeout: Duration = Field(20.0, gt=0)  # of one run of kubectl
    max_bytes: PositiveInt = 16 * 1024 * 1024  # read of one run; more makes the window cut short
    env: tuple[str, ...] = ()  # names of environment variables that kubectl needs to log in, beside KUBECONFIG

    @field_validator("pod", mode="before")
    @classmethod
    def _a_name_alone(cls, value: object) -> object:
        if isinstance(value, str) and "/" in value:  # of a deployment, kubectl would read one pod only
            raise ValueError("should be the name of a pod; the pods of a deployment are read by 'selector'")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> KubectlLogs:
        if (self.pod is None) == (self.selector is None):
            raise ValueError("give either 'pod' or 'selector'")
        if self.container is not None and self.all_containers:
            raise ValueError("give either 'container' or 'all_containers'")
        return self

    def describe(self) -> str:
        what = f"pod {self.pod}" if self.pod else f"pods {self.selector}"
        return f"log of {what}" + (f" in namespace {self.namespace}" if self.namespace else "")

    async def mark(self) -> ContainerMark:
        since = since_for(self.overlap)
        pods = await self._pods()
        lines, _, _ = self._read(await self._logs(since, self._whom))
        return ContainerMark(since, known(lines, since), pods)

    async def read_since(self, mark: Any) -> LogWindow:
        began, pods = datetime.now(UTC), await self._pods()
        lines, doubts, remarks = self._read(await self._logs(mark.since, self._whom))
        before, gone = await self._ended(mark, pods, doubts, remarks)
        return window(
            mark,
            lines,
            before,
            overlap_s=self.overlap,
            began=began,
            state=pods,
            doubts=doubts,
            remarks=remarks,
            gone=frozenset(line.where for line in mark.seen if line.where.split(", ")[0] in gone),
        )

    async def _ended(
        self, mark: ContainerMark, pods: dict[str, _Pod], doubts: list[str], remarks: list[str]
    ) -> tuple[list[Printed], set[str]]:
        """Return the lines of containers that were restarted, and the pods that are gone; tell of both."""
        before: list[Printed] = []
        gone: set[str] = set()
        for name, then in mark.state.items():
            now = pods.get(name)
            if now is None or now.uid != then.uid:
                doubts.append(f"the pod {name} is gone; what it wrote last cannot be read")
                gone.add(f"pod {name}")
                continue
            for container, count in now.restarts.items():
                times = count - then.restarts.get(container, 0)
                if times <= 0 or (self.container or container) != container:
                    continue
                remarks.append(f"the container {container} of the pod {name} was restarted meanwhile")
                if times > 1:
                    doubts.append(
                        f"the container {container} of the pod {name} was restarted {times} times; one log of it is left"
                    )
                whom = [name, f"--container={container}", "--previous"]
                more, more_doubts, _ = self._read(await self._logs(mark.since, whom))
                before += more
                doubts += more_doubts
        return before, gone

    async def _pods(self) -> dict[str, _Pod]:
        """Return the pods that are there, by name. Raises: EvidenceError."""
        ran = await self._run("get", "pods", *([self.pod] if self.pod else [f"--selector={self.selector}"]), "--output=json")
        try:
            answer = json.loads(ran.out)
            items = answer["items"] if answer["kind"] == "List" else [answer]
            pods = {item["metadata"]["name"]: _Pod(item["metadata"]["uid"], _restarts(item)) for item in items}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EvidenceError(
                f"the {self.describe()} could not be read: kubectl get pods gave something else than pods"
            ) from None
        if not pods:
            raise EvidenceError(f"the {self.describe()} could not be read: there is no such pod")
        if len(pods) > self.max_pods:
            raise EvidenceError(f"the {self.describe()} could not be read: there are {len(pods)} pods (max_pods {self.max_pods})")
        return pods

    @property
    def _whom(self) -> list[str]:
        which = [self.pod] if self.pod else [f"--selector={self.selector}"]
        if self.all_containers:
            return [*which, "--all-containers"]
        return [*which, f"--container={self.container}"] if self.container else which

    async def _logs(self, since: datetime, whom: list[str]) -> Ran:
        stamp = since.strftime("%Y-%m-%dT%H:%M:%SZ")  # the API knows whole seconds
        shape = ["--timestamps", "--prefix", "--tail=-1", "--ignore-errors", f"--since-time={stamp}"]
        return await self._run("logs", *whom, *shape)

    async def _run(self, *words: str) -> Ran:
        whose = [f"--context={self.context}"] * bool(self.context) + [f"--namespace={self.namespace}"] * bool(self.namespace)
        program = Program(f"command kubectl {words[0]}", self.timeout, self.max_bytes, (*_IN_CLUSTER, *self.env))
        return await program.run(["kubectl", *whose, *words])

    def _read(self, ran: Ran) -> tuple[list[Printed], list[str], list[str]]:
        """Return the lines, why they are not all there are, and what kubectl remarked."""
        lines: list[Printed] = []
        doubts: list[str] = []
        remarks: list[str] = []
        if ran.cut_short:
            doubts.append(f"kubectl printed more than {self.max_bytes} bytes; the rest was not read")
        for raw in ran.out.removesuffix(b"\n").split(b"\n") if ran.out else ():
            line, damaged = understood(raw.removesuffix(b"\r"))
            match = _PREFIX.fullmatch(line)
            if match is not None:
                lines.append(stamped(match[3], damaged, f"pod {match[1]}, container {match[2]}"))
            elif line:  # with --prefix, only what kubectl itself says has none
                (remarks if _WAITING.search(line) else doubts).append(f"kubectl said: {Redactor().text(line)[:200]}")
        said = ran.err.decode("utf-8", "replace").splitlines()[:3]
        remarks += [f"kubectl said: {Redactor().text(line)[:200]}" for line in said if line.strip()]
        return lines, doubts, remarks


def _restarts(item: dict[str, Any]) -> dict[str, int]:
    statuses = (item.get("status") or {}).get("containerStatuses") or ()
    return {status["name"]: int(status["restartCount"]) for status in statuses}
