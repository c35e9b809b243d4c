"""`failc links`: every link to every peer, and what came over it that was refused."""

import json
from typing import Any

import click

from protocol.moment import lasting
from tools.failc.asking import connect
from tools.failc.options import reaching
from tools.failc.screen import coloured, table, width


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@reaching
def links(as_json: bool) -> None:
    """Each link to each peer: whether its TLS connection stands, whether datagrams arrive, the round trip, what was refused.

    Without datagrams heartbeats still come over TLS; under packet loss they then come late. Refused messages are counted
    by reason since this faild started.

    \b
    failc links
    """
    known = connect().get("/links")
    if as_json:
        print(json.dumps(known))
        return
    rows = [_row(link) for link in known["links"]]
    print("\n".join(table(["PEER", "LINK", "TLS", "DATAGRAMS", "ROUND TRIP", "REFUSED"], rows, coloured(), width())))


def _row(link: dict[str, Any]) -> list[str]:
    refused = ", ".join(f"{reason} {count}" for reason, count in sorted(link["refused"].items()))
    rtt = "-" if link["rtt_ms"] is None else lasting(link["rtt_ms"])
    return [link["peer"], link["link"], _word(link["up"]), _word(link["datagram"]), rtt, refused or "-"]


def _word(up: bool) -> str:
    return "up" if up else "down"
