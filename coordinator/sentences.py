"""One sentence for every kind of event: status, log line, page and audit print the same one.

    sentence(event)                 # "genesis claims web with epoch 2 (take-over-dead): lukretia held it and is dead ..."
    meaning("take-over-dead")       # what that rule says, for a reader who has never seen the table

Pure and total: an event whose body is not of our format gets a sentence that says so, never an exception, and a
reason with line ends in it is still one line.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from protocol import events as ev
from protocol.canonical import NotCanonical
from protocol.commands import Command
from protocol.event import Event
from protocol.moment import lasting
from protocol.printable import printable

RULES: Mapping[str, str] = {
    "operator-fail": "an operator said fail: it is taken down here, and stays down until an operator says recover",
    "stopping": "this node is being stopped, so it gives everything up",
    "fail-everywhere": "an operator said fail for every node: none takes it until an operator says recover",
    "standby": "an operator put this node in standby: what it holds moves away, and it takes nothing until it is taken back",
    "withdrawn": "the configuration no longer lets this node own it, so it gives it up",
    "removed": "a newer configuration, as a peer shows, does not name this node any more, so it holds nothing",
    "refused": "a peer refuses this node because its feed has forked, so it holds nothing",
    "check-failed": "a health check failed for good, so another candidate is to try",
    "stopped": "a check has stopped it everywhere, until an operator says recover or moves it",
    "waits-for": "another service has to come up first, or to leave this node",
    "follows": "a service that it needs is gone, or about to go",
    "apart": "a service is here beside which it must not run, so it gives way",
    "isolated": "this node hears no other node, and the service is to be given up then",
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
    "not-fenced": "a dead node may still run it, and can be switched off: a claim waits until it is",
    "lease-over": "a majority of the voters, or the arbiter, has not answered in time: another node may own it from now on",
    "take-over-dead": "the node that held it is judged dead, and no better candidate can take it",
    "take-over-free": "no node holds it, and no better candidate can take it",
    "reconsidered": "while the claim was being written, its reasons went away: it is given up before anything ran",
    "withdrawn-claim": "the disk did not take the claim in time: it is given up before anything ran",
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
    body = ev.body_of(event)
    if body is None:
        return f"{event.node} wrote a {event.kind} event" + (f" about {event.service}" if event.service else "")
    if isinstance(body, ev.Malformed):
        return f"{event.node} wrote a {event.kind} event that is not of the format: {body.text}"
    return TABLE[event.kind](event, body)


def _started(event: Event, body: ev.NodeStarted) -> str:
    if body.after is None:
        return f"{event.node} started with an empty log"
    how = "a clean stop" if body.clean else "an end without a stop"
    return f"{event.node} started after {how} (its log ended at {body.after[0]}/{body.after[1]})"


def _paused(event: Event, body: ev.NodePaused) -> str:
    return f"{event.node} did not run for {lasting(body.late_ms)}: it has no opinion about that time"


def _config(event: Event, body: ev.ConfigApplied) -> str:
    return f"{event.node} runs configuration {body.number} ({body.digest.hex()[:12]})"


def _config_part(event: Event, body: ev.ConfigPart) -> str:
    which = f"piece {body.index + 1} of {body.count}"
    return f"{event.node} writes {which} of the configuration {body.digest.hex()[:12]}"


def _link_up(event: Event, body: ev.LinkUp) -> str:
    return f"{event.node} hears {body.peer} on {body.link}"


def _link_down(event: Event, body: ev.LinkDown) -> str:
    silent = f" for {lasting(body.silent_ms)}" if body.silent_ms else ""
    return f"{event.node} has heard nothing from {body.peer} on {body.link}{silent}"


def _judged(event: Event, body: ev.Judged) -> str:
    if body.judgement is ev.Judgement.ALIVE:
        return f"{event.node} judges {body.peer} alive: its heartbeats arrive"
    word = "in doubt" if body.judgement is ev.Judgement.INDOUBT else body.judgement
    judges = f"{event.node} judges {body.peer} {word}"
    if body.late is ev.Late.UNHEARD:
        return f"{judges}: not heard in the {lasting(body.silent_ms)} since {event.node} listens for it"
    links = ", ".join(f"{link} {lasting(silent_ms)}" for link, silent_ms in sorted(body.links.items()))
    by_link = f" ({links})" if links else ""
    why = f"; it was so after {lasting(body.after_ms)}, and no decision rested on it until now"
    notable = 3 * (body.silent_ms - body.after_ms) > body.after_ms  # less is the heartbeat at which it was looked at
    late = why if body.late is ev.Late.WITHHELD and notable else ""
    return f"{judges}: silent for {lasting(body.silent_ms)} on every way{by_link}{late}"


def _pulse(event: Event, body: ev.Pulse) -> str:
    gaps = [(gap_ms, peer, link) for peer, links in body.gaps.items() for link, gap_ms in links.items()]
    if not gaps:
        return f"{event.node} runs"
    gap_ms, peer, link = max(gaps)
    return f"{event.node} runs; the longest silence lately was {lasting(gap_ms)} ({peer} on {link})"


def _recover(event: Event, body: ev.Recover) -> str:
    return f"{event.node} may take {event.service} again ({body.rule}): {body.reason}"


def _claim(event: Event, body: ev.Claim) -> str:
    return f"{event.node} claims {event.service} with epoch {body.epoch} ({body.rule}): {body.reason}"


def _up(event: Event, body: ev.Up) -> str:
    times = f"durable {_ms(body.durable_us)}, actions {_ms(body.act_us)}, announced {_ms(body.announce_us)}"
    return f"{event.service} is up on {event.node} with epoch {body.epoch} ({times})"


def _release(event: Event, body: ev.Release) -> str:
    return f"{event.node} gives {event.service} up ({body.rule}): {body.reason}"


def _down(event: Event, body: ev.Down) -> str:
    reason = f": {body.reason}" if body.reason else ""
    return f"{event.service} is down on {event.node}, which is in {body.to}{reason}"


def _fail(event: Event, body: ev.Fail) -> str:
    return f"{event.node} will not take {event.service} ({body.rule}): {body.reason}"


def _reclaim(event: Event, body: ev.Reclaim) -> str:
    rivals = f", once {' and '.join(body.rivals)} has let go" if body.rivals else ""
    return f"{event.node} reclaims {event.service} with epoch {body.epoch}{rivals}: {body.reason}"


def _restart(event: Event, body: ev.Restart) -> str:
    which = f" (try {body.count})" if body.count else ""  # 0: not because anything failed
    return f"{event.node} restarts {event.service} in place{which}: {body.reason}"


def _action_started(event: Event, body: ev.ActionStarted) -> str:
    return f"{event.node} runs `{body.word}` of action {body.action} of {event.service}"


def _action_finished(event: Event, body: ev.ActionFinished) -> str:
    text = f": {body.text}" if body.text else ""
    what = f"`{body.word}` of action {body.action} of {event.service}"
    return f"{what} on {event.node} is {body.outcome} after {_ms(body.took_us)}{text}"


def _check_failed(event: Event, body: ev.CheckFailed) -> str:
    good = " for good" if body.good else ""
    then = {"tell": " (it only tells)", "stop": " (it stops the service everywhere)"}.get(body.on_fail, "")
    return f"check {body.check} of {event.service} failed{good} on {event.node}{then}: {body.text}"


def _check_passed(event: Event, body: ev.CheckPassed) -> str:
    return f"check {body.check} of {event.service} passes on {event.node}"


def _carrier_lost(event: Event, body: ev.CarrierLost) -> str:
    return f"{event.node} lost the carrier on {body.interface}, which {event.service} needs"


def _carrier_back(event: Event, body: ev.CarrierBack) -> str:
    return f"{event.node} has carrier again on {body.interface}, which {event.service} needs"


def _command(event: Event, body: ev.Commanded) -> str:
    try:
        command = Command.decode(body.command)
    except NotCanonical:
        return f"{event.node} wrote a command that is none: its bytes are not of the format"
    typed = {
        "apply": ("config apply",),
        "fail-everywhere": ("fail", "--everywhere"),
        "is-off": ("fence", "--confirmed"),
    }
    word, *option = typed.get(command.word, (command.word,))
    what = " ".join(part for part in (word, command.service, command.node, *option) if part)
    reason = f' because "{command.reason}"' if command.reason else ""
    return f"{command.operator} orders `{what}`{reason}; {event.node} took the command"


def _move_begun(event: Event, body: ev.MoveBegun) -> str:
    how_long = f" for {lasting(body.for_ms)}" if body.for_ms else ""
    return f"{event.node} begins to move {event.service} to {body.target}{how_long}"


def _move_ended(event: Event, body: ev.MoveEnded) -> str:
    return f"{event.node} ends the move of {event.service}: {body.why}"


def _fenced(event: Event, body: ev.Fenced) -> str:
    by = "an operator's word" if body.by == "operator" else body.by
    return f"{event.service} counts as down on {body.node} up to epoch {body.epoch}, by {by}"


def _fence_requested(event: Event, body: ev.FenceRequested) -> str:
    why = f"a claim of {event.service} waits for it" if body.by is ev.FencedBy.CLAIM else "an operator ordered it"
    return f"{event.node} begins to switch {body.node} off: {why}"


def _fence_result(event: Event, body: ev.FenceResult) -> str:
    if body.by is ev.FencedBy.WORD:
        return f"{body.node} counts as switched off, by an operator's word"
    if body.ok:
        return f"{event.node} has switched {body.node} off: {body.text}"
    return f"{event.node} could not switch {body.node} off: {body.text}"


def _last_word(event: Event, body: ev.HeardLastWord) -> str:
    return f"{event.node} heard {body.node}'s last word: {event.service} is down there (epoch {body.epoch})"


def _split_seen(event: Event, body: ev.SplitSeen) -> str:
    return f"{event.node} sees a split of {event.service}: {' and '.join(body.nodes)} hold it"


def _split_resolved(event: Event, body: ev.SplitResolved) -> str:
    return f"{event.node} sees the split of {event.service} over: {body.winner or 'nobody'} holds it"


def _fork_seen(event: Event, body: ev.ForkSeen) -> str:
    where = f"{body.incarnation}/{body.number}"
    return f"{event.node} saw two events that {body.node} signed as {where}, and refuses {body.node}"


def _fork_part(event: Event, body: ev.ForkPart) -> str:
    return f"{event.node} writes piece {body.index + 1} of {body.count} of the evidence of a fork"


def _gap(event: Event, body: ev.Gap) -> str:
    return f"{event.node} opens a new incarnation; of the one before it knows {body.incarnation}/{body.number}"


def _removed(event: Event, body: ev.Removed) -> str:
    return f"{event.node} was removed: configuration {body.number}, shown by {body.by}, does not name it any more"


def _tail_cut(event: Event, body: ev.TailCut) -> str:
    feeds = ", ".join(f"{node} {incarnation}/{first} to {last}" for node, incarnation, first, last in body.cuts)
    return f"{event.node} started with a log that lacked what it had held: {feeds}"


def _vote(event: Event, body: ev.Vote) -> str:
    return f"{event.node} votes for {body.candidate}: {event.service} under epoch {body.epoch}"


def _ms(took_us: int) -> str:
    return lasting(took_us / 1000)


Some = TypeVar("Some", bound=ev.Body)
Told = Callable[[Event, Any], str]


def _row(kind: type[Some], tell: Callable[[Event, Some], str]) -> tuple[str, Told]:
    """A body and what reads it: the type checker sees that they belong together."""
    return kind.KIND, tell


TABLE: Mapping[str, Told] = dict(
    (
        _row(ev.NodeStarted, _started),
        _row(ev.NodeStopping, lambda event, body: f"{event.node} is being stopped, and takes nothing any more"),
        _row(ev.NodeStopped, lambda event, body: f"{event.node} stopped cleanly"),
        _row(ev.NodePaused, _paused),
        _row(ev.ConfigApplied, _config),
        _row(ev.ConfigPart, _config_part),
        _row(ev.LinkUp, _link_up),
        _row(ev.LinkDown, _link_down),
        _row(ev.Judged, _judged),
        _row(ev.Pulse, _pulse),
        _row(ev.Recover, _recover),
        _row(ev.Claim, _claim),
        _row(ev.Up, _up),
        _row(ev.Release, _release),
        _row(ev.Down, _down),
        _row(ev.Fail, _fail),
        _row(ev.Reclaim, _reclaim),
        _row(ev.Restart, _restart),
        _row(ev.ActionStarted, _action_started),
        _row(ev.ActionFinished, _action_finished),
        _row(ev.CheckFailed, _check_failed),
        _row(ev.CheckPassed, _check_passed),
        _row(ev.CarrierLost, _carrier_lost),
        _row(ev.CarrierBack, _carrier_back),
        _row(ev.Commanded, _command),
        _row(ev.Hold, lambda event, body: f"{event.service} is held where it is: no claims, no failback"),
        _row(ev.Unhold, lambda event, body: f"{event.service} is no longer held"),
        _row(ev.MoveBegun, _move_begun),
        _row(ev.MoveEnded, _move_ended),
        _row(ev.Fenced, _fenced),
        _row(ev.HeardLastWord, _last_word),
        _row(ev.SplitSeen, _split_seen),
        _row(ev.SplitResolved, _split_resolved),
        _row(ev.ForkSeen, _fork_seen),
        _row(ev.ForkPart, _fork_part),
        _row(ev.Readmitted, lambda event, body: f"{event.node} admits {body.node} again, by command"),
        _row(ev.Gap, _gap),
        _row(ev.TailCut, _tail_cut),
        _row(ev.Removed, _removed),
        _row(ev.Vote, _vote),
        _row(ev.FenceRequested, _fence_requested),
        _row(ev.FenceResult, _fence_result),
    )
)
