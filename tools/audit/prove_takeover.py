"""`failaudit prove takeover SERVICE EPOCH`: the claim of that epoch, with the votes by which it was made, as one file.

    data = certificate(entries, claim)          # the bytes for one claim; the same for the same log
"""

import os
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import click

from protocol.event import Entry, Event, Ref
from protocol.events import Claim, body_of
from protocol.forks import RUN_ENTRIES_MAX, Branch
from protocol.names import NUMBER_MAX
from protocol.takeover import NotTakeover, decode, encode, votes_in
from tools.audit.evidence import Evidence, gather
from tools.audit.options import asked_for, settings, trusting
from tools.audit.showing import name, print_json
from tools.audit.takeover_check import Verdict, checked
from tools.cli.trouble import NO, UNREACHABLE, USAGE, Trouble


@click.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.  [standard output]")
@click.argument("service")
@click.argument("epoch", type=click.IntRange(1, NUMBER_MAX))
@click.argument("words", nargs=-1, metavar="[SOURCE]...")
@trusting
def takeover(service: str, epoch: int, words: tuple[str, ...], out: Path | None) -> None:
    """A takeover certificate: that a majority of the voters has voted for the claim of SERVICE under EPOCH.

    \b
    failaudit prove takeover db 7 --out db-7.takeover /var/lib/failover
    failaudit check db-7.takeover --config failover.toml

    It has the claim and the votes as their authors signed them. `failaudit check` needs the cluster's configuration and
    nothing else. Exit 1 where no claim of that epoch has the votes of a majority.
    """
    evidence = gather(asked_for(words).sources)
    data, verdict = proved(evidence, evidence.service(service), epoch)
    if out is not None:
        write(out, data)
    if settings().json:
        print_json(_as_json(data, verdict, out))
    elif out is None:
        click.echo(data.decode(), nl=False)
    else:
        said = f"{verdict.takeover.node} claimed {service} under epoch {epoch} by the votes of {' and '.join(verdict.voters)}"
        click.echo(f"{out}: {said}")


def _as_json(data: bytes, verdict: Verdict, out: Path | None) -> dict[str, Any]:
    where = {"certificate": data.decode()} if out is None else {"file": str(out)}
    return {**verdict.as_json(), "bytes": len(data), **where}


def proved(evidence: Evidence, service: str, epoch: int) -> tuple[bytes, Verdict]:
    """The file for the first claim that has its votes, and what its check says. Trouble(1) where there is none such."""
    entries = {entry.ref: entry for entry in evidence.merged.entries if entry.id in evidence.merged.attested}
    refused = f"no node has claimed {service} under epoch {epoch}, as far as these logs tell"
    for claim in claims(evidence.history.order, service, epoch):
        where = f"{service}, epoch {epoch}: the claim {name(evidence.history, claim.ref)} proves nothing"
        try:
            data = certificate(entries, claim)
        except NotTakeover as error:
            refused = f"{where}: {error}"
            continue
        verdict = checked(decode(data), evidence.policy)
        if verdict.ok:
            return data, verdict
        refused = f"{where}: {verdict.objections[0].fault}: {verdict.objections[0].text}"
    raise Trouble(refused, NO)


def claims(events: Iterable[Event], service: str, epoch: int) -> list[Event]:
    """Those of this epoch, by their names: at most one has a majority, as long as no voter votes twice."""
    bodies = [(event, body_of(event)) for event in events if event.service == service]
    found = [event for event, body in bodies if isinstance(body, Claim) and body.epoch == epoch]
    return sorted(found, key=lambda event: event.ref)


def certificate(entries: Mapping[Ref, Entry], claim: Event) -> bytes:
    """Raises NotTakeover where it would be longer than what is read."""
    named = [entries[ref].event for ref in sorted(set(claim.causes)) if ref in entries]
    votes = [event.ref for event in named if _is_for(event, claim)]
    return encode(_run(entries, claim.ref), [_run(entries, ref) for ref in votes])


def _is_for(vote: Event, claim: Event) -> bool:
    body = body_of(claim)
    given = [(given.candidate, given.epoch) for given in votes_in(vote, claim.service)]
    return isinstance(body, Claim) and (claim.node, body.epoch) in given


def _run(entries: Mapping[Ref, Entry], first: Ref) -> Branch:
    """The event and what stands behind it, up to the first signature."""
    behind: list[Entry] = []
    for number in count(first.number):
        entry = entries.get(Ref(first.node, first.incarnation, number))
        if entry is None or len(behind) == RUN_ENTRIES_MAX:
            raise NotTakeover(f"the signature that covers {first} is not within {RUN_ENTRIES_MAX} events behind it")
        behind.append(entry)
        if entry.signature:
            break
    return tuple(behind)


def write(path: Path, data: bytes) -> None:
    """A file of its own: nothing that is there already is written over, unless it is the very same."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
        raise Trouble(f"{path}: another file is there already: remove it, or name another one with --out", USAGE) from None
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}: name another file with --out", UNREACHABLE) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Trouble(f"{path}: {error.strerror}: it was not written", UNREACHABLE) from None
