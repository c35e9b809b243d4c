"""Version 1 of the stored file: it reads whatever a node may run, and goes on to refuse what no node ever ran.

The texts that are bent stand beside the complaints that an operator reads; a rule that came later than the logs (an address
that no client can use) makes no log unreadable.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.config import BadConfig, parse
from coordinator.policy import Timing
from coordinator.state.file_v1 import TEXT_BYTES_MAX, Unreadable, read, read_policy
from tests.config.sound import TEXT, bent
from tests.config.test_complaints import ADDRESSES, TABLE

LATER = ("is heard by all hosts", "has no host", '"162" names no host', 'script under majority')
"""Complaints that a file of the first release could not get, and one about what faild refuses while nothing ends it."""

REFUSED = [(old, new) for old, new, said in TABLE if not any(words in said for words in LATER)]
READ = [(old, new) for old, new, said in TABLE if (old, new) not in REFUSED]
READ += [('"10.77.0.100/24"', f'"{address}"') for address, said in ADDRESSES if "has no prefix" not in said]

VALUES = """
    0 -1 1001 true 1.5 1979-05-27 [] {} "" "x" "auto" "never" "500ms" "0ms" "1%" "10.0.0.9/24" "[fd77::1]:1291" "eth0" "/x"
    "majority" "operate" "3" "none" ["lukretia"] ["/bin/x"]
"""


@pytest.mark.parametrize(("old", "new"), REFUSED, ids=[f"{new or 'without ' + old}"[:40] for old, new in REFUSED])
def test_what_no_node_ever_ran_is_unreadable(old, new):
    with pytest.raises(Unreadable):
        read(bent(old, new))
    assert read_policy(bent(old, new)) is None


@pytest.mark.parametrize(("old", "new"), READ, ids=[new[:40] for _, new in READ])
def test_a_rule_that_came_later_makes_no_log_unreadable(old, new):
    with pytest.raises(BadConfig):
        parse(bent(old, new), "f")
    assert read(bent(old, new)).services["web"].nodes == ("lukretia", "genesis")


@settings(max_examples=150)
@given(st.integers(0, TEXT.count("\n") - 1), st.sampled_from(VALUES.split()), st.booleans())
def test_what_an_operator_may_run_is_readable(line, value, doubled):
    """A text that is bent anywhere: where no rule complains, `parse` reads it by version 1, and would raise Unreadable."""
    lines = TEXT.split("\n")
    key = lines[line].split("=")[0]
    lines[line : line + 1] = [lines[line], f"{key} = {value}"] if doubled else [f"{key} = {value}"]
    try:
        policy = parse("\n".join(lines), "f")
    except BadConfig:
        return
    assert policy == read_policy("\n".join(lines))


def test_a_text_that_is_too_long_or_nested_too_deep_is_unreadable():
    assert read_policy(TEXT + "#" * (TEXT_BYTES_MAX - len(TEXT.encode()))) is not None
    assert read_policy(TEXT + "#" * (TEXT_BYTES_MAX - len(TEXT.encode()) + 1)) is None
    assert read_policy("x = " + "[" * 5_000) is None


def test_defaults_are_those_of_version_1():
    """They are part of what a stored text means: another default would change who owned what."""
    policy = read(
        f'cluster = "c"\nid = "{"0" * 32}"\n'
        + "\n".join(line for line in TEXT.split("\n") if "ed25519:" in line or line.startswith(("[nodes", "links", "witness")))
        + '\n[services.web]\nnodes = ["genesis"]\n[[services.web.actions]]\nscript = "/x"\n'
        + '[[services.web.checks]]\ntcp = "h:1"\n'
    )
    web, (check,), (action,) = policy.services["web"], policy.services["web"].checks, policy.services["web"].actions
    assert policy.timing == Timing(heartbeat_ms=100, indoubt_ms=300, dead_ms=500, drift_ppm=10_000)
    assert (web.partition, web.lease_ms, web.split_winner, web.on_isolation) == ("serve", 500, "preference", "keep")
    assert (web.failback_ms, web.restarts, web.retry_ms, web.announce_every_ms) == (0, 0, 60_000, 60_000)
    assert action.timeout_ms == 20_000
    assert (check.every_ms, check.timeout_ms, check.fall, check.rise) == (1000, 1000, 3, 2)
