"""A real gate under real daemons: who it refuses takes nothing, says why, and takes the service as soon as it opens."""

GATE = """#!/bin/sh
echo "$FAILOVER_SERVICE $#" >> {folder}/$FAILOVER_NODE.asked
[ ! -e {folder}/$FAILOVER_NODE.hangs ] || sleep 600
[ ! -e {folder}/$FAILOVER_NODE.behind ] || {{ echo behind by 7; exit 1; }}
"""


def gated(make):
    """Two nodes, of which genesis is behind."""
    cluster = make()
    script = cluster.folder / "gate"
    script.write_text(GATE.format(folder=cluster.folder))
    script.chmod(0o755)
    text = cluster.config.read_text()
    line = f'[services.web]\ngate = {{ script = "{script}", timeout = "1s", every = "300ms" }}\n'
    assert text.count("[services.web]\n") == 1
    cluster.config.write_text(text.replace("[services.web]\n", line))
    (cluster.folder / "genesis.behind").touch()
    cluster.start()
    cluster.until(lambda: cluster.web("genesis")["owner"] == "lukretia", "lukretia has it")
    return cluster


def gate_of(cluster, node, at):
    return cluster.web(at)["evidence"].get(node, {}).get("gate")


def test_who_is_refused_takes_nothing_until_the_gate_opens(make):
    cluster = gated(make)
    script = cluster.folder / "gate"
    why = f"its gate refuses: {script}: exit 1: behind by 7"
    cluster.until(lambda: gate_of(cluster, "genesis", "genesis") == why, "genesis says why")
    cluster.until(lambda: "by its own heartbeat" in (gate_of(cluster, "genesis", "lukretia") or ""), "lukretia hears it")
    assert "lukretia" not in cluster.web("lukretia")["evidence"], "no gate is asked of who has it"
    done = cluster.failc("move", "web", "genesis", "--reason", "a try")
    assert (done.code, "genesis cannot take web now, by its own heartbeat: its gate refuses" in done.err) == (1, True), done
    done = cluster.failc("move", "web", "genesis", "--reason", "a try", at="genesis")
    assert (done.code, f"genesis cannot take web now: {why}" in done.err) == (1, True), done
    cluster.nodes["lukretia"].kill()
    cluster.until(lambda: why in cluster.web("genesis")["reason"], "nobody has it, and the reason is there")
    assert cluster.web("genesis")["owner"] is None
    said = cluster.failc("status", at="genesis").out
    assert why in said
    (cluster.folder / "genesis.behind").unlink()
    cluster.until(lambda: cluster.web("genesis")["owner"] == "genesis", "the gate is open")
    assert set((cluster.folder / "genesis.asked").read_text().split("\n")) == {"web 0", ""}


def test_a_gate_that_hangs_refuses_and_is_killed(make):
    cluster = gated(make)
    (cluster.folder / "genesis.hangs").touch()
    cluster.until(lambda: "no end after 1 s" in (gate_of(cluster, "genesis", "genesis") or ""), "it does not end")
    (cluster.folder / "genesis.hangs").unlink()
    (cluster.folder / "genesis.behind").unlink()
    cluster.until(lambda: gate_of(cluster, "genesis", "genesis") is None, "it opens")
    done = cluster.failc("move", "web", "genesis", "--reason", "a try")
    assert done.code == 0, done
