"""Who may command: roles, replays, expiry, other clusters. Refused with exit code 4 and the reason; nothing happens."""

import base64
import os
import time

import pytest

from coordinator.config import read
from protocol.commands import Act, Command, sign_command
from protocol.sshkey import load_private, write_private
from tests.daemon.cluster import run

ROLES = """
[operators.olga]
key = "{olga}"
role = "observe"
[operators.eve]
key = "{eve}"
role = "operate"
services = ["db"]
[operators.otto]
key = "{otto}"
role = "operate"
services = ["web"]
[services.db]
nodes = ["genesis"]
[[services.db.actions]]
notify = "/bin/true"
"""


@pytest.fixture
def roles(make):
    cluster = make()
    keys = {name: write_private(cluster.folder / name, name) for name in ("olga", "eve", "otto", "stranger")}
    with cluster.config.open("a") as file:
        file.write(ROLES.format(**keys))
    cluster.start()
    cluster.until_up("lukretia")
    return cluster


def test_roles_are_judged_and_refused_with_4_and_words(roles):
    for name, said in [("olga", "olga may observe, not move web"), ("eve", "eve may operate db, not move web")]:
        done = roles.failc("--identity", roles.folder / name, "move", "web", "genesis")
        assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
        assert said in done.err
    done = roles.failc("--identity", roles.folder / "stranger", "move", "web", "genesis")
    assert done.code == 4
    assert "operator" in done.err
    assert roles.failc("--identity", roles.folder / "otto", "move", "web", "genesis").code == 0
    assert roles.audit("verify").code == 0
    assert roles.audit("timeline", "--kind", "command").out.count("orders") == 1, "what was refused is not in the log"


def test_whoever_has_no_key_may_look_and_not_touch(roles):
    (roles.config.parent / "operator").rename(roles.folder / "away")
    assert roles.failc("status").code == 0
    done = roles.failc("fail", "web", "--reason", "test")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert "--identity" in done.err


def test_a_key_that_others_can_read_or_that_is_none(roles):
    (roles.folder / "otto").chmod(0o644)
    done = roles.failc("--identity", roles.folder / "otto", "hold", "web")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "chmod 600" in done.err
    done = roles.failc("--identity", roles.config, "hold", "web")
    assert (done.code, done.err.count("\n")) == (2, 1)
    done = roles.failc("--identity", roles.folder / "nothing", "hold", "web")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "nothing" in done.err


def acts(world):
    found = world.socket("lukretia").get("/resolve?word=hold&service=web")
    return tuple(Act(*act) for act in found["acts"])


def signed(world, **changes):
    fields = {
        "cluster": read(world.config).cluster_id, "operator": "afm", "word": "hold", "service": "web", "node": "",
        "reason": "test", "for_ms": 0, "epoch": 0, "expires_ms": time.time_ns() // 1_000_000 + 60_000,
        "nonce": os.urandom(16), "acts": acts(world),
    }  # fmt: skip
    made = sign_command(Command(**(fields | changes)), load_private(world.config.parent / "operator" / "id_ed25519"))
    return {"command": base64.b64encode(made.raw).decode(), "signature": base64.b64encode(made.signature).decode()}


def test_replayed_expired_foreign_and_forged_commands_at_the_socket(roles):
    good = signed(roles)
    assert roles.socket("lukretia").post("/command", good)[0] == 202
    forged = signed(roles)
    for body, reason in [
        (good, "replayed"),
        (signed(roles, expires_ms=1), "expired"),
        (signed(roles, expires_ms=time.time_ns() // 1_000_000 + 70_000), "expired"),
        (signed(roles, cluster=os.urandom(32)), "wrong-cluster"),
        (signed(roles, operator="nobody"), "unknown-key"),
        (signed(roles, operator="otto"), "unknown-key"),
        ({**forged, "signature": ""}, "unsigned"),
        ({**forged, "command": signed(roles)["command"]}, "bad-signature"),
        ({**forged, "command": base64.b64encode(b"x").decode()}, "not-canonical"),
    ]:
        code, answer = roles.socket("lukretia").post("/command", body)
        assert (code, answer["admitted"], answer["refused"]) == (403, False, reason)
        assert answer["text"]
    roles.until(lambda: roles.web("genesis")["held"], "the other node knows of the hold")
    code, answer = roles.socket("genesis").post("/command", good)
    assert (code, answer["refused"]) == (403, "replayed"), "the other node has it in its copy of the feed"
    assert roles.audit("verify").code == 0


def test_old_epochs_and_unknown_names_have_words(roles):
    done = roles.failc("hold", "web", "--epoch", "7")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "the command is for epoch 7, web is at 1" in done.err
    assert roles.failc("hold", "wbe").code == 2
    assert roles.failc("move", "web", "gensis").code == 2
    assert roles.failc("move", "db", "lukretia").code == 1


def test_a_command_survives_a_kill_and_cannot_be_given_again(roles):
    """The nonce is in the log, not in memory."""
    good = signed(roles)
    assert roles.socket("lukretia").post("/command", good)[0] == 202
    roles.nodes["lukretia"].kill()
    roles.start("lukretia")
    code, answer = roles.socket("lukretia").post("/command", good)
    assert (code, answer["refused"]) == (403, "replayed")


def test_a_log_of_another_cluster_is_not_taken_for_ours(roles):
    done = run("failc", "init", roles.folder / "other", "--cluster", "demo", "--node", "lukretia=lan:127.0.0.1",
               "--node", "genesis=lan:127.0.0.2")  # fmt: skip
    assert done.code == 0
    done = run("failaudit", "verify", "--config", roles.folder / "other" / "failover.toml", roles.nodes["lukretia"].state)
    assert done.code == 1
    assert "cluster" in done.out
