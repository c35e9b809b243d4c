"""examples/web with real nodes and a real nginx: it moves with its address, and away from a node on which it has died."""

import re
import sys
from pathlib import Path

import pytest

from tests.actions.checks.servers import NGINX
from tools.lab.lab import Lab
from tools.lab.pytest_plugin import MASTER, SLAVE, left_out

EXAMPLE = Path(__file__).parents[2] / "examples" / "web"

ASK = """
import http.client
connection = http.client.HTTPConnection("10.77.0.100", timeout=2)
connection.request("GET", "/")
print(connection.getresponse().read().decode().strip())
"""

KILL = 'for it in /proc/[0-9]*; do [ "$(cat "$it/comm")" != nginx ] || kill -9 "${it#/proc/}"; done'
"""A node has processes of its own, and its /proc shows no others."""


@pytest.fixture
def web(make_lab, tmp_path):
    """Two nodes with the example's files, each with a page that says whose it is; not started."""
    left_out(None if NGINX else "nginx is not installed; sh packaging/programs.sh")
    lab, site = make_lab(MASTER, SLAVE), tmp_path / "site"
    for node in (MASTER, SLAVE):
        (site / node / "www").mkdir(parents=True, exist_ok=True)
        (site / node / "www" / "index.html").write_text(node)
    script, here = (EXAMPLE / "web").read_text(), f"{site}/$FAILOVER_NODE"
    script = script.replace("/run/", f"{here}/").replace("/etc/failover/nginx.conf", f"{here}/nginx.conf")
    (site / "web").write_text(script)
    (site / "web").chmod(0o755)
    for node in (MASTER, SLAVE):
        text = (EXAMPLE / "nginx.conf").read_text().replace("/var/www/html", f"{site}/{node}/www")
        text = text.replace("/var/log/nginx", f"{site}/{node}")
        (site / node / "nginx.conf").write_text(f"user root;\n{text}")
    return lab


def appended(tmp_path: Path) -> str:
    return (EXAMPLE / "service.toml").read_text().replace("/etc/failover", f"{tmp_path}/site")


def page(lab: Lab) -> str:
    return lab.client.run(sys.executable, "-c", ASK).strip()


def until_up(lab: Lab, node: str) -> None:
    lab.wait_until(lambda: lab.service(node)["states"][node] == "UP", f"{node} has it up", 30)


def test_each_node_answers_with_its_page_while_it_has_the_service(web, tmp_path):
    web.init(lambda text: text + appended(tmp_path))
    web.start()
    until_up(web, MASTER)
    assert page(web) == MASTER
    web.failc(MASTER, "move", "web", SLAVE)
    until_up(web, SLAVE)
    assert page(web) == SLAVE
    web.power_off(SLAVE)
    web.wait_until(lambda: web.service(MASTER)["states"][MASTER] == "UP", "the other takes over", 30)
    assert page(web) == MASTER


def test_a_node_on_which_nginx_has_died_loses_the_service_and_says_why(web, tmp_path):
    web.init(lambda text: text + appended(tmp_path))
    web.start()
    until_up(web, MASTER)
    web.nodes[MASTER].running.run("sh", "-c", KILL)
    until_up(web, SLAVE)
    assert page(web) == SLAVE
    web.wait_until(lambda: web.service(SLAVE)["states"][MASTER] == "FAIL", "the other is out", 30)
    failures = web.feeds.since(0, "check-failed", MASTER)
    assert {event.body["text"] for event in failures} == {"http://10.77.0.100/health: Connection refused"}


def test_control_with_nginx_before_its_address_neither_node_can_start_it(web, tmp_path):
    """The order of the actions is what the example is about: the other one must fail, and in the words of its page."""

    def other_order(text: str) -> str:
        action, check = appended(tmp_path).split("[[services.web.checks]]")
        first = re.search(r"\[\[services\.web\.actions\]\]", text)
        assert first is not None
        return f"{text[: first.start()]}{action}\n{text[first.start() :]}\n[[services.web.checks]]{check}"

    web.init(other_order)
    web.start()
    web.wait_until(lambda: set(web.service(MASTER)["states"].values()) == {"FAIL"}, "both have failed", 30)
    said = web.failc(MASTER, "status")
    assert "bind() to 10.77.0.100:80 failed (99: Cannot assign requested address)" in said
