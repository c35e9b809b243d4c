"""`failc config`: what is wrong with a configuration file, before a node tells you."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from protocol.invariant import InvariantBroken
from tools.cli.trouble import DONE, NO, REFUSED, UNREACHABLE, USAGE, Trouble
from tools.failc.options import indifferent, reaching, reasoning

if TYPE_CHECKING:
    from coordinator.config import Checked, Complaint

DEFAULT = Path("/etc/failover/failover.toml")


FATES = {202: DONE, 400: USAGE, 403: REFUSED, 409: NO, 422: USAGE}
"""The node's answer to `apply` as an exit code."""


@click.group(short_help="Check the configuration, apply it, print its schema.")
def config() -> None:
    """Look at a configuration file without a node, all complaints at once, each with its line; or let a node apply its own.

    \b
    failc config apply                    let the running faild read its file again
    failc config check                    the file in /etc/failover
    failc config check new.toml           another one, before it is copied
    failc config schema > failover.json   for editors that know JSON schemas
    """


@config.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False), default=DEFAULT)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@indifferent
def check(file: Path, as_json: bool) -> int:
    """Check FILE as faild does at its start, with the secret files that it names.

    On a machine that is one of its nodes, by the host's name or a link's address, it must also have the interfaces, networks
    and programs of that node's services. What the other nodes need and this machine lacks is a warning with their names.

    Prints `FILE:LINE:COLUMN: key: what is wrong. What to write instead.` for everything that is wrong. Exit 0: sound,
    perhaps with warnings; 2: something must be changed; 3: cannot be read.

    \b
    failc config check /etc/failover/failover.toml
    """
    from coordinator.config import survey

    try:
        checked = survey(file)
    except OSError as error:
        raise Trouble(f"{file}: cannot be read: {error.strerror}. Name the file, or make it readable", UNREACHABLE) from None
    print(json.dumps(_object(checked), ensure_ascii=False)) if as_json else _lines(checked, file)
    return USAGE if checked.wrong else DONE


def _lines(checked: "Checked", file: Path) -> None:
    for complaint in checked.wrong:
        click.echo(str(complaint), err=True)
    for warning in (*checked.warnings, *checked.exposed):
        click.echo(f"{warning} (warning)", err=True)
    policy = checked.policy
    if policy and not checked.wrong:
        count = f"{_count(policy.nodes, 'node')}, {_count(policy.services, 'service')}"
        print(f'{file}: sound. Cluster "{policy.cluster}", {count}, digest {policy.digest.hex()[:16]}')


def _count(things: Any, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _object(checked: "Checked") -> dict[str, Any]:
    policy = checked.policy
    return {
        "ok": not checked.wrong,
        "cluster": policy.cluster if policy else None,
        "digest": policy.digest.hex() if policy else None,
        "complaints": [_entry(complaint) for complaint in checked.wrong],
        "warnings": [_entry(warning) for warning in (*checked.warnings, *checked.exposed)],
    }


def _entry(complaint: "Complaint") -> dict[str, Any]:
    return {
        "file": complaint.file,
        "line": complaint.line,
        "column": complaint.column,
        "key": complaint.path,
        "what": complaint.what,
        "instead": complaint.instead,
    }


@config.command()
@indifferent
def schema() -> None:
    """Print the JSON schema of failover.toml, for editors.

    \b
    failc config schema > failover.schema.json
    then, as the first line of failover.toml:   #:schema ./failover.schema.json
    """
    from coordinator.config import schema as whole

    print(json.dumps(whole(), indent=2))


@config.command()
@reasoning(required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@reaching
def apply(reason: str, as_json: bool) -> int:
    """Let the node that is asked read its configuration file again, and swap it or change nothing.

    The node makes the same checks as at its start. Prints what has changed, or what is wrong and on which line. An `admin`
    must sign; the command stands in the log. Copy the file to every node and apply it on each: until all run the same, no
    node fails back.

    What is up goes down with the actions that brought it up; other actions of a service that is up here are a restart in
    place. A service that is no longer in the file, or no longer this node's, is released. Refused, and nothing changes: a bad
    file; another cluster; another key of a known node; a candidate removed while its faild runs; every link to a node at once.

    Exit 0: applied, or unchanged; 1: not now; 2: the file must be changed; 3: not reached; 4: no authority. SIGHUP to faild
    does the same without a signature, and says in its log what became of it.

    \b
    failc config apply --reason "failback after 10m"
    failc config apply --state /var/lib/failover
    """
    from tools.failc.asking import connect
    from tools.failc.signing import Order, sign

    ask = connect()
    cluster = ask.get("/cluster")
    try:
        digest = _digest(Path(cluster["config"]))
        given = sign(ask, cluster, Order("apply", "", cluster["node"], reason, digest=digest))
    except Trouble as refused:
        if as_json:
            print(json.dumps(_applied(cluster["node"], refused.code, {"text": refused.message})))
        raise
    if not isinstance(given, dict):
        raise InvariantBroken("whether a file is in force already is seen when it has been read")
    code, answer = ask.post("/command", given)
    fate = FATES.get(code, UNREACHABLE)
    text = answer.get("text") or answer.get("error") or f"answered {code}"
    if as_json:
        print(json.dumps(_applied(cluster["node"], fate, answer)))
        return fate
    for complaint in answer.get("complaints", []):
        click.echo(complaint, err=True)
    if fate != DONE:
        raise Trouble(f"config apply on {cluster['node']}: {text}", fate)
    print("\n".join([f"{cluster['node']}: {text}", *(f"  {line}" for line in answer["changes"])]))
    return fate


def _digest(file: Path) -> bytes:
    """The digest of the file as it stands here: the node refuses any other file."""
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError as error:
        why = f"{file}: cannot be read: {error.strerror}"
        raise Trouble(f"{why}. Its digest is signed: run this where the file is", USAGE) from None


def _applied(node: str, fate: int, answer: dict[str, Any]) -> dict[str, Any]:
    """What became of the file, as one object."""
    keys = ("text", "changes", "complaints")
    return {"ok": fate == DONE, "node": node, **{key: answer.get(key, []) for key in keys}}
