"""What another file changes, as people would write it; and what a running node cannot become, with its line."""

from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.config import parse
from coordinator.config.changes import changes, unchangeable

TEXT = (Path(__file__).parents[1] / "scenarios" / "two-nodes.toml").read_text()
POLICY = parse(TEXT, "old")

CHANGED = [
    ('failback = "auto"', 'failback = "10m"', "services.web.failback: auto -> 10m"),
    ('retry = "10s"', 'retry = "never"', "services.web.retry: 10s -> never"),
    ('dead = "500ms"', 'dead = "2s"', "timing.dead: 500ms -> 2s"),
    ('nodes = ["lukretia", "genesis"]', 'nodes = ["genesis", "lukretia"]',
     "services.web.nodes: [lukretia, genesis] -> [genesis, lukretia]"),
    ("10.77.0.100", "10.77.0.101", "services.web.actions: configured anew"),
    ('[[services.web.actions]]\nscript = "/etc/failover/web"\ntimeout = "2s"\n', "",
     "services.web.actions: 2 -> 1, configured anew"),
    ('direct = "10.78.0.12"', 'direct = "10.78.0.13"', "nodes.genesis.links.direct: 10.78.0.12:1291 -> 10.78.0.13:1291"),
    ("# Two nodes", "# A pair", "nothing that is in force: comments, spelling or order"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), CHANGED, ids=[said for _, _, said in CHANGED])
def test_each_change_is_one_line(old: str, new: str, said: str) -> None:
    assert TEXT.count(old) == 1
    assert changes(POLICY, parse(TEXT.replace(old, new), "new")) == (said,)


def test_what_comes_and_goes_is_said_once() -> None:
    alone = TEXT[: TEXT.index("[services.web]")]
    assert changes(POLICY, parse(alone, "new")) == ("services.web: removed",)
    assert changes(parse(alone, "old"), POLICY) == ("services.web: added",)


def test_secrets_are_not_told() -> None:
    trap = '\n[[traps]]\nto = "127.0.0.1"\nversion = "2c"\ncommunity = "{}"\n'
    one, other = (parse(TEXT + trap.format(word), "file") for word in ("hush", "secret"))
    assert not any("secret" in line or "hush" in line for line in changes(one, other))


@pytest.mark.parametrize(("key", "line"), [("cluster", 2), ("id", 3)])
def test_another_cluster_is_refused_with_its_line(key: str, line: int) -> None:
    new = TEXT.replace('"two-nodes"', '"three"') if key == "cluster" else TEXT.replace("00112233", "99112233")
    found = unchangeable(POLICY, parse(new, "new"), "lukretia", Path("new.toml"))
    assert [(complaint.path, complaint.line) for complaint in found] == [(key, line)]
    assert "another cluster" in found[0].what


def test_another_key_of_a_known_node_is_refused() -> None:
    nodes = dict(POLICY.nodes)
    nodes["genesis"] = replace(nodes["genesis"], key=bytes(32))
    found = unchangeable(POLICY, replace(POLICY, nodes=nodes), "lukretia", Path("new.toml"))
    assert [complaint.path for complaint in found] == ["nodes.genesis.key"]
    assert unchangeable(POLICY, POLICY, "lukretia", Path("new.toml")) == []
