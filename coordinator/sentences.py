"""One sentence for every kind of event: status, log line, page and audit print the same one.

    sentence(event)                 # "genesis claims web with epoch 2 (take-over-dead): lukretia held it and is dead ..."
    meaning("take-over-dead")       # what that rule says, for somebody who has never seen the table

Pure and total: an event whose body is not of our format gets a sentence that says so, never an exception, and a
reason with line ends in it is still one line.
"""

from collections.abc import Callable, Mapping
from typing import Any

from coordinator.config.durations import spoken
from protocol.commands import Command
from protocol.event import Event
from protocol.kinds import Kind
from protocol.printable import printable

RULES: Mapping[str, str] = {
    "operator-fail": "an operator said fail: it is taken down here, and stays down until an operator says recover",
    "stopping": "this node is being stopped, so it gives everything up",
    "fail-everywhere": "an operator said fail for every node: nobody takes it until an operator says recover",
    "standby": "an operator put this node in standby: what it holds moves away, and it takes nothing until it is taken back",
    "withdrawn": "the configuration no longer lets this node own it, so it gives it up",
    "removed": "a newer configuration, as a peer shows, does not name this node any more, so it holds nothing",
    "refused": "a peer refuses this node because its feed has forked, so it holds nothing",
    "check-failed": "a health check failed for good, so another candidate is to try",
    "isolated": "this node hears nobody, and the service is to be given up then",
    "carrier-lost": "the service's own interface has no carrier, and another candidate is fit",
    "rival-wins": "two nodes hold it, and by the service's rule the other one keeps it",
    "reclaim": "it may have been announced elsewhere meanwhile, so the winner announces it again under a new epoch",
    "move": "an operator moved it: the target is preferred until it gives the service up",
    "failback": "a preferred candidate has been fit for as long as `failback` asks",
    "keep": "nothing speaks against keeping it",
    "operator-recover": "an operator said recover",
    "everywhere-over": "an operator said recover: the word that it fails everywhere is over",
    "carrier-back": "the carrier that had been lost is back",
    "check-back": "the check for which it was given up passes again",
    "rival-deaf": "another node holds it too and does not hear this one, so this one gives way",
    "retry": "the time after which a failed service is tried again is over",
    "take-over-dead": "whoever held it is judged dead, and no better candidate can take it",
    "take-over-free": "nobody holds it, and no better candidate can take it",
    "reconsidered": "while the claim was being written, its reasons went away: it is given up before anything ran",
    "unguarded": "the guard did not confirm what it would take down: it is given up before anything ran",
    "action-failed": "an up action failed, so the claim is undone and another candidate may try",
}


def meaning(rule: str) -> str:
    """What a rule of the decide table says; the name itself where this release does not know it."""
    return RULES.get(rule, rule)


def sentence(event: Event) -> str:
    """What happened, with who did it, in one line."""
    return printable(_told(event))


def _told(event: Event) -> str:
    tell = TABLE.get(event.kind)
    if tell is None:
        return f"{event.node} wrote a {event.kind} event" + (f" about {event.service}" if event.service else "")
    try:
        return tell(event, event.body)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return f"{event.node} wrote a {event.kind} event that is not of the format"


Body = Mapping[str, Any]


def _started(event: Event, body: Body) -> str:
    after = body["after"]
    if after is None:
        return f"{event.node} started with an empty log"
    how = "a clean stop" if body["clean"] else "an end without a stop"
    return f"{event.node} started after {how} (its log ended at {after[0]}/{after[1]})"


def _paused(event: Event, body: Body) -> str:
    return f"{event.node} did not run for {body['late_ms']} ms: it has no opinion about that time"


def _config(event: Event, body: Body) -> str:
    return f"{event.node} runs configuration {body['number']} ({body['digest'].hex()[:12]})"


def _config_part(event: Event, body: Body) -> str:
    which = f"piece {body['index'] + 1} of {body['count']}"
    return f"{event.node} writes {which} of the configuration {body['digest'].hex()[:12]}"


def _link(event: Event, body: Body) -> str:
    if event.kind == Kind.LINK_UP:
        return f"{event.node} hears {body['peer']} on {body['link']}"
    silent = f" for {body['silent_ms']} ms" if "silent_ms" in body else ""
    return f"{event.node} has heard nothing from {body['peer']} on {body['link']}{silent}"


def _judged(event: Event, body: Body) -> str:
    peer, judgement = body["peer"], body["judgement"]
    if judgement == "alive":
        return f"{event.node} judges {peer} alive: its heartbeats arrive"
    links = ", ".join(f"{link} {silent_ms} ms" for link, silent_ms in sorted(body["links"].items()))
    word = "in doubt" if judgement == "indoubt" else judgement
    by_link = f" ({links})" if links else ""
    return f"{event.node} judges {peer} {word}: silent for {body['silent_ms']} ms on every way{by_link}"


def _pulse(event: Event, body: Body) -> str:
    gaps = [(gap_ms, peer, link) for peer, links in body["gaps"].items() for link, gap_ms in links.items()]
    if not gaps:
        return f"{event.node} runs"
    gap_ms, peer, link = max(gaps)
    return f"{event.node} runs; the longest silence lately was {gap_ms} ms ({peer} on {link})"


def _recover(event: Event, body: Body) -> str:
    return f"{event.node} may take {event.service} again ({body['rule']}): {body['reason']}"


def _claim(event: Event, body: Body) -> str:
    return f"{event.node} claims {event.service} with epoch {body['epoch']} ({body['rule']}): {body['reason']}"


def _up(event: Event, body: Body) -> str:
    times = f"durable {_ms(body['durable_us'])}, actions {_ms(body['act_us'])}, announced {_ms(body['announce_us'])}"
    return f"{event.service} is up on {event.node} with epoch {body['epoch']} ({times})"


def _release(event: Event, body: Body) -> str:
    return f"{event.node} gives {event.service} up ({body['rule']}): {body['reason']}"


def _down(event: Event, body: Body) -> str:
    reason = f": {body['reason']}" if body["reason"] else ""
    return f"{event.service} is down on {event.node}, which is in {body['to']}{reason}"


def _fail(event: Event, body: Body) -> str:
    return f"{event.node} will not take {event.service} ({body['rule']}): {body['reason']}"


def _reclaim(event: Event, body: Body) -> str:
    rivals = f", once {' and '.join(body['rivals'])} has let go" if body["rivals"] else ""
    return f"{event.node} reclaims {event.service} with epoch {body['epoch']}{rivals}: {body['reason']}"


def _restart(event: Event, body: Body) -> str:
    which = f" (try {body['count']})" if body["count"] else ""  # 0: not because anything failed
    return f"{event.node} restarts {event.service} in place{which}: {body['reason']}"


def _action_started(event: Event, body: Body) -> str:
    return f"{event.node} runs `{body['word']}` of action {body['action']} of {event.service}"


def _action_finished(event: Event, body: Body) -> str:
    text = f": {body['text']}" if body["text"] else ""
    what = f"`{body['word']}` of action {body['action']} of {event.service}"
    return f"{what} on {event.node} is {body['outcome']} after {_ms(body['took_us'])}{text}"


def _check_failed(event: Event, body: Body) -> str:
    good = " for good" if body["good"] else ""
    return f"check {body['check']} of {event.service} failed{good} on {event.node}: {body['text']}"


def _check_passed(event: Event, body: Body) -> str:
    return f"check {body['check']} of {event.service} passes on {event.node}"


def _carrier(event: Event, body: Body) -> str:
    how = "lost the carrier on" if event.kind == Kind.CARRIER_LOST else "has carrier again on"
    return f"{event.node} {how} {body['interface']}, which {event.service} needs"


def _command(event: Event, body: Body) -> str:
    command = Command.decode(body["command"])
    typed = {"apply": ("config apply",), "fail-everywhere": ("fail", "--everywhere")}
    word, *option = typed.get(command.word, (command.word,))
    what = " ".join(part for part in (word, command.service, command.node, *option) if part)
    reason = f' because "{command.reason}"' if command.reason else ""
    return f"{command.operator} orders `{what}`{reason}; {event.node} took the command"


def _move_begun(event: Event, body: Body) -> str:
    how_long = f" for {spoken(body['for_ms'])}" if body["for_ms"] else ""
    return f"{event.node} begins to move {event.service} to {body['target']}{how_long}"


def _move_ended(event: Event, body: Body) -> str:
    return f"{event.node} ends the move of {event.service}: {body['why']}"


def _fenced(event: Event, body: Body) -> str:
    by = "an operator's word" if body["by"] == "operator" else body["by"]
    return f"{event.service} counts as down on {body['node']} up to epoch {body['epoch']}, by {by}"


def _last_word(event: Event, body: Body) -> str:
    return f"{event.node} heard {body['node']}'s last word: {event.service} is down there (epoch {body['epoch']})"


def _split_seen(event: Event, body: Body) -> str:
    return f"{event.node} sees a split of {event.service}: {' and '.join(body['nodes'])} hold it"


def _split_resolved(event: Event, body: Body) -> str:
    return f"{event.node} sees the split of {event.service} over: {body['winner'] or 'nobody'} holds it"


def _fork_seen(event: Event, body: Body) -> str:
    where = f"{body['incarnation']}/{body['number']}"
    return f"{event.node} saw two events that {body['node']} signed as {where}, and refuses {body['node']}"


def _fork_part(event: Event, body: Body) -> str:
    return f"{event.node} writes piece {body['index'] + 1} of {body['count']} of the evidence of a fork"


def _gap(event: Event, body: Body) -> str:
    return f"{event.node} opens a new incarnation; of the one before it knows {body['incarnation']}/{body['number']}"


def _removed(event: Event, body: Body) -> str:
    return f"{event.node} was removed: configuration {body['number']}, shown by {body['by']}, does not name it any more"


def _tail_cut(event: Event, body: Body) -> str:
    feeds = ", ".join(f"{node} {incarnation}/{first} to {last}" for node, incarnation, first, last in body["cuts"])
    return f"{event.node} started with a log that lacked what it had held: {feeds}"


def _ms(took_us: int) -> str:
    return f"{took_us / 1000:.1f} ms" if took_us < 10_000_000 else f"{took_us / 1_000_000:.1f} s"


TABLE: Mapping[str, Callable[[Event, Body], str]] = {
    Kind.NODE_STARTED: _started,
    Kind.NODE_STOPPING: lambda event, body: f"{event.node} is being stopped, and takes nothing any more",
    Kind.NODE_STOPPED: lambda event, body: f"{event.node} stopped cleanly",
    Kind.NODE_PAUSED: _paused,
    Kind.CONFIG_APPLIED: _config,
    Kind.CONFIG_PART: _config_part,
    Kind.LINK_UP: _link,
    Kind.LINK_DOWN: _link,
    Kind.JUDGED: _judged,
    Kind.PULSE: _pulse,
    Kind.RECOVER: _recover,
    Kind.CLAIM: _claim,
    Kind.UP: _up,
    Kind.RELEASE: _release,
    Kind.DOWN: _down,
    Kind.FAIL: _fail,
    Kind.RECLAIM: _reclaim,
    Kind.RESTART: _restart,
    Kind.ACTION_STARTED: _action_started,
    Kind.ACTION_FINISHED: _action_finished,
    Kind.CHECK_FAILED: _check_failed,
    Kind.CHECK_PASSED: _check_passed,
    Kind.CARRIER_LOST: _carrier,
    Kind.CARRIER_BACK: _carrier,
    Kind.COMMAND: _command,
    Kind.HOLD: lambda event, body: f"{event.service} is held where it is: no claims, no failback",
    Kind.UNHOLD: lambda event, body: f"{event.service} is no longer held",
    Kind.MOVE_BEGUN: _move_begun,
    Kind.MOVE_ENDED: _move_ended,
    Kind.FENCED: _fenced,
    Kind.LAST_WORD: _last_word,
    Kind.SPLIT_SEEN: _split_seen,
    Kind.SPLIT_RESOLVED: _split_resolved,
    Kind.FORK_SEEN: _fork_seen,
    Kind.FORK_PART: _fork_part,
    Kind.READMITTED: lambda event, body: f"{event.node} admits {body['node']} again, by command",
    Kind.GAP_DECLARED: _gap,
    Kind.TAIL_CUT: _tail_cut,
    Kind.REMOVED: _removed,
}

