"""This file is for log lines of containers, as `kubectl logs` and `docker logs` print them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.docker_logs import DockerLogs
from probes.evidence.kubectl_logs import KubectlLogs
from probes.evidence.source import EvidenceError, LogWindow
from tests.probes.evidence.program_stubs import Stub

pytestmark = pytest.mark.anyio


def _stamp(ago_s: float = 0.0) -> str:
    """Return a time as container runtimes write it, with nanoseconds that no clock of ours has."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}789Z"


def _texts(window: LogWindow) -> list[str]:
    return [line.text for line in window.lines]


class Docker(Stub):
    def log(self, text: str, *, container: str = "web", aside: bool = False, ago_s: float = 0.0) -> None:
        self.state["containers"][container]["lines"].append([_stamp(ago_s), text, aside])
        self.write()


class Cluster(Stub):
    def add(self, pod: str, *containers: str, **more: Any) -> None:
        made = {name: {"restarts": 0, "lines": [], "previous": [], **more} for name in containers or ("api",)}
        self.state["pods"][pod] = {"uid": f"uid of {pod}", "containers": made}
        self.write()

    def log(self, text: str, *, pod: str = "api-1", container: str = "api", ago_s: float = 0.0) -> None:
        self.state["pods"][pod]["containers"][container]["lines"].append([_stamp(ago_s), text])
        self.write()

    def restart(self, pod: str = "api-1", container: str = "api", times: int = 1) -> None:
        it = self.state["pods"][pod]["containers"][container]
        it["restarts"] += times
        it["previous"], it["lines"] = it["lines"] if times == 1 else [], []
        self.write()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    monkeypatch.setenv("PATH", str(tmp_path))
    return Docker(tmp_path, "docker", {"containers": {"web": {"id": "1a", "lines": []}}})


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("PATH", str(tmp_path))
    made = Cluster(tmp_path, "kubectl", {"pods": {}})
    made.add("api-1")
    return made


async def test_only_lines_of_a_container_after_the_mark_count_and_each_once(docker: Docker) -> None:
    docker.log("long ago", ago_s=100)
    docker.log("old", ago_s=5)
    source = DockerLogs(container="web", host="ssh://web-1")
    mark = await source.mark()
    docker.log("old", ago_s=4)  # the same text again
    docker.log("to stderr", aside=True)
    first = await source.read_since(mark)
    docker.log("newer")
    second = await source.read_since(first.next_mark)
    third = await source.read_since(second.next_mark)
    assert [_texts(window) for window in (first, second, third)] == [["old", "to stderr"], ["newer"], []]
    assert [line.where for line in first.lines] == ["log of the container web", "log of the container web, standard error"]
    assert docker.calls[0][0] == "--host=ssh://web-1" and not first.cut_short and first.remarks == ()


async def test_a_clock_of_the_daemon_behind_ours_is_borne_within_the_overlap(docker: Docker) -> None:
    source = DockerLogs(container="web")
    mark = await source.mark()
    docker.log("stamped 20 s ago", ago_s=20)
    window = await source.read_since(mark)
    assert _texts(window) == ["stamped 20 s ago"]
    assert _texts(await source.read_since(window.next_mark)) == []


async def test_a_container_that_was_replaced_cuts_the_window_short(docker: Docker) -> None:
    docker.log("old")
    source = DockerLogs(container="web")
    mark = await source.mark()
    docker.state["containers"]["web"] = {"id": "2b", "lines": []}
    docker.log("new")
    window = await source.read_since(mark)
    assert window.cut_short and _texts(window) == ["new"]
    assert window.remarks == ("the container web was replaced by another; what the old one wrote last is lost",)
    assert not (await source.read_since(window.next_mark)).cut_short


async def test_a_log_that_lost_known_lines_cuts_the_window_short(docker: Docker) -> None:
    docker.log("old")
    source = DockerLogs(container="web")
    mark = await source.mark()
    docker.state["containers"]["web"]["lines"].clear()
    docker.log("new")
    window = await source.read_since(mark)
    assert window.cut_short and _texts(window) == ["new"]
    assert window.remarks == ("lines of log of the container web that stood there before are gone; more may be lost with them",)


async def test_a_flood_cuts_the_window_short(docker: Docker) -> None:
    source = DockerLogs(container="web", max_bytes=2000)
    mark = await source.mark()
    for _ in range(40):
        docker.log("x" * 100)
    window = await source.read_since(mark)
    assert window.cut_short and window.remarks[0] == "docker printed more than 2000 bytes; the rest was not read"


async def test_a_container_that_is_not_there_is_an_error(docker: Docker) -> None:
    with pytest.raises(EvidenceError) as caught:
        await DockerLogs(container="db").mark()
    said = "ended with exit code 1: Error response from daemon: No such container: db"
    assert str(caught.value) == f"the command docker for the container db {said}"


async def test_lines_of_several_pods_are_told_apart_and_none_is_left_out(cluster: Cluster) -> None:
    cluster.add("api-2")
    cluster.log("old")
    source = KubectlLogs(selector="app=api", namespace="shop", context="staging")
    mark = await source.mark()
    for number in range(15):  # kubectl gives ten by selector where nobody asks for more
        cluster.log(f"line {number}", pod="api-2")
    cluster.log("one", pod="api-1")
    first = await source.read_since(mark)
    cluster.log("two")
    second = await source.read_since(first.next_mark)
    assert _texts(first) == [*(f"line {number}" for number in range(15)), "one"] and _texts(second) == ["two"]
    assert {line.where for line in first.lines} == {"pod api-1, container api", "pod api-2, container api"}
    assert cluster.calls[0][:2] == ["--context=staging", "--namespace=shop"] and not first.cut_short


async def test_a_pod_that_comes_is_read_and_one_that_goes_cuts_the_window_short(cluster: Cluster) -> None:
    cluster.log("old")
    source = KubectlLogs(selector="app=api")
    mark = await source.mark()
    cluster.add("api-2")
    cluster.log("of the new pod", pod="api-2")
    first = await source.read_since(mark)
    assert _texts(first) == ["of the new pod"] and not first.cut_short
    del cluster.state["pods"]["api-1"]
    cluster.write()
    second = await source.read_since(first.next_mark)
    assert second.cut_short and second.remarks == ("the pod api-1 is gone; what it wrote last cannot be read",)
    assert not (await source.read_since(second.next_mark)).cut_short


async def test_a_container_that_was_restarted_is_read_to_its_end(cluster: Cluster) -> None:
    cluster.log("old")
    source = KubectlLogs(pod="api-1")
    mark = await source.mark()
    cluster.log("last words")
    cluster.restart()
    cluster.log("first words")
    first = await source.read_since(mark)
    assert _texts(first) == ["last words", "first words"] and not first.cut_short
    assert first.remarks == ("the container api of the pod api-1 was restarted meanwhile",)
    cluster.log("more")
    second = await source.read_since(first.next_mark)
    assert _texts(second) == ["more"] and not second.cut_short and second.remarks == ()


async def test_a_container_that_was_restarted_twice_cuts_the_window_short(cluster: Cluster) -> None:
    source = KubectlLogs(pod="api-1")
    mark = await source.mark()
    cluster.restart(times=2)
    window = await source.read_since(mark)
    assert window.cut_short
    assert window.remarks[0] == "the container api of the pod api-1 was restarted 2 times; one log of it is left"


async def test_a_container_that_still_waits_to_start_hides_no_other(cluster: Cluster) -> None:
    source = KubectlLogs(selector="app=api")
    mark = await source.mark()
    cluster.add("api-2", waiting=True)
    cluster.log("new")
    window = await source.read_since(mark)
    assert _texts(window) == ["new"] and not window.cut_short
    assert window.remarks[0].startswith('kubectl said: error: container "api" in pod "api-2" is waiting to start')


async def test_which_container_kubectl_chose_is_told_and_all_can_be_read(cluster: Cluster) -> None:
    cluster.add("web-1", "nginx", "sidecar")
    chosen, every = KubectlLogs(pod="web-1"), KubectlLogs(pod="web-1", all_containers=True)
    one = KubectlLogs(pod="web-1", container="sidecar")
    marks = [await source.mark() for source in (chosen, every, one)]
    cluster.log("a", pod="web-1", container="nginx")
    cluster.log("b", pod="web-1", container="sidecar")
    windows = [await source.read_since(mark) for source, mark in zip((chosen, every, one), marks, strict=True)]
    assert [_texts(window) for window in windows] == [["a"], ["a", "b"], ["b"]]
    assert windows[0].remarks == ('kubectl said: Defaulted container "nginx" out of: nginx, sidecar',)


async def test_no_pod_too_many_pods_and_no_right_to_see_them_are_errors(cluster: Cluster) -> None:
    with pytest.raises(EvidenceError, match=r'kubectl get ended with exit code 1: .*pods "api-9" not found'):
        await KubectlLogs(pod="api-9").mark()
    cluster.add("api-2")
    with pytest.raises(EvidenceError, match=r"the log of pods app=api could not be read: there are 2 pods \(max_pods 1\)"):
        await KubectlLogs(selector="app=api", max_pods=1).mark()
    cluster.state["pods"] = {}
    cluster.write()
    with pytest.raises(EvidenceError, match="the log of pods app=api in namespace shop could not be read: there is no such pod"):
        await KubectlLogs(selector="app=api", namespace="shop").mark()
    cluster.state["complaint"] = "Error from server (Forbidden): pods is forbidden"
    cluster.write()
    with pytest.raises(EvidenceError, match=r"kubectl get ended with exit code 1: Error from server \(Forbidden\)"):
        await KubectlLogs(selector="app=api").mark()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "give either 'pod' or 'selector'"),
        ({"pod": "a", "selector": "app=api"}, "give either 'pod' or 'selector'"),
        ({"pod": "deployment/api"}, "the pods of a deployment are read by 'selector'"),
        ({"pod": "--kubeconfig"}, "should match pattern"),
        ({"pod": "a", "container": "b", "all_containers": True}, "give either 'container' or 'all_containers'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        KubectlLogs.model_validate(options)
    with pytest.raises(ValidationError, match="should match pattern"):
        DockerLogs(container="--privileged")
