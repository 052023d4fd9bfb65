"""Secrets, planted values and personal data never reach a result, a log, a report, a label or the text of an error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pytest

from reports.formats.reporter import FORMATS
from tests.leaks import files_below, leaks_in
from tests.probes.badserver import Talk, answer, serving

COMMAND = Path(sys.executable).parent / "vedette"

# What a suite is given. Each has signs that look different when they are encoded.
GIVEN = {
    "BEARER_TOKEN": "bearer-Kq7+x/9=Vd2mW4",
    "BASIC_PASSWORD": "basic-Rt5+y/8=Hs3nX6",
    "HEADER_SECRET": "header-Lp9+z/7=Gf4bC1",
    "ODDLY_NAMED": "oddly-Wn3+a/6=Jd5vB2",  # a secret by its place only: a header of the target
    "PATH_TOKEN": "path-Xc8+b/5=Kg6zN3",
    "QUERY_TOKEN": "query-Vb2+c/4=Lh7aM4",
    "BODY_SECRET": "body-Nm6+d/3=Pj8sQ5",
    "BASE_TOKEN": "base-Qw4+e/2=Zk9dR7",
    "VARS_TOKEN": "vars-Er1+f/1=Xl2fT8",
    "CONTROL_TOKEN": "control-Ty9+g/9=Cm3gY6",
    "LEVER_SECRET": "lever-Ui7+h/8=Vn4hU5",
    "SOURCE_SECRET": "source-Op5+i/7=Bb5jI4",
    "STRIPE_KEY": "stripe-As3+j/6=Nv6kO3",
    "BY_PLACE": "byplace-Df1+k/5=Mc7lP2",  # a secret by the key beside which it stands
    "NAME_TOKEN": "name-Gh8+l/4=Qx8zA1",
}
FROM_FILE = "file-Jk6+m/3=Wz9xS9"
REDIS_PASSWORD = "redis-Zx4-n_2-Ea1cD8"
STORE_PASSWORD = "store-Cv2-o_1-Rs2vF7"
# What the target makes up itself; nobody registered it.
SENT = {
    "captured": "captured-Bn9+p/9=Td3bG6",
    "e-mail": "erika.mustermann@kunden-praxis.de",
    "phone": "+49 30 90182011",
    "IBAN": "DE89370400440532013000",
    "card": "4111 1111 1111 1111",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxNSJ9.c2lnbmF0dXJlMTIzNDU2",
    "bearer": "mF9zB5f41JqM4tRk",
    "connection": "postgres:Gx7Kd93mPq2",
    "cookie": "s3ss10n8Hk2Lm5Nq7",
    "API key": "ak93Hd72Ls81Mz64",
    "password": "Wq8Zx2Lk9Vb",
}  # fmt: skip
PLANTED = {**GIVEN, **SENT, "secret file": FROM_FILE, "Redis": REDIS_PASSWORD, "store": STORE_PASSWORD}
# What must be found, else the search is blind.
OPEN = {"greeting": "greeting-Hu3/e+ll0=there"}

PLUGIN = """
from pydantic import Field

from probes.fields import EvidenceRef, HeaderValue
from probes.outcome import Evidence, check, control
from probes.probe import Probe


class Reads(Probe, kind="reads"):
    source: EvidenceRef

    async def ask(self, session):
        yield control("asked", holds=True)
        source = session.target.evidence[self.source]
        if hasattr(source, "keys"):
            found = await source.keys("*")
        else:
            await source.mark()
            found = [line.text for line in (await source.read_since(None)).lines]
        yield check("nothing is there", holds=not found, expected="", observed=found)


class Careless(Probe, kind="careless"):
    raises: bool = False
    secret: HeaderValue

    async def ask(self, session):
        mine = self.secret.reveal()
        every = [mine, (session.target.auth.bearer or session.target.auth.password).reveal(), session.values["vars"]["token"]]
        session.measure(f"took {mine}", 1.0, mine)
        yield control(f"seen {mine}", holds=True, observed=every)
        things = {mine: {"in": every}, "bytes": mine.encode(), "tuple": (mine,)}
        yield check(mine, holds=False, expected=every, observed=things, evidence=Evidence(mine, mine, things))
        if self.raises:
            try:
                raise ValueError(mine)
            except ValueError as problem:
                raise RuntimeError(f"could not use {every}") from problem


class Breaks(Probe, kind="breaks"):
    fault: str

    async def ask(self, session):
        yield control("asked", holds=True)
        async with session.fault(self.fault):
            yield check("broken", holds=True)
"""

SUITE = """
suite: leaks
plugins: [careless.py]
fragments:
  common: &common
    environment: development
    private_networks: true
    allow: [faults, write, burst]
    concurrency: 4
    headers: {X-Api-Key: "${HEADER_SECRET}", X-Odd: "${ODDLY_NAMED}", X-Filed: {file: secret.txt}}
    vars: {token: "${VARS_TOKEN}", greeting: "${GREETING}"}
    evidence:
      redis_down: {source: redis, url: "${REDIS_DOWN}", timeout: 1s}
      redis_up: {source: redis, url: "${REDIS_UP}", timeout: 2s}
      program: {source: command, argv: [sh, -c, 'echo "$SOURCE_SECRET" "$HEADER_SECRET"; echo "no: $SOURCE_SECRET" >&2; exit 3', "${BODY_SECRET}"],
                env: [SOURCE_SECRET, HEADER_SECRET]}
      no_program: {source: command, argv: ["/nowhere/${PATH_TOKEN}"]}
      no_log: {source: log_file, path: "no/${PATH_TOKEN}.log"}
      quiet_log: {source: log_file, path: quiet.log}
    faults:
      by_hook:
        lever: http_hook
        inject: {method: POST, path: /fine, headers: {X-Control-Token: "${CONTROL_TOKEN}"}}
        undo: {method: POST, path: "/error/${LEVER_SECRET}", headers: {X-Control-Token: "${CONTROL_TOKEN}"}, json: {a: "${BODY_SECRET}"}}
      by_command:
        lever: command
        inject: ["true"]
        undo: [sh, -c, 'echo "cannot mend $1 $IN_ENV" >&2; exit 4', sh, "${LEVER_SECRET}"]
        env: {IN_ENV: "${CONTROL_TOKEN}"}
targets:
  open: {use: [common], auth: {bearer: "${BEARER_TOKEN}"}, base_url: "${URL}"}
  hidden: {use: [common], auth: {bearer: "${BEARER_TOKEN}"}, base_url: "${URL}/under/${BASE_TOKEN}"}
  basic: {use: [common], base_url: "${URL}", auth: {username: probe, password: "${BASIC_PASSWORD}"}}
  gone: {use: [common], auth: {bearer: "${BEARER_TOKEN}"}, base_url: "http://127.0.0.1:1/${BASE_TOKEN}"}
defaults: {timeout: 10s}
scenarios:
  - {name: everything is echoed and wrong, probe: http, request: &full {method: POST, path: "/echo/${PATH_TOKEN}/x",
      query: {q: "${QUERY_TOKEN}", b: "{{vars.token}}", g: "${GREETING}"}, headers: {X-Own: "${STRIPE_KEY}", X-Session-Id: "${BY_PLACE}", Authorization: "Bearer ${BY_PLACE}"},
      json: {secret: "${BODY_SECRET}", quoted: "\\"${BODY_SECRET}\\""}},
     expect: {status: 201, body: {contains: "${NAME_TOKEN}"}, headers: {x-echo: absent, x-more: "{{vars.token}}"}, json: {$.a: "${BODY_SECRET}"}}}
  - {name: everything is echoed and right, probe: http, request: *full, expect: {status: 200, body: {contains: "${BODY_SECRET}"}}}
  - {name: a form, probe: http, retries: 1, request: {method: POST, path: /echo, form: {password: "${BY_PLACE}", b: "${BODY_SECRET}"}, cookies: {session: "${BY_PLACE}"}}, expect: {status: 202}}
  - {name: "a name of ${NAME_TOKEN}", probe: http, why: "because of ${NAME_TOKEN}", tags: ["${NAME_TOKEN}"], owner: "${NAME_TOKEN}",
     runbook: "http://x/${NAME_TOKEN}", request: {path: /echo}, expect: {status: 203}}
  - {name: "an open ${GREETING}", probe: http, request: {path: /echo}, expect: {status: 299}}
  - {name: it needs that, probe: http, needs: ["a name of ${NAME_TOKEN}"], request: {path: /fine}}
  - {name: personal data in JSON, probe: http, request: {path: /json}, expect: {json: {$.email: x, $.phone: x, $.iban: x, $.card: x, $.jwt: x,
      $.authorization: x, $.dsn: x, $.api_key: x, $.password: x, $.all: {length: 1}, $.nested: {equals: {}}}}}
  - {name: personal data in a page, probe: http, request: {path: /page}, expect: {status: 200, body: {not_contains: Erika}, headers: {x-mail: x, set-cookie: x, x-api-key: x}}}
  - {name: personal data in a redirect, probe: http, request: {path: /redirect}, expect: {status: 200}}
  - {name: personal data in a followed redirect, probe: http, request: {path: /redirect, follow_redirects: 3}, expect: {status: 201}}
  - {name: personal data in a redirect without end, probe: http, request: {path: /round, follow_redirects: 2}, expect: {status: 200}}
  - {name: personal data in a status line, probe: http, request: {path: /status-line}, expect: {status: 200}}
  - {name: a long page, probe: http, request: {path: "/long", query: {q: "${QUERY_TOKEN}"}}, expect: {status: 201, body: {contains: nothing like it}}}
  - {name: a body that breaks off, probe: http, request: {path: /cut}, expect: {status: 200}}
  - {name: a captured secret, probe: http, steps: [
      {name: log in, request: {method: POST, path: /login}, capture: {session: {json: $.session, secret: true}}},
      {name: use it, request: {path: "/echo/{{session}}", headers: {X-S: "{{session}}"}}, expect: {status: 204}}]}
  - {name: too slow, probe: http, timeout: 700ms, request: {path: "/slow/${PATH_TOKEN}", query: {q: "${QUERY_TOKEN}"}}}
  - {name: too slow to connect, probe: http, request: {path: "http://127.0.0.1:1/${PATH_TOKEN}", timeout: 300ms}}
  - {name: no value, probe: http, request: {path: "/echo/{{nonce}}?x=${QUERY_TOKEN}\\t"}}
  - {name: health, probe: health, live: "/page?x=${QUERY_TOKEN}", ready: /json, dependencies: [database]}
  - {name: nothing logged, probe: log_privacy, logs: [quiet_log], wait: 300ms, settle: 0s, requests: [{name: a, request: {method: POST, path: /echo,
      json: {email: "{{planted.email}}", iban: "{{planted.iban}}"}}}]}
  - {name: leaky log, probe: log_privacy, logs: [leaky_log], wait: 300ms, settle: 0s, requests: [{name: a, request: {method: POST, path: /log,
      json: {email: "{{planted.email}}", phone: "{{planted.phone}}", pw: "{{planted.password}}", s: "${BODY_SECRET}"}}}]}
  - {name: Redis is down, probe: reads, source: redis_down}
  - {name: Redis is up, probe: reads, source: redis_up}
  - {name: the program fails, probe: reads, source: program}
  - {name: no program, probe: reads, source: no_program}
  - {name: no log, probe: reads, source: no_log}
  - {name: a careless probe, probe: careless, secret: "${STRIPE_KEY}"}
  - {name: a careless probe that breaks, probe: careless, raises: true, secret: "${STRIPE_KEY}"}
  - {name: cannot mend by hook, probe: breaks, fault: by_hook}
  - {name: cannot mend by command, probe: breaks, fault: by_command}
""".replace("      quiet_log:", "      leaky_log: {source: log_file, path: leaky.log}\n      quiet_log:")  # noqa: E501


@dataclass
class Leaky:
    """A target that tells all it knows, on a thread of its own."""

    url: str = ""
    slow: threading.Event = field(default_factory=threading.Event)  # set when a request hangs
    log: Path | None = None


PII_JSON = {
    "email": SENT["e-mail"], "phone": SENT["phone"], "iban": SENT["IBAN"], "card": SENT["card"], "jwt": SENT["JWT"],
    "authorization": f"Bearer {SENT['bearer']}", "dsn": f"pgsql://{SENT['connection']}@db.internal/app",
    "api_key": SENT["API key"], "password": SENT["password"],
}  # fmt: skip
PROSE = "; ".join(f"{key}: {value}" for key, value in PII_JSON.items())


@contextlib.contextmanager
def leaky_target(log: Path) -> Iterator[Leaky]:
    seen = Leaky(log=log)
    ready, over = threading.Event(), asyncio.Event()

    async def script(talk: Talk) -> None:
        path = re.sub("^/under/[^/]+/[^/]+", "", talk.path.partition("?")[0])
        told = talk.head + b"\n" + talk.body
        json_body = json.dumps({**PII_JSON, "all": list(PII_JSON.values())[:7], "nested": PII_JSON}).encode()
        if path.startswith("/json"):
            await talk.send(answer(json_body, content_type="application/json"))
        elif path.startswith("/page"):
            page = f"<html><h1>Whoops</h1>Erika {PROSE} <pre>{told.decode('latin-1')}</pre></html>".encode()
            cookie = f"sid={SENT['cookie']}; HttpOnly"
            await talk.send(answer(page, "500 Error", content_type="text/html", X_Mail=SENT["e-mail"], Set_Cookie=cookie,
                                   X_Api_Key=SENT["API key"], Authorization=f"Bearer {SENT['bearer']}"))  # fmt: skip
        elif path.startswith(("/redirect", "/round")):
            to = "/round" if path.startswith("/round") else "/page"
            to += f"?email={SENT['e-mail']}&phone=%2B49%2030%2090182011&password={SENT['password']}"
            await talk.send(answer(b"", "302 Found", Location=to))
        elif path.startswith("/status-line"):
            await talk.send(f"HTTP/1.1 ERR {SENT['e-mail']} {SENT['JWT']}\r\n\r\n".encode())
        elif path.startswith("/long"):
            query = unquote(talk.path.partition("?q=")[2]).encode()  # cut in the middle of a secret, where reports end
            await talk.send(answer(b". " * 2040 + query + b" " + SENT["IBAN"].encode() * 200))
        elif path.startswith("/cut"):
            await talk.send(f"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{PROSE}".encode())
            talk.reset()
        elif path.startswith("/login"):
            await talk.send(answer(json.dumps({"session": SENT["captured"]}).encode(), content_type="application/json"))
        elif path.startswith("/slow"):
            seen.slow.set()
            await talk.reader.read()
        elif path.startswith("/log"):
            with log.open("ab") as file:
                file.write(b" ".join(told.split()) + b" " + PROSE.encode() + b"\n")
            await talk.send(answer(told))
        elif path.startswith("/fine"):
            await talk.send(answer(b"fine"))
        else:
            status = "500 Internal Server Error" if path.startswith("/error") else "200 OK"
            await talk.send(answer(told, status, content_type="text/plain", X_Echo=talk.path.partition("?")[0]))

    async def serve() -> None:
        async with serving(script) as server:
            seen.url = server.url
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@dataclass
class Place:
    """A folder with the suite, and everything that ever came out of the command in it."""

    folder: Path
    environ: Mapping[str, str]
    target: Leaky
    said: dict[str, bytes] = field(default_factory=dict)

    def call(self, *words: str, code: int | None = None, **more: str) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run([str(COMMAND), *words], cwd=self.folder, env={**self.environ, **more}, capture_output=True,
                              timeout=60, check=False)  # fmt: skip
        title = " ".join(words) + (f" ({', '.join(more)})" if more else "")
        self.said |= {f"stdout of {title}": done.stdout, f"stderr of {title}": done.stderr}
        assert code is None or done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done

    def everything(self) -> dict[str, bytes]:
        """Return all that was said and all that lies in the folder, but what the test put there."""
        inputs = [self.folder / name for name in ("leaks.yaml", "careless.py", "secret.txt", "leaky.log", "quiet.log")]
        return {**self.said, **dict(files_below(self.folder, but=inputs))}

    def said_by_all(self) -> str:
        return b"\n".join(self.said.values()).decode("utf-8", "replace")

    def leaks(self) -> list[str]:
        return leaks_in(self.everything(), PLANTED)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "leaks.yaml").write_text(SUITE)
    (folder / "careless.py").write_text(PLUGIN)
    (folder / "secret.txt").write_text(FROM_FILE + "\n")
    (folder / "quiet.log").write_text("")
    (folder / "leaky.log").write_text("")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VEDETTE_", "GITHUB_"))}
    with leaky_target(folder / "leaky.log") as target:
        environ = {
            **clean, **GIVEN, "GREETING": OPEN["greeting"], "URL": target.url, "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "REDIS_DOWN": f"redis://probe:{REDIS_PASSWORD}@127.0.0.1:1/0", "REDIS_UP": f"redis://probe:{REDIS_PASSWORD}@127.0.0.1:6379/0",
        }  # fmt: skip
        yield Place(folder, environ, target)


def every_format(name: str = "report") -> list[str]:
    return [word for format_name in FORMATS.names() for word in ("-r", f"{format_name}={name}.{format_name}")]


VERDICTS = {
    "everything is echoed and wrong": "fail", "everything is echoed and right": "pass", "too slow": "fail", "no value": "error",
    "it needs that": "skipped", "nothing logged": "inconclusive", "leaky log": "fail", "Redis is down": "error",
    "Redis is up": "error", "the program fails": "error", "no program": "error", "no log": "error",
    "a captured secret": "fail", "personal data in JSON": "fail", "personal data in a redirect without end": "fail",
    "a body that breaks off": "fail", "a careless probe that breaks": "fail", "cannot mend by hook": "error",
}  # fmt: skip


def verdicts_in(place: Place) -> dict[str, str]:
    outcomes = json.loads((place.folder / "report.json").read_text())["outcomes"]
    return {o["subject"]["scenario"]: o["verdict"] for o in outcomes}


@pytest.mark.parametrize("target", ["open", "hidden", "basic"])
def test_a_run_in_which_everything_goes_wrong_tells_no_secret_anywhere(place: Place, target: str, redis_url: str) -> None:
    place.call("run", "leaks.yaml", "--target", target, "-v", "-r", "list", *every_format(), code=6)
    assert place.leaks() == []
    seen = verdicts_in(place)
    assert {name: seen.get(name) for name in VERDICTS} == VERDICTS  # else there was nothing to leak
    assert "a name of [name_token]" in seen
    assert "failed and was told nothing more" not in place.said_by_all()


def test_the_search_finds_what_is_no_secret_in_every_report_and_in_the_store(place: Place) -> None:
    place.call("run", "leaks.yaml", "--target", "open", "-v", "-k", "an open", "-r", "list", *every_format(), code=1)
    found = {line.partition(":")[0] for line in leaks_in(place.everything(), OPEN)}
    assert "vedette-unsaved" not in place.said_by_all()
    assert {f"report.{name}" for name in FORMATS.names()} <= found
    assert {"summary.md", ".vedette/results.db", ".vedette/results.db as SQL"} <= found
    assert any(name.startswith("stdout of run") for name in found)


def test_what_is_shown_of_a_run_later_tells_no_secret(place: Place) -> None:
    place.call("run", "leaks.yaml", "--target", "hidden", "-k", "cannot mend", "--store", "kept.db", code=6)
    entries = list((place.folder / ".vedette" / "undo").glob("*.json"))
    assert len(entries) == 2
    place.call("report", "--store", "kept.db", "-v", "-r", "list", *every_format("again"), code=0)
    place.call("report", "--store", "kept.db", "--list", code=0)
    place.call("restore", "--list", code=0)
    assert b"is still broken" in place.call("restore", code=6).stdout
    assert b"BASE_TOKEN" in place.call("restore", code=6, BASE_TOKEN="").stdout  # named, as it is not set
    place.call("doctor", code=6)
    assert place.call("run", "leaks.yaml", "--target", "hidden", "-k", "right", code=6).stderr.count(b"is still broken") == 2
    assert place.leaks() == []


def test_what_is_said_before_anything_is_sent_tells_no_secret(place: Place) -> None:
    place.call("run", "leaks.yaml", "--target", "hidden", "--list", code=0)
    place.call("run", "leaks.yaml", "--target", "hidden", "--dry-run", code=0)
    place.call("validate", "leaks.yaml", "--all-targets", code=0)
    lines = SUITE.splitlines()
    wrong = {
        "base_url": "  hidden: {use: [common], base_url: '${BASE_TOKEN}'}",
        "timeout": "defaults: {timeout: '${BODY_SECRET}'}",
        "password": f"  basic: {{base_url: 'http://x', auth: {{username: probe, password: '{GIVEN['BASIC_PASSWORD']}'}}}}",
        "bearer": f"  basic: {{use: [common], base_url: 'http://x', auth: {{bearer: {GIVEN['BEARER_TOKEN']}}}}}",
        "address": f"  basic: {{use: [common], base_url: 'http://probe:{REDIS_PASSWORD}@x'}}",
        "severity": "defaults: {severity: '${STRIPE_KEY}'}",
    }
    for name, line in wrong.items():
        start = line.partition("{")[0]
        (place.folder / "leaks.yaml").write_text("\n".join(line if one.startswith(start) else one for one in lines))
        done = place.call("validate", "leaks.yaml", "--all-targets", code=2)
        place.said[f"mistake {name}"] = done.stderr
        assert b"leaks.yaml:" in done.stderr
    assert place.leaks() == []


def test_a_run_that_is_interrupted_in_a_request_tells_no_secret(place: Place) -> None:
    child = subprocess.Popen(
        [str(COMMAND), "run", "leaks.yaml", "--target", "hidden", "-k", "too slow", "-v", "-r", "list", *every_format()],
        cwd=place.folder, env=dict(place.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert place.target.slow.wait(20)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=20)
    place.said |= {"stdout": out, "stderr": err}
    assert child.returncode == 143, err
    assert b"interrupted by SIGTERM" in out
    assert place.leaks() == []


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "mysql", "nonsense"])
def test_the_password_of_a_store_is_never_told(place: Place, driver: str) -> None:
    where = f"{driver}://probe:{STORE_PASSWORD}@127.0.0.1:1/results?password={STORE_PASSWORD}"
    place.call("run", "leaks.yaml", "--target", "open", "-k", "right", "--store", where, TMPDIR=str(place.folder), code=3)
    place.call("report", "--store", where, code=2)
    assert any(name.startswith("vedette-unsaved-") for name in place.everything())  # nothing was lost
    assert place.leaks() == []


def test_a_bug_of_ours_tells_where_it_is_and_nothing_of_what_it_holds(place: Place) -> None:
    (place.folder / "sitecustomize.py").write_text(
        "import scenarios.loader\n"
        "def broken(*a, **k):\n"
        "    import os\n"
        "    try: raise KeyError(os.environ['BODY_SECRET'])\n"
        "    except KeyError as cause: raise RuntimeError('with ' + os.environ['STRIPE_KEY']) from cause\n"
        "scenarios.loader.load_suite = broken\n"
    )
    done = place.call("run", "leaks.yaml", "--target", "open", code=70, PYTHONPATH=str(place.folder), VEDETTE_TRACEBACK="1")
    assert b"RuntimeError" in done.stderr and b"KeyError" in done.stderr and b"sitecustomize.py:4" in done.stderr
    assert place.leaks() == []
