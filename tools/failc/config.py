"""`failc config`: what is wrong with a configuration file, before a node tells you."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.failc.options import indifferent
from tools.failc.trouble import NO, UNREACHABLE, USAGE, Trouble

if TYPE_CHECKING:
    from coordinator.config import Checked, Complaint

DEFAULT = Path("/etc/failover/failover.toml")


@click.group(short_help="Check the configuration, print its schema.")
def config() -> None:
    """Look at a configuration file without a node: all complaints at once, each with its line.

    \b
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

    Prints `FILE:LINE:COLUMN: key: what is wrong. What to write instead.` for everything that is wrong. Exit 0: sound,
    perhaps with warnings; 2: something must be changed; 3: cannot be read.

    \b
    failc config check /etc/failover/failover.toml
    """
    from coordinator.config import check as look

    try:
        checked = look(file)
    except OSError as error:
        raise Trouble(f"{file}: cannot be read: {error.strerror}. Name the file, or make it readable", UNREACHABLE) from None
    print(json.dumps(_object(checked), ensure_ascii=False)) if as_json else _lines(checked, file)
    return USAGE if checked.complaints else 0


def _lines(checked: "Checked", file: Path) -> None:
    for complaint in checked.complaints:
        click.echo(str(complaint), err=True)
    for warning in checked.warnings:
        click.echo(f"{warning} (warning)", err=True)
    policy = checked.policy
    if policy:
        count = f"{_count(policy.nodes, 'node')}, {_count(policy.services, 'service')}"
        print(f'{file}: sound. Cluster "{policy.cluster}", {count}, digest {policy.digest.hex()[:16]}')


def _count(things: Any, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _object(checked: "Checked") -> dict[str, Any]:
    policy = checked.policy
    return {
        "ok": not checked.complaints,
        "cluster": policy.cluster if policy else None,
        "digest": policy.digest.hex() if policy else None,
        "complaints": [_entry(complaint) for complaint in checked.complaints],
        "warnings": [_entry(warning) for warning in checked.warnings],
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
def apply() -> None:
    """Not in this release: copy the file to every node and restart them one after the other."""
    raise Trouble("config apply is not in this release: copy the file to each node and restart its faild, one by one", NO)
