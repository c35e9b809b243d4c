"""Every kind of event, with what its body holds. docs/formats/event.md shows one of each.

Times inside bodies are durations in ms (or us where named so), never instants of a wall clock.
"""

from enum import StrEnum


class Kind(StrEnum):
    NODE_STARTED = "node-started"
    """{run: bin8, rules: int, config: bin32, clean: bool, after: [incarnation, number] or nil}"""
    NODE_STOPPING = "node-stopping"
    """{}: from here on this node takes nothing."""
    NODE_STOPPED = "node-stopped"
    """{}: a clean end; the last event of a run."""
    NODE_PAUSED = "node-paused"
    """{late_ms}: we did not run for so long, and have no opinion."""
    CONFIG_APPLIED = "config-applied"
    """{number, digest: bin32, text: str}: the whole file. Without text it is that of the pieces before it."""
    CONFIG_PART = "config-part"
    """{digest: bin32, index, count, text: str}: a piece of a file that is too long for one event; in order, the first first."""
    LINK_UP = "link-up"
    LINK_DOWN = "link-down"
    """{peer, link}"""
    JUDGED = "judged"
    """{peer, judgement: alive|indoubt|dead, was, silent_ms, links: {link: silent_ms}, count}"""
    PULSE = "pulse"
    """{gaps: {peer: {link: gap_ms_max}}, late_ms_max}: so that silence is visible, and near misses are known."""
    RECOVER = "recover"
    """A service: FAIL -> RECOVER. {rule, given, reason}"""
    CLAIM = "claim"
    """RECOVER -> STARTING. {epoch, rule, given, reason, passed_over: [[node, why]]}"""
    UP = "up"
    """-> UP. {epoch, durable_us, act_us, announce_us, reason}"""
    RELEASE = "release"
    """-> STOPPING. {epoch, rule, to: RECOVER|FAIL, cause, given, reason}"""
    DOWN = "down"
    """STOPPING -> RECOVER or FAIL: the end of holding. {epoch, to, cause, reason}"""
    FAIL = "fail"
    """RECOVER -> FAIL without having held. {rule, cause, given, reason}"""
    RECLAIM = "reclaim"
    """-> RECLAIM with a new epoch. {epoch, rule, given, reason, rivals: [node]}"""
    RESTART = "restart"
    """-> STARTING in place. {count, reason}"""
    ACTION_STARTED = "action-started"
    """{action, word, epoch}"""
    ACTION_FINISHED = "action-finished"
    """{action, word, epoch, outcome, took_us, text, output: bin}"""
    CHECK_FAILED = "check-failed"
    """{check, text, good: bool}; `good`: for good, after `fall` in a row and after `restarts`."""
    CHECK_PASSED = "check-passed"
    """{check, text}"""
    CARRIER_LOST = "carrier-lost"
    CARRIER_BACK = "carrier-back"
    """A service: {interface}"""
    COMMAND = "command"
    """{command: bin, signature: bin, target: node or ""}: admitted by the node that must act."""
    HOLD = "hold"
    """{}: causes name the command."""
    UNHOLD = "unhold"
    """{ends: [[node, incarnation, number]]}: the holds that it ends."""
    MOVE_BEGUN = "move-begun"
    """{target, epoch, for_ms}"""
    MOVE_ENDED = "move-ended"
    """{move: [node, incarnation, number], why}"""
    VOTE = "vote"
    """{candidate, epoch, voters, run: bin8, counter}: a voter gives its vote for a claim of a service under `majority`."""
    FENCED = "fenced"
    """{node, epoch, by}: this node's holding up to `epoch` counts as over. `by`: "operator" or an agent."""
    FENCE_REQUESTED = "fence-requested"
    """{node, run: bin, by, rule, given}: the author is about to switch this node off. `by`: "claim" or "command"."""
    FENCE_RESULT = "fence-result"
    """{node, run: bin, ok: bool, by, level, text}: what became of it. With `ok` the holdings of this run count as over."""
    LAST_WORD = "last-word"
    """{word: bin, signature: bin, node, epoch}: heard from a guard; counts as that claim's end."""
    SPLIT_SEEN = "split-seen"
    SPLIT_RESOLVED = "split-resolved"
    """{nodes: [..], epochs: {node: int}} / {winner}"""
    FORK_SEEN = "fork-seen"
    """{node, incarnation, number, ours: [bin, bin, ...], theirs}: of each side the entries up to the next signature. Where one
    event does not hold them, {.., digest: bin32} and two empty lists: they stand in the pieces before it."""
    FORK_PART = "fork-part"
    """{digest: bin32, index, count, data: bin}: a piece of such evidence; in order, the first first."""
    READMITTED = "readmitted"
    """{node}: by command."""
    GAP_DECLARED = "gap"
    """{incarnation, number, id: bin32}: first event of a new incarnation, or the first ones, each about other services;
    the last head known of the one before. Beside them what outlives it (coordinator/state/incarnation.py)."""
    TAIL_CUT = "tail-cut"
    """{cuts: [[node, incarnation, first, last]]}: at its start this node's log lacked these events, though it had held them."""
    REMOVED = "removed"
    """{number, digest: bin32, by, command: bin, signature: bin}: the configuration of this number, which an administrator has
    signed and the node `by` runs, does not name the author any more. It holds nothing from here on."""


ALWAYS_SIGNED = frozenset(
    {
        Kind.CLAIM, Kind.RECLAIM, Kind.DOWN, Kind.COMMAND, Kind.NODE_STOPPED, Kind.FORK_SEEN, Kind.FORK_PART,
        Kind.CONFIG_PART, Kind.VOTE, Kind.FENCE_RESULT,
    }
)  # fmt: skip
"""Claims, ends of holding, votes and commands carry their own signature whatever stands behind them in a commit; pieces of a
file as well, since all of them together may be longer than what one batch holds."""
