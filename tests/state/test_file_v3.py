"""Version 3 of the stored file: version 2 and the keys of checks, actions and relations; the rest means what it meant."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.config import BadConfig, parse
from coordinator.policy import After
from coordinator.state import file_v1, file_v2, file_v3, stored_file
from tests.config.sound import TEXT, bent
from tests.state.test_file_v2 import FENCE, NEW, WATCHDOG

DB = """
[services.db]
nodes = ["lukretia", "genesis"]
with  = ["web"]
apart = ["batch"]
after = ["batch", "web@here"]
[[services.db.actions]]
script       = "/etc/failover/db"
keep         = true
down_timeout = "1s"
[[services.db.checks]]
tcp     = "127.0.0.1:5432"
from    = "peer"
on_fail = "tell"
jitter  = "100ms"
grace   = "5s"
[services.batch]
nodes = ["genesis"]
[[services.batch.actions]]
script = "/etc/failover/batch"
"""
FIRST = 'restarts     = 1'
BATCH = '[services.batch]\nnodes = ["genesis"]\n[[services.batch.actions]]\nscript = "/b"\n'
OURS = {
    "with": bent(FIRST, 'with = ["batch"]') + BATCH,
    "apart": bent(FIRST, 'apart = ["batch"]') + BATCH,
    "after": bent(FIRST, 'after = ["batch@here"]') + BATCH,
    "keep": bent('timeout = "20s"', "keep = true"),
    "down_timeout": bent('timeout = "20s"', 'down_timeout = "1s"'),
    "from": bent("rise  = 2", 'from = "peer"'),
    "on_fail": bent("rise  = 2", 'on_fail = "tell"'),
    "jitter": bent("rise  = 2", 'jitter = "1s"'),
    "grace": bent("rise  = 2", 'grace = "1s"'),
}


@pytest.mark.parametrize("text", OURS.values(), ids=OURS)
def test_what_is_new_is_unreadable_by_the_versions_before(text: str) -> None:
    for version in (file_v1, file_v2):
        with pytest.raises(file_v1.Unreadable):
            version.read(text)
    assert stored_file.read_policy(text) == file_v3.read(text)


def test_each_new_key_has_its_field() -> None:
    db = stored_file.read(TEXT + DB).services["db"]
    assert (db.together, db.apart, db.after) == (("web",), ("batch",), (After("batch"), After("web", here=True)))
    assert db.related == ("web", "batch")
    (action,), (check,) = db.actions, db.checks
    assert (action.keep, action.down_timeout_ms, action.timeout_ms) == (True, 1000, 20_000)
    assert (check.asked_from, check.on_fail, check.jitter_ms, check.grace_ms) == ("peer", "tell", 100, 5000)


def test_what_is_not_new_is_what_version_2_makes_of_it() -> None:
    """All else is the same policy, with the keys of version 2: without the new fields nothing differs but text and digest."""
    two = NEW["waits"] + FENCE + WATCHDOG
    new, old = file_v3.read(two + BATCH.replace("script", "down_timeout = \"1s\"\nscript")), file_v2.read(two + BATCH)
    batch = new.services["batch"]
    bare = replace(batch, actions=(replace(batch.actions[0], down_timeout_ms=None),))
    assert replace(new, services={**new.services, "batch": bare}, text=old.text, digest=old.digest) == replace(
        old, services=dict(old.services)
    )


def test_a_text_that_an_earlier_version_reads_is_read_by_it() -> None:
    assert stored_file.read_policy(TEXT) is file_v1.read_policy(TEXT)
    assert stored_file.read_policy(TEXT + FENCE) is file_v2.read_policy(TEXT + FENCE)


REFUSED = {
    "nobody": ('with  = ["web"]', 'with = ["wbe"]'),
    "itself": ('apart = ["batch"]', 'apart = ["db"]'),
    "no name": ('"web@here"', '"@here"'),
    "elsewhere": ('"web@here"', '"web@there"'),
    "no list": ('with  = ["web"]', 'with = "web"'),
    "another node": ('"peer"', '"genesis"'),
    "another word": ('"tell"', '"ignore"'),
    "no time": ('"1s"', '"0s"'),
    "no duration": ('grace   = "5s"', "grace = 5"),
    "no flag": ("keep         = true", 'keep = "yes"'),
    "unknown": ("keep         = true", "kept = true"),
    "no table": ('[services.batch]\nnodes = ["genesis"]', '[services.batch]\nnodes = ["genesis"]\nchecks = [1]'),
}


@pytest.mark.parametrize(("old", "new"), REFUSED.values(), ids=REFUSED)
def test_what_version_3_does_not_know_is_unreadable(old: str, new: str) -> None:
    assert DB.count(old) == 1
    assert stored_file.read_policy(TEXT + DB.replace(old, new)) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('timeout = "20s"', "keep = true", "actions[1].keep: keep is not obeyed in this release. Take it out: there is no"),
        ("rise  = 2", 'from = "peer"', 'checks[0].from: from "peer" is not obeyed in this release. Write "local", and a'),
    ],
)
def test_what_faild_does_not_obey_yet_is_refused_with_a_sentence(old: str, new: str, said: str) -> None:
    with pytest.raises(BadConfig) as error:
        parse(bent(old, new) + BATCH, "f")
    (complaint,) = error.value.complaints
    assert said in str(complaint)


VALUES = """
    0 -1 true false 1.5 [] {} "" "x" "500ms" "0ms" "1h" ["web"] ["batch"] ["db"] ["batch","batch"] ["web@here"] "peer"
    ["batch@here"] "local" "move" "stop" "tell" "restart" [1] ["@here"]
"""


@settings(max_examples=200)
@given(st.integers(TEXT.count("\n"), (TEXT + DB).count("\n") - 1), st.sampled_from(VALUES.split()))
def test_what_an_operator_may_run_is_readable(line: int, value: str) -> None:
    """Where no rule complains, `parse` reads the text as it is stored, and would raise Unreadable."""
    lines = (TEXT + DB).split("\n")
    lines[line] = f"{lines[line].split('=')[0]} = {value}"
    try:
        policy = parse("\n".join(lines), "f")
    except BadConfig:
        return
    assert policy == stored_file.read("\n".join(lines))
