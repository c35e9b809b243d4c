"""`failc status`: one screen to read at three in the morning."""

import json
from collections.abc import Iterator
from typing import Any

import click

from protocol.moment import lasting
from tools.failc.asking import connect
from tools.failc.options import reaching
from tools.failc.screen import coloured, folded, paint, table, width

NAMED_MAX = 4
"""Services that one sentence names."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The whole status as one JSON object.")
@reaching
def status(as_json: bool) -> None:
    """Who owns what, in which state each node has it, which links are up, and why it is so.

    All of it is what the node that is asked knows. A peer's state is its own word while it is alive, INDOUBT while it is in
    doubt, FAIL when it is dead; `unreachable` means alive, by the word of a third node.

    \b
    failc status
    failc status --json | jq -r .services.web.owner
    """
    known = connect().get("/status")
    room = width()
    said = lines(known, coloured(), room)
    print(json.dumps(known) if as_json else "\n".join(folded(said, room) if room else said))


def lines(known: dict[str, Any], colour: bool, room: int | None = None) -> list[str]:
    """The status as text, the alarms first. Tables that do not fit into `room` letters are written one cell a line."""
    said = [f"{known['cluster']}, as {known['node']} knows it at {known['at'][11:19]}Z", *_alarms(known["alarms"], colour), ""]
    said += [*_services(known, colour, room), "", *_nodes(known, colour, room)]
    if known["unfit_because"]:
        said += ["", paint(f"{known['node']} takes nothing: {known['unfit_because']}", colour)]
    return said


def _alarms(alarms: list[dict[str, Any]], colour: bool) -> list[str]:
    """Each on a line: its name (docs/alarms has a page for it), what it is about, since when, and what is so."""
    found = [f"alarm {_about(alarm)} since {spoken(alarm['since'])}: {alarm['text']}" for alarm in alarms]
    return [click.style(line, fg="red") if colour else line for line in found]


def _about(alarm: dict[str, Any]) -> str:
    return " ".join(filter(None, (alarm["name"], alarm["service"], alarm["node"])))


def spoken(at: str) -> str:
    """An RFC 3339 time as it stands in the other lines: `--at` of failaudit takes it as it is."""
    return at[:19] + "Z"


def _services(known: dict[str, Any], colour: bool, room: int | None) -> list[str]:
    if not known["services"]:
        return ["no service is configured"]
    nodes = [name for name in known["nodes"] if any(name in service["states"] for service in known["services"].values())]
    rows = [
        [name, _owner(service), str(service["epoch"] or "-"), *(service["states"].get(node, "-") for node in nodes)]
        for name, service in known["services"].items()
    ]
    drawn = table(["SERVICE", "OWNER", "EPOCH", *nodes], rows, colour, room)
    reasons = [line for name, service in known["services"].items() for line in _reasons(name, service)]
    return [*drawn, "", *reasons, *_cut_off(known["services"])]


def _cut_off(services: dict[str, Any]) -> list[str]:
    """What is the same of many services stands there once."""
    about: dict[str, list[str]] = {}
    for name, service in services.items():
        about.setdefault(service.get("cut_off", ""), []).append(name)
    about.pop("", None)
    return [f"{_few(names)}: {sentence}" for sentence, names in about.items()]


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED_MAX else f"{', '.join(names[:NAMED_MAX])} and {len(names) - NAMED_MAX} more"


def _reasons(name: str, service: dict[str, Any]) -> list[str]:
    """Why it is where it is; then of each candidate that is out, by whom, since when and how long."""
    outs = [f"{name}: {node} is {out['text']}" for node, out in service["out"].items() if out["text"] not in service["reason"]]
    told = [f"{name}: {_advisory(check)}" for check in service["checks"]]
    asked = [line for node, it in service.get("evidence", {}).items() for line in _evidence(name, node, it, service["reason"])]
    return [f"{name}: {service['reason']}", *outs, *asked, *told, *enforced(name, service)]


def _evidence(name: str, node: str, it: dict[str, Any], reason: str) -> Iterator[str]:
    """What its gate says there, and the number that it has."""
    if it["gate"] and it["gate"] not in reason:
        yield f"{name}: {node}: {it['gate']}"
    if it["value"] is not None:
        yield f"{name}: {node} has the number {it['value']}, given {lasting(it['age_ms'])} ago"
    if it["text"]:
        yield f"{name}: {node} gives no number: {it['text']}"


def _advisory(check: dict[str, Any]) -> str:
    since = f" since {spoken(check['since'])}" if check["since"] else ""
    return f"check {check['check']} ({check['kind']}) fails on {check['node']}{since}, and only tells: {check['text']}"


def enforced(name: str, service: dict[str, Any]) -> list[str]:
    """What the kernel does about its addresses on the node that is asked, where it holds some; else why it can do no more."""
    if service["enforced_because"]:
        return [f"{name}: {service['enforced_because']}"]
    lefts = service["gate"].values()
    if not lefts:
        return []
    if not min(lefts):
        return [f"{name}: the kernel keeps its addresses silent here: its lease ran out, and this node looks who has it"]
    return [f"{name}: the kernel silences its addresses here in {lasting(min(lefts))}, unless it is told again"]


def _owner(service: dict[str, Any]) -> str:
    words = [service["owner"] or "no node"]
    words += ["SPLIT"] if service["split"] else []
    words += ["HELD"] if service["held"] else []
    target = service["moving_to"]
    words += [] if target is None else ["(moved)"] if target == service["owner"] else [f"-> {target}"]
    return " ".join(words)


def _nodes(known: dict[str, Any], colour: bool, room: int | None) -> list[str]:
    rows = [[name, _liveness(name, node, known), _links(node)] for name, node in known["nodes"].items()]
    return table(["NODE", "LIVENESS", "LINKS"], rows, colour, room)


def _liveness(name: str, node: dict[str, Any], known: dict[str, Any]) -> str:
    if node["forked"]:
        return f"forked, refused until `failc readmit {name}`"
    if node["standby"]:
        return "in standby" + (", this node" if name == known["node"] else f", {node['liveness']}")
    if name == known["node"]:
        return "this node"
    if node["stopped"]:
        return "dead: stopped in order"
    word = str(node["liveness"]).replace("indoubt", "in doubt")
    extra = "" if node["liveness"] == "alive" else f" {lasting(node['silent_ms'])}"
    extra += ", not fit" if node["liveness"] == "alive" and not node["fit"] else ""
    return word + extra + ("" if node["agrees"] or word == "dead" else ", other configuration")


def _links(node: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_health(link)}" for name, link in node["links"].items())


def _health(link: dict[str, Any]) -> str:
    if not link["up"]:
        return "down"
    return "up" if link["rtt_ms"] is None else lasting(link["rtt_ms"])
