"""This file is for `vedette gate`: decide whether a canary may go on, alone or by a service, and prove it afterwards."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from vedette.cli.arguments import duration, positive

SUMMARY = "decide with evidence whether a canary may go on"
EXAMPLES = (
    "examples:\n"
    "  vedette gate plan shop.yaml                                   how long it will take, and what it can see\n"
    "  vedette gate run shop.yaml --advance 'set-weight {weight}'    all stages, without a service\n"
    "  vedette gate run shop.yaml --stage 25 --canary-version 1.4.2  one stage; who calls it moves the traffic\n"
    "  vedette gate run shop.yaml --resume                           go on where a killed one stopped\n"
    "  vedette gate replay .vedette/gates/shop@1.4.2-….jsonl         decide again from the evidence\n"
    "  vedette gate open shop@1.4.2 --policy shop --canary-version 1.4.2 --stage 5\n"
    "  vedette gate wait --name shop@1.4.2 --stage 5 --timeout 2h\n"
    "  vedette gate hold shop@1.4.2 --reason 'the database moves'\n\n"
    "exit codes of run and wait: 0 promote, 1 rollback, 3 inconclusive or could not be decided, 4 not decided in time,\n"
    "5 nothing to judge; in shadow mode 0 whatever is decided, which is said. `replay`: 0 the same, 1 not, 2 unreadable.\n"
    "`decision` does not wait: 0 promote, 1 rollback, 3 neither"
)

_DEEDS = {
    "hold": "let nothing be promoted until it is resumed",
    "resume": "let a gate that is held decide again",
    "promote": "promote a stage in place of the gate",
    "rollback": "roll back in place of the gate",
    "cancel": "end a gate without a decision",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    places = parser.add_subparsers(title="what to do", dest="deed", metavar="DEED", required=True)
    _without_a_service(places)
    _of_a_service(places)


def _without_a_service(places: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    plan = places.add_parser("plan", help="say how long a policy will take, and what it can see, before anybody waits")
    valid = places.add_parser("validate", help="find every mistake of a policy, without sending anything")
    run = places.add_parser("run", help="judge a canary stage by stage, without a service")
    for one in (plan, valid, run):
        one.add_argument("policy", metavar="POLICY", help="a file, or the name of a bundled policy")
    plan.add_argument("--json", action="store_true", help="write it as JSON")
    plan.add_argument(
        "--baseline-failure", metavar="RATIO", help="part of the baseline's rounds that fail, as 0.5%% or 0.005 (default: 0.5%%)"
    )
    run.add_argument("--stage", type=weight, metavar="WEIGHT", help="judge only the stage of this weight (default: all in a row)")
    run.add_argument(
        "--advance", metavar="COMMAND",
        help="run before each stage to move the traffic, by no shell; it learns the weight by {weight} alone;"
        " where it fails, nothing is decided",
    )  # fmt: skip
    run.add_argument(
        "--evidence", type=Path, metavar="FILE", help="where to keep the evidence (default: a new file below gates/ of the state)"
    )
    run.add_argument(
        "--resume", action="store_true", help="go on with the evidence of a gate that was stopped (default: the newest)"
    )
    run.add_argument(
        "--timeout", type=duration, metavar="4h", help="decide nothing after this time (default: the stages' max_time)"
    )
    run.add_argument("--canary-version", type=version, metavar="TEXT", help="what the canary's answers must say")
    run.add_argument("--baseline-version", type=version, metavar="TEXT", help="what the baseline's answers must say")
    run.add_argument("--shadow", action="store_true", help="decide and say so, but bind nobody: exit code 0 for each decision")
    run.add_argument("--json", action="store_true", help="write the verdict as JSON")
    replay = places.add_parser("replay", help="decide again from a file of evidence, and tell the first line that differs")
    replay.add_argument("file", metavar="FILE", help="the evidence of a gate; `-` reads standard input")
    replay.add_argument("--hash", metavar="HEX", help="of the newest line: so it is seen when lines at the end are missing")
    replay.add_argument("--json", action="store_true", help="write it as JSON")
    places.add_parser("triggers", help="list the dangers that a trigger may name, and what tells of them")


def _of_a_service(places: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from vedette.cli.service_client import add_service_argument

    opened = places.add_parser("open", help="open a gate for a rollout")
    opened.add_argument("name", metavar="NAME", help="of the gate")
    opened.add_argument("--policy", required=True, metavar="NAME", help="one that the service was given with --gate")
    opened.add_argument("--canary-version", type=version, metavar="TEXT", help="what the canary's answers must say")
    opened.add_argument("--baseline-version", type=version, metavar="TEXT", help="what the baseline's answers must say")
    opened.add_argument("--stage", type=weight, metavar="WEIGHT", help="the first stage, which begins at once")
    stage = places.add_parser("stage", help="tell that the rollout is at a stage")
    stage.add_argument("name", metavar="NAME", help="of the gate")
    stage.add_argument("weight", type=weight, metavar="WEIGHT", help="percent of the traffic that the canary is given now")
    wait = places.add_parser("wait", help="wait until a stage is decided")
    wait.add_argument("--name", required=True, metavar="NAME", help="of the gate")
    wait.add_argument("--timeout", type=duration, metavar="2h", help="wait no longer (default: 6h)")
    wait.add_argument(
        "--on-inconclusive", choices=("fail", "pass"), default="fail", help="end with 3, or with 0 all the same (default: fail)"
    )
    decision = places.add_parser("decision", help="tell what is decided now: exit code 0 promote, 1 rollback, 3 neither")
    decision.add_argument("name", metavar="NAME", help="of the gate")
    decision.add_argument("--json", action="store_true", help="write what the service answered, as JSON")
    for one in (wait, decision):
        one.add_argument("--stage", type=weight, metavar="WEIGHT", help="which stage (default: the one that it is at)")
    told = [_told_by_a_person(places, deed, text) for deed, text in _DEEDS.items()]
    listed = places.add_parser("list", help="list gates, the newest first")
    listed.add_argument("--open", action="store_true", help="only those that are not over")
    listed.add_argument("--of", metavar="SERVICE", help="only of what is rolled out under this name")
    listed.add_argument("--limit", type=positive, metavar="N", default=20, help="how many (default: 20)")
    listed.add_argument("--json", action="store_true", help="write what the service answered, as JSON")
    for one in (opened, stage, wait, decision, *told, listed):
        add_service_argument(one)


def _told_by_a_person(
    places: argparse._SubParsersAction[argparse.ArgumentParser], deed: str, text: str
) -> argparse.ArgumentParser:
    place = places.add_parser(deed, help=text)
    place.add_argument("name", metavar="NAME", help="of the gate")
    place.add_argument(
        "--reason",
        required=deed in ("hold", "promote", "rollback"),
        default=f"by `vedette gate {deed}`",
        metavar="TEXT",
        help="for the evidence and the audit trail",
    )
    return place


def run(args: argparse.Namespace) -> int:
    alone = {"run": _run, "replay": _replay, "plan": _plan, "validate": _validate, "triggers": _triggers}
    return alone[args.deed](args) if args.deed in alone else _ask(args)


def _run(args: argparse.Namespace) -> int:
    from vedette.jobs.gate import GateOrder, gate

    order = GateOrder(
        policy=args.policy, stage=args.stage, advance=args.advance, evidence=args.evidence, resume=args.resume,
        timeout_s=args.timeout, canary_version=args.canary_version, baseline_version=args.baseline_version,
        shadow=args.shadow, as_json=args.json,
    )  # fmt: skip
    return gate(order)


def _replay(args: argparse.Namespace) -> int:
    from vedette.jobs.gate_replay import replay_file

    return replay_file(args.file, wanted_hash=args.hash, as_json=args.json)


def _plan(args: argparse.Namespace) -> int:
    from vedette.jobs.gate_plan import PlanOrder, failure_rate, plan

    rate = None if args.baseline_failure is None else failure_rate(args.baseline_failure)
    return plan(PlanOrder(args.policy, args.json, rate))


def _validate(args: argparse.Namespace) -> int:
    from vedette.jobs.gate_plan import validate

    return validate(args.policy)


def _triggers(args: argparse.Namespace) -> int:
    from vedette.jobs.gate_plan import triggers

    return triggers()


def _ask(args: argparse.Namespace) -> int:
    from vedette.cli import gate_talk as talk
    from vedette.cli.gate_waiting import wait
    from vedette.cli.service_client import Client, ServiceUnreachable

    client = Client.from_args(args)
    deeds = {"open": talk.open_gate, "stage": talk.begin_stage, "wait": wait, "decision": talk.decision, "list": talk.list_them}
    try:
        return deeds.get(args.deed, talk.told)(client, args)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        raise ServiceUnreachable(f"what answers at {client.url} is no service of this version of vedette") from problem


def weight(text: str) -> float:
    """Return a stage's weight in percent. Raises: ArgumentTypeError."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:  # false for nan, too
        raise argparse.ArgumentTypeError(f"'{text}' should be percent of the traffic, from 0 to 100")
    return value


def version(text: str) -> str:
    """Return a version as answers may say it. Raises: ArgumentTypeError."""
    if not text.strip() or not text.isprintable() or len(text) > 200:
        raise argparse.ArgumentTypeError(f"'{text[:60]}' should be a version: one line, at most 200 letters")
    return text.strip()
