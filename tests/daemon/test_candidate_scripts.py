"""Real scripts that are asked of candidates, under real daemons: a gate that refuses, and numbers that decide."""

import re

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
    cluster.config.write_text(text + f'[services.web.gate]\nscript = "{script}"\ntimeout = "1s"\nevery = "300ms"\n')
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
    cluster.until(lambda: gate_of(cluster, "genesis", "lukretia") is None, "lukretia has heard it")
    done = cluster.failc("move", "web", "genesis", "--reason", "a try")
    assert done.code == 0, done


LAG = """#!/bin/sh
cat {folder}/$FAILOVER_NODE.position
"""


def test_the_node_with_the_newest_data_takes_it(make):
    cluster = make("lukretia", "genesis", "carthage")
    script = cluster.folder / "lag"
    script.write_text(LAG.format(folder=cluster.folder))
    script.chmod(0o755)
    for node, number in (("lukretia", 7), ("genesis", 5), ("carthage", 6)):
        (cluster.folder / f"{node}.position").write_text(f"{number}\n")
    text = cluster.config.read_text()
    (table,) = re.finditer(r"(?m)^\[services\.web\]\n", text)
    lines = f'prefer = "evidence"\nevidence = {{ script = "{script}" }}\nfailback = "manual"\n'
    cluster.config.write_text(text[: table.end()] + lines + text[table.end() :])
    cluster.start()
    cluster.until(lambda: cluster.web("carthage")["owner"] == "lukretia", "lukretia has most of it")
    cluster.until(lambda: numbers(cluster, "lukretia") == {"genesis": 5, "carthage": 6}, "the others say it")
    (cluster.folder / "genesis.position").write_text("no answer\n")
    cluster.until(lambda: "'no answer' is no whole number" in text_of(cluster, "genesis"), "it is said")
    (cluster.folder / "genesis.position").write_text("5\n")
    cluster.nodes["lukretia"].kill()
    cluster.until(lambda: cluster.web("genesis")["owner"] == "carthage", "carthage has more than genesis")
    why = cluster.audit("why", "web", "--json", at=("genesis", "carthage")).json
    passed = {it["node"]: it["why"] for it in why["passed_over"]}
    assert passed["genesis"] == "its number is 5, and that of carthage is 6: it is behind by 1"
    assert cluster.audit("verify", at=("genesis", "carthage")).code == 0


def numbers(cluster, at):
    return {node: it["value"] for node, it in cluster.web(at)["evidence"].items()}


def text_of(cluster, node):
    return cluster.web(node)["evidence"][node]["text"]
