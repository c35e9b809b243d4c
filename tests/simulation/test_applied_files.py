"""The verb `apply` finds a table however its name is written, and changes nothing else of the file."""

import pytest

from coordinator.config import BadConfig, parse
from tests.config.sound import TEXT, bent
from tools.simulator.files import changed

FORMS = [
    "[services.web]",
    '[services."web"]',
    "[services.'web']",
    "[ services . web ]",
    '["services".web] # the site',
    "  [services.web]",
]


@pytest.mark.parametrize("header", FORMS)
def test_a_service_is_found_however_its_table_is_written(header):
    policy = parse(bent("[services.web]", header), "f")
    after = changed(policy, "web", ("split_winner=incumbent", "nodes=genesis,lukretia", "restarts=3"))
    web = after.services["web"]
    assert (web.split_winner, web.nodes, web.restarts) == ("incumbent", ("genesis", "lukretia"), 3)
    assert len(after.text.splitlines()) == len(TEXT.splitlines())


def test_a_name_with_a_dot_is_that_service_and_no_other():
    text = TEXT.replace("[services.web]", '[services."web.a"]').replace("services.web.", 'services."web.a".')
    more = text[text.index('[services."web.a"]') : text.index("[operators.afm]")]
    more = more.replace("web.a", "web").replace("10.77.0.100", "10.77.0.101")
    policy = parse(text.replace('services = ["web"]', 'services = ["web.a"]') + more, "f")
    after = changed(policy, "web.a", ("failback=manual",))
    assert after.services["web.a"].failback_ms is None
    assert after.services["web"].failback_ms == 600_000
    assert set(changed(policy, "web", ("removed",)).services) == {"web.a"}
    assert changed(changed(policy, "web", ("removed",)), "web", ("back",), policy).services == policy.services


def test_a_list_over_several_lines_is_one_value():
    policy = parse(bent('["lukretia", "genesis"]', '[\n  "lukretia", # the master\n  "genesis",\n]'), "f")
    assert changed(policy, "web", ("nodes=genesis",)).services["web"].nodes == ("genesis",)


def test_a_service_without_a_table_of_its_own_is_refused_with_the_table_to_write():
    start, end = TEXT.index("[services.web]"), TEXT.index("[operators.afm]")
    inline = 'services = { "web.a" = { nodes = ["lukretia"], actions = [{ script = "/bin/true" }] } }\n'
    text = inline + TEXT[:start] + TEXT[end : TEXT.index("[operators.eve]")] + TEXT[TEXT.index("[[traps]]") :]
    with pytest.raises(BadConfig, match=r'services\.web\.a: has no table of its own. Write \[services\."web\.a"\]'):
        changed(parse(text, "f"), "web.a", ("failback=manual",))
