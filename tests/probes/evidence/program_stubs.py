"""This file is for executables that print as journalctl, kubectl and docker are documented to, as far as reading logs needs it.

Each is a small script that reads a JSON file beside itself. The rules, and where they are written:

journalctl  https://www.freedesktop.org/software/systemd/man/latest/journalctl.html
- --output=json gives one object a line with __CURSOR and __REALTIME_TIMESTAMP (microseconds as text); a value that is not UTF-8
  is a list of byte values, a field that was given twice a list, and one of more than 4096 bytes null without --all
- --cursor starts at the place of the cursor, so with its own entry where that matches; --lines=1 is the last entry
- without --quiet, "-- No entries --" is printed where there are none, and a hint on standard error where some may not be seen

kubectl logs  https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/
- with --selector only 10 lines a pod without --tail=-1; --prefix puts [pod/NAME/CONTAINER] before a line, --timestamps the time;
  --since-time is cut to seconds by the API; --previous is the instance before; --ignore-errors goes on where a container is still
  waiting to start and prints the error among the lines; "Defaulted container" is said on standard error
- kubectl get pods --output=json is a List of pods for a selector, a Pod for a name; status.containerStatuses[].restartCount

docker logs  https://docs.docker.com/reference/cli/docker/container/logs/
- standard output and error are those of the container; --timestamps puts an RFC 3339 time with nanoseconds before each line;
  --since is inclusive; `docker inspect --format={{.Id}}` is the id (https://docs.docker.com/reference/cli/docker/inspect/)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_HEAD = """#!{python} -SE
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
state = json.load(open(os.path.join(here, "{name}.json")))
words = sys.argv[1:]
given = dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)
flags = {{word for word in words if word.startswith("--") and "=" not in word}}
plain = [word for word in words if not word.startswith("--")]
with open(os.path.join(here, "{name}.calls"), "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if state.get("complaint"):
    sys.exit(print(state["complaint"], file=sys.stderr) or state.get("code", 1))
"""

_JOURNALCTL = """
entries = state["entries"]
last, start = given.get("lines"), 0
if "cursor" in given:
    start = next((n for n, entry in enumerate(entries) if entry["__CURSOR"] == given["cursor"]), None)
    if start is None:
        sys.exit(print("Failed to seek to cursor: Invalid argument", file=sys.stderr) or 1)
wanted = {"_SYSTEMD_UNIT": given.get("unit"), "SYSLOG_IDENTIFIER": given.get("identifier")}
wanted.update(word.split("=") for word in plain)
shown = [e for e in entries[start:] if all(v is None or e.get(k) == v for k, v in wanted.items())][-int(last or 0):]
for entry in shown:
    short = {k: None if isinstance(v, str) and len(v) > 4096 and "--all" not in flags else v for k, v in entry.items()}
    print(json.dumps(short))
if not shown:
    print("-- No entries --")
print(state.get("said", ""), end="", file=sys.stderr)
"""

_KUBECTL = """
pods = {n: p for n, p in state["pods"].items() if "selector" in given or n == plain[-1]}
if plain[0] == "get":
    items = [{"kind": "Pod", "metadata": {"name": n, "uid": p["uid"]},
              "status": {"containerStatuses": [{"name": c, "restartCount": s["restarts"]} for c, s in p["containers"].items()]}}
             for n, p in pods.items()]
    if "selector" not in given and not items:
        sys.exit(print('Error from server (NotFound): pods "%s" not found' % plain[-1], file=sys.stderr) or 1)
    print(json.dumps({"kind": "List", "items": items} if "selector" in given else items[0]))
    sys.exit(0)
for name, pod in pods.items():
    names = list(pod["containers"])
    if "container" in given:
        names = [given["container"]]
    elif "--all-containers" not in flags and len(names) > 1:
        print('Defaulted container "%s" out of: %s' % (names[0], ", ".join(names)), file=sys.stderr)
        names = names[:1]
    for container in names:
        it = pod["containers"][container]
        if it.get("waiting"):
            text = 'container "%s" in pod "%s" is waiting to start: ContainerCreating' % (container, name)
            if "--ignore-errors" not in flags:
                sys.exit(print("Error from server (BadRequest): " + text, file=sys.stderr) or 1)
            print("error: " + text)
        lines = [l for l in it["previous" if "--previous" in flags else "lines"] if l[0][:19] >= given["since-time"][:19]]
        if "selector" in given and "tail" not in given:
            lines = lines[-10:]
        for at, text in lines:
            print(("[pod/%s/%s] " % (name, container) if "--prefix" in flags else "") + at + " " + text)
"""

_DOCKER = """
it = state["containers"].get(plain[-1])
if it is None:
    sys.exit(print("Error response from daemon: No such container: " + plain[-1], file=sys.stderr) or 1)
if plain[0] == "inspect":
    print(it["id"])
else:
    for at, text, aside in it["lines"]:
        if at[:26] >= given["since"][:26]:
            print(at + " " + text, file=sys.stderr if aside else sys.stdout)
"""


class Stub:
    """One of the executables, and the state that it prints."""

    def __init__(self, folder: Path, name: str, state: dict[str, Any]) -> None:
        self._folder, self._name, self.state = folder, name, state
        code = {"journalctl": _JOURNALCTL, "kubectl": _KUBECTL, "docker": _DOCKER}[name]
        program = folder / name
        program.write_text(_HEAD.format(python=sys.executable, name=name) + code)
        program.chmod(0o755)
        self.write()

    def write(self) -> None:
        (self._folder / f"{self._name}.json").write_text(json.dumps(self.state))

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self._folder / f"{self._name}.calls").read_text().splitlines()]
