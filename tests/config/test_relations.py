"""`with`, `apart` and `after` in a file: who is named, what waits for itself, and what can be nowhere."""

import pytest

from coordinator.config import BadConfig, parse
from coordinator.policy import After
from tests.config.sound import bent

FIRST = "restarts     = 1"


def service(name: str, more: str = "", nodes: str = '["lukretia", "genesis"]') -> str:
    return f'[services.{name}]\nnodes = {nodes}\n{more}\n[[services.{name}.actions]]\nscript = "/etc/failover/{name}"\n'


def said(web: str, *others: str) -> list[str]:
    with pytest.raises(BadConfig) as error:
        parse(bent(FIRST, web) + "".join(others), "f")
    return [str(complaint).split(": ", 1)[1] for complaint in error.value.complaints]


def test_what_is_sound_is_read() -> None:
    text = bent(FIRST, 'with = ["db"]\nafter = ["db@here", "dns"]\napart = ["batch"]')
    read = parse(text + service("db") + service("dns") + service("batch", 'apart = ["web"]'), "f").services["web"]
    assert (read.together, read.apart, read.after) == (("db",), ("batch",), (After("db", here=True), After("dns")))


@pytest.mark.parametrize(
    ("web", "other", "what"),
    [
        ('after = ["bd"]', service("db"), 'services.web.after[0]: "bd" is not a service of this file. Known: db'),
        ('with = ["web"]', "", "services.web.with[0]: is the service itself. Take it out"),
        ('apart = ["db", "db"]', service("db"), "services.web.apart[1]: db stands here twice. Name each once"),
        ('after = ["db@there"]', service("db"), 'services.web.after[0]: "db@there" is not a service of this file. Known: db'),
        ('after = ["db"]', service("db", 'after = ["web@here"]'), "services.web.after: waits for itself: web -> db -> web. Ta"),
        ('with = ["db"]', service("db", 'with = ["web"]'), "services.web.with: waits for itself: web -> db -> web. Take one"),
        (
            'with = ["db"]',
            service("db", nodes='["genesis", "lukretia"]'),
            "services.web.with[0]: db has other candidates, or in another order. Write the same nodes in both: genesis, lu",
        ),
        ('with = ["db"]', service("db", 'split_winner = "incumbent"'), "services.web.with[0]: db has split_winner = \"incumb"),
        ('with = ["db"]\napart = ["db"]', service("db"), "services.web.apart[0]: db must run beside web, by with or after @h"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(web: str, other: str, what: str) -> None:
    (complaint,) = said(web, other)
    assert complaint.startswith(what)


def test_a_circle_of_three_is_told_once() -> None:
    found = said('after = ["a"]', service("a", 'with = ["b"]'), service("b", 'after = ["web"]'))
    assert found == ["services.web.after: waits for itself: web -> a -> b -> web. Take one of these out"]


def test_a_service_after_another_that_is_on_none_of_its_nodes_is_refused() -> None:
    b = service("b", 'after = ["a@here"]', nodes='["lukretia"]')
    found = said('after = ["a@here"]', service("a", nodes='["genesis"]'), b)
    assert found == ["services.b.after[0]: a may be on none of its nodes. Give both a candidate in common"]


def test_what_must_meet_what_it_must_not_meet_by_a_chain_is_refused() -> None:
    (complaint,) = said('with = ["a", "b"]', service("a"), service("b", 'apart = ["a"]'))
    assert complaint.startswith("services.b.apart[0]: a must run beside b, by with or after @here of web.")
