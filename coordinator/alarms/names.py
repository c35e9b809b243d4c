"""The names of all alarms, the gravest first: what `failc status` shows is in this order. Names never change their meaning.

AlarmName.NO_OWNER == "no-owner"
PATIENCE_MS.get(AlarmName.NO_OWNER, 0)      # so long a condition must last before it is an alarm
LASTS_MS.get(AlarmName.ENCODING)            # so long after the last occurrence it stands; None: until it is ended
"""

from collections.abc import Mapping
from enum import StrEnum

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class AlarmName(StrEnum):
    """Each has its page, docs/alarms/NAME.md: what it means, what to look at, what to do."""

    NO_OWNER = "no-owner"
    ALL_FAILED = "all-failed"
    STUCK = "stuck"
    FENCE_FAILED = "fence-failed"
    SPLIT = "split"
    CHECK_FAILS = "check-fails"
    ADDRESS_CONFLICT = "address-conflict"
    ADDRESS_MISSING = "address-missing"
    ISOLATED = "isolated"
    ONE_WAY = "one-way"
    PEER_DEAD = "peer-dead"
    PEER_UNFIT = "peer-unfit"
    NODE_UNFIT = "node-unfit"
    GUARD = "guard"
    FENCE_BROKEN = "fence-broken"
    ARBITER_UNSEEN = "arbiter-unseen"
    DISK = "disk"
    LINK_DOWN = "link-down"
    DATAGRAMS_DOWN = "datagrams-down"
    FORK = "fork"
    FEED_ANEW = "feed-anew"
    TAIL_CUT = "tail-cut"
    NO_AUTHORITY = "no-authority"
    ENCODING = "encoding"
    QUOTA = "quota"
    REMOVED = "removed"
    REMOVED_NODE = "removed-node"
    CONFIG_DIFFERS = "config-differs"
    UNCONFIGURED = "unconfigured"
    CLOCK_APART = "clock-apart"
    LOOP_LATE = "loop-late"
    WRITABLE = "writable"
    TRAPS_UNTOLD = "traps-untold"
    HOLD_OLD = "hold-old"


BY_THE_EVENT = frozenset({AlarmName.HOLD_OLD})
"""Their time counts from the event that brought them, by the wall clock: a restart of `faild` does not make them younger."""

PATIENCE_MS: Mapping[AlarmName, int] = {
    AlarmName.NO_OWNER: 5_000,  # a failover that a slow script takes part in is no reason to wake a person
    AlarmName.SPLIT: 1_000,  # the feeds of two nodes cross while a service moves
    AlarmName.PEER_UNFIT: 10_000,  # a node that starts is not fit for a second or two
    AlarmName.NODE_UNFIT: 10_000,
    AlarmName.ARBITER_UNSEEN: 3_000,  # its members elect a leader within a second or two
    AlarmName.LINK_DOWN: 3_000,  # a node that restarts dials anew
    AlarmName.DATAGRAMS_DOWN: 10_000,  # they follow the TLS connection by a ping and its pong
    AlarmName.HOLD_OLD: 8 * HOUR_MS,  # longer than a shift: the operator who placed it has gone home
    AlarmName.ONE_WAY: 2_000,  # a node that has just come back has not heard us yet
}
"""How long a condition must be seen before it is an alarm; at once where it is not named here."""

LASTS_MS: Mapping[AlarmName, int] = {
    AlarmName.NO_AUTHORITY: HOUR_MS,
    AlarmName.ENCODING: HOUR_MS,
    AlarmName.QUOTA: 10 * MINUTE_MS,
    AlarmName.REMOVED: MINUTE_MS,  # by a peer's word alone, which comes every two seconds
    AlarmName.REMOVED_NODE: 10 * MINUTE_MS,
    AlarmName.LOOP_LATE: 10 * MINUTE_MS,
    AlarmName.FEED_ANEW: HOUR_MS,
    AlarmName.TAIL_CUT: HOUR_MS,
}
"""Alarms about something that happened, and not about a state that could end: they stand so long after it happened last."""
