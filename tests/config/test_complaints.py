"""Every bad input gets its file, line, column, key, what is wrong and what to write instead; all of them at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.config import BadConfig, check, parse
from coordinator.state import file_v1
from tests.config.sound import EVE, GENESIS, LUKRETIA, TEXT, bent

TABLE = [
    # what is bent                                  how                                what is said about it
    ('heartbeat = "100ms"', "heartbeat = 100", '5:1: timing.heartbeat: 100 has no unit. Write "100ms" or "100s"'),
    ('heartbeat = "100ms"', 'heartbeat = "0.1s"', '5:1: timing.heartbeat: "0.1s" is not a whole number. Write "100ms"'),
    ('heartbeat = "100ms"', 'hartbeat = "100ms"', '5:1: timing.hartbeat: unknown key "hartbeat". Did you mean "heartbeat"?'),
    ('heartbeat = "100ms"', 'heartbeat = "1ms"', "5:1: timing.heartbeat: 1ms is out of range. Write 10ms to 1m"),
    ('heartbeat = "100ms"', 'heartbeat = "160ms"', "6:1: timing.indoubt: 300ms is shorter than 2 heartbeats (2 x 160ms)"),
    ('indoubt   = "300ms"', 'indoubt = "500ms"', "6:1: timing.indoubt: 500ms is not shorter than dead (500ms)"),
    ('dead      = "500ms"', 'dead = "2h"', "7:1: timing.dead: 2h is out of range. Write at most 1h"),
    ('drift     = "1%"', "drift = 1", '8:1: timing.drift: 1 has no percent sign. Write "1%"'),
    ('drift     = "1%"', 'drift = "50%"', "8:1: timing.drift: is more than 10%"),
    ('cluster = "demo"', "", '1:1: cluster: is missing. Write cluster = "demo"'),
    ('cluster = "demo"', 'cluster = "a b"', '1:1: cluster: "a b" is not a name'),
    ('"00112233445566778899aabbccddeeff"', '"42"', "2:1: id: is not 32 hex digits in lower case. Copy the line"),
    (LUKRETIA, GENESIS, "14:1: nodes.genesis.key: is also the key of lukretia. Each node needs its own"),
    (LUKRETIA, LUKRETIA[:-4], "11:1: nodes.lukretia.key: "),
    (LUKRETIA, "ed25519:" + "A" * 43 + "=", "11:1: nodes.lukretia.key: this Ed25519 key has a small order"),
    (f'key   = "{LUKRETIA}"', "", "10:1: nodes.lukretia.key: is missing. Write key = "),
    ('"10.77.0.12"', '"10.77.0.11"', "15:11: nodes.genesis.links.lan: 10.77.0.11 port 1291 is also the address of lukretia o"),
    ('"10.77.0.12"', '"ten.example"', '15:11: nodes.genesis.links.lan: "ten.example" is not an IP address. Write one such as'),
    ('"10.78.0.12:1299"', '"10.78.0.12:70000"', '15:31: nodes.genesis.links.direct: port "70000" is not between 1 and 65535'),
    ('"10.78.0.12:1299"', '"0.0.0.0"', "15:31: nodes.genesis.links.direct: \"0.0.0.0\" is not the address of a single host"),
    ('"10.78.0.12:1299"', '"fd78::12"', '15:31: nodes.genesis.links.direct: link "direct" is IPv4 elsewhere and IPv6 here'),
    ("direct = \"10.78.0.11\"", "dirct = \"10.78.0.11\"", '12:31: nodes.lukretia.links.dirct: link "dirct" has no other end'),
    ('{ lan = "10.77.0.13" }', '{ direct = "fd77::13" }', '18:13: nodes.umpire.links.direct: link "direct" is IPv4 elsewhere'),
    ('{ lan = "10.77.0.13" }', "{ }", "18:1: nodes.umpire.links: has no link in common with lukretia"),
    ("witness = true", 'witness = "yes"', '19:1: nodes.umpire.witness: is the string "yes", not true or false. Write witness'),
    ('["lukretia", "genesis"]', '["lukretia", "gensis"]', '22:29: services.web.nodes[1]: "gensis" is not a node of this clus'),
    ('["lukretia", "genesis"]', '["lukretia", "umpire"]', '22:29: services.web.nodes[1]: "umpire" is a witness, and a witnes'),
    ('["lukretia", "genesis"]', '["lukretia", "lukretia"]', '22:29: services.web.nodes[1]: "lukretia" stands here twice'),
    ('["lukretia", "genesis"]', "[]", "22:1: services.web.nodes: names no node"),
    ('["lukretia", "genesis"]', '"lukretia"', '22:1: services.web.nodes: is the string "lukretia", not a list. Write nodes ='),
    ('failback     = "10m"', 'failback = "never"', '23:1: services.web.failback: "never" is not a duration. '),
    ('failback     = "10m"', "failback = 10", '23:1: services.web.failback: 10 has no unit. Write "10ms" or "10s"; or "auto'),
    ('"serve"', '"majority"', '33:1: services.web.actions[1]: script under majority, with neither a watchdog nor a fence of'),
    ('"serve"', '"arbiter"', '33:1: services.web.actions[1]: script under arbiter: with faild hung, nothing ends it at the'),
    ('"serve"', '"server"', '24:1: services.web.partition: "server" is not one of the choices. Write "serve" or "majority" o'),
    ('lease        = "500ms"', 'lease = "200ms"', "25:1: services.web.lease: lease 200ms is shorter than 3 heartbeats (3 x 1"),
    ('"preference"', '"prefer"', '26:1: services.web.split_winner: "prefer" is not one of the choices. Write "preference" or'),
    ('"keep"', '"drop"', '27:1: services.web.on_isolation: "drop" is not one of the choices. Write "keep" or "release"'),
    ("restarts     = 1", "restarts = -1", "28:1: services.web.restarts: -1 is out of range. Write a whole number from 0 to 1"),
    ("restarts     = 1", "restarts = true", "28:1: services.web.restarts: is true, not a whole number. Write restarts = 1"),
    ('retry        = "1m"', 'retry = "soon"', '29:1: services.web.retry: "soon" is not a duration.'),
    ('"10.77.0.100/24"', '"10.77.0.100"', '31:1: services.web.actions[0].address: "10.77.0.100" has no prefix. Write "10.77.'),
    ('"10.77.0.100/24"', '"10.77.0.300/24"', '31:1: services.web.actions[0].address: "10.77.0.300/24" is not an address'),
    ('"10.77.0.100/24"', '"10.77.0.11/24"', "31:1: services.web.actions[0].address: 10.77.0.11 is already a link address of"),
    ('interface = "eth0"', "", '31:1: services.web.actions[0].address: has no interface. Write interface = "eth0" beside it'),
    ('interface = "eth0"', 'interface = "a/b"', '32:1: services.web.actions[0].interface: "a/b" is not an interface name'),
    ('interface = "eth0"', 'interfce = "eth0"', '32:1: services.web.actions[0].interfce: unknown key "interfce". Did you mea'),
    ('script  = "/etc/failover/web"', 'script = "web"', '34:1: services.web.actions[1].script: "web" is not an absolute path'),
    ('script  = "/etc/failover/web"', "", "33:1: services.web.actions[1]: says nothing to do. Write exactly one of"),
    ('script  = "/etc/failover/web"', 'fence = "x"', '34:1: services.web.actions[1].fence: "fence" is not in this release'),
    ('timeout = "20s"', 'timeout = "20"', '35:1: services.web.actions[1].timeout: 20 has no unit. Write "20ms" or "20s"'),
    ('timeout = "20s"', 'notify = "/bin/true"', "33:1: services.web.actions[1]: has script and notify in one action"),
    ('tcp   = "127.0.0.1:80"', 'tcp = "127.0.0.1"', '37:1: services.web.checks[0].tcp: "127.0.0.1" has no port. Write "127.0'),
    ('tcp   = "127.0.0.1:80"', 'exec = ["true"]', '37:1: services.web.checks[0].exec: "true" is not an absolute path'),
    ('tcp   = "127.0.0.1:80"', 'http = "http://x/"', '37:1: services.web.checks[0].http: "x" is a name, and a check that asks'),
    ("fall  = 3", "fall = 0", "39:1: services.web.checks[0].fall: 0 is out of range"),
    ("fall  = 3", 'fall = "3"', '39:1: services.web.checks[0].fall: is the string "3", not a whole number. Write fall = 3'),
    (EVE, EVE[:-8], "46:1: operators.eve.key: "),
    (f'"{EVE}"', '"ssh-rsa AAAA"', "46:1: operators.eve.key: an operator key is written"),
    ('role = "admin"', 'role = "root"', '44:1: operators.afm.role: "root" is not one of the choices. Write "observe" or "ope'),
    ('services = ["web"]', "", "47:1: operators.eve.role: operate needs the services that may be operated. Write services ="),
    ('services = ["web"]', 'services = ["wbe"]', '48:13: operators.eve.services[0]: "wbe" is not a service of this cluster.'),
    ('community = "public"', "", "52:1: traps[0].version: version 2c needs community. Write community ="),
    ('community = "public"', 'user = "x"', "53:1: traps[0].user: user is not for version 2c"),
    ('version   = "2c"', 'version = "1"', '52:1: traps[0].version: "1" is not one of the choices. Write "2c" or "3"'),
    ('"netwatcher.example"', '"netwatcher.example:x"', '51:1: traps[0].to: port "x" is not between 1 and 65535'),
    ("[nodes.umpire]", "[nodes.operator]", '16:1: nodes.operator: "operator" has a meaning of its own'),
    ("[nodes.umpire]", "[node.umpire]", '16:1: node: unknown key "node". Did you mean "nodes"?'),
    ('"10.78.0.12:1299"', '"255.255.255.255"', "15:31: nodes.genesis.links.direct: 255.255.255.255 is heard by all hosts. Wri"),
    ('tcp   = "127.0.0.1:80"', 'tcp = "8080"', '37:1: services.web.checks[0].tcp: "8080" is a port without a host. Write "127'),
    ('tcp   = "127.0.0.1:80"', 'tcp = ":80"', '37:1: services.web.checks[0].tcp: ":80" has no host. Write "127.0.0.1:80"'),
    ('tcp   = "127.0.0.1:80"', 'tcp = "http://x:80"', '37:1: services.web.checks[0].tcp: "http://x:80" names no host. Write o'),
    ('"netwatcher.example"', '"162"', '51:1: traps[0].to: "162" names no host. Write one such as'),
    ('cluster = "demo"', "cluster = “demo”", "1:11: not TOML: “ (U+201C) is a quote as word processors make them. Write a pla"),
    ('cluster = "demo"', "cluster\u00a0= \"demo\"", "1:8: not TOML: U+00A0 looks like a space and is not one. Write a plain"),
    ('heartbeat = "100ms"', "\u00a0heartbeat = \"100ms\"", "5:1: not TOML: U+00A0 looks like a space and is not one"),
    ('heartbeat = "100ms"', "heartbeat = \"100ms”\n", "5:19: not TOML: ” (U+201D) is a quote as word processors make them"),
    ('heartbeat = "100ms"', "heart–beat = \"100ms\"", "5:6: not TOML: – (U+2013) looks like a hyphen and is not one"),
    ('heartbeat = "100ms"', "heartbeat = \"100ms\"\u200b", "5:20: not TOML: U+200B cannot be seen and does not belong here. D"),
    ("[operators.eve]", "[services.web]", "45:1: not TOML: the table [services.web] stands here a second time, first in line "),
    ("[operators.eve]", '[services."web"]', "45:1: not TOML: the table [services.web] stands here a second time, first in lin"),
    ("[operators.eve]", "[operators]", '46:1: operators.key: is the string "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFZa", not a '),
    ("[operators.eve]", "[[services]]", "45:1: not TOML: [[services]] stands here, and something else has that name already"),
    ("rise  = 2", "fall  = 2", '40:1: not TOML: the key "fall" stands here a second time in its table. Take one of them out'),
    ('links = { lan = "10.77.0.11", ', 'links = { direct = "10.77.0.11", ', '12:55: not TOML: the key "direct" stands twice i'),
    ('cluster = "demo"', "cluster = demo", "1:11: not TOML: invalid value. Correct the TOML here"),
    ("[timing]", "[timing", "4:8: not TOML: "),
    ('community = "public"', 'community = "public', "53:20: not TOML: "),
]  # fmt: skip


ADDRESSES = [
    ("10.77.0.0/24", '10.77.0.0 is the address of the network 10.77.0.0/24 itself. Write an address inside it, such as "10.77'),
    ("10.77.0.255/24", "10.77.0.255 is the broadcast address of 10.77.0.0/24, wh"),
    ("255.255.255.255/32", "255.255.255.255 is the broadcast address"),
    ("fd77::/64", "fd77:: is the address of the network fd77::/64 itself"),
    ("127.0.0.5/8", "127.0.0.5 is a loopback address of every machine. Write"),
    ("::1/128", "::1 is a loopback address of every machine"),
    ("10.77.0.100/0", '"10.77.0.100/0" makes a network of all addresses there are. Write the prefix'),
    ("10.77.0.100/33", '"10.77.0.100/33" has no prefix of IPv4. Write a number from 1 to 32 behind the slash, such as "10.77.'),
    ("fd77::5/129", '"fd77::5/129" has no prefix of IPv6. Write a number from 1 to 128'),
    ("::ffff:10.77.0.12/120", "::ffff:a4d:c is an IPv4 address written as IPv6"),
    ("::ffff:10.77.0.99/120", '::ffff:a4d:63 is an IPv4 address written as IPv6. Write "10.77.0.99/24"'),
]


@pytest.mark.parametrize(("address", "said"), ADDRESSES)
def test_an_address_that_no_client_could_use_is_refused_with_one_to_write(address, said):
    with pytest.raises(BadConfig) as refused:
        parse(bent('"10.77.0.100/24"', f'"{address}"'), "f")
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"f:31:1: services.web.actions[0].address: {said}")


@pytest.mark.parametrize(("old", "new", "said"), TABLE, ids=[f"{new or 'without ' + old}"[:40] for old, new, _ in TABLE])
def test_a_bad_input_is_refused_with_its_place_and_what_to_write_instead(old, new, said):
    with pytest.raises(BadConfig) as refused:
        parse(bent(old, new), "failover.toml")
    lines = str(refused.value).splitlines()
    assert any(line.startswith(f"failover.toml:{said}") for line in lines), lines


@pytest.mark.parametrize(
    "address", ["10.77.0.100/16", "10.77.0.100/32", "10.77.0.100/31", "10.77.0.0/31", "fd77::5/128", "fe80::5/64"]
)
def test_an_address_of_any_prefix_is_welcome(address):
    assert parse(bent('"10.77.0.100/24"', f'"{address}"'), "f").services["web"].actions[0].settings["address"] == address


@pytest.mark.parametrize("text", ["\ufeff" + TEXT, TEXT.replace("\n", "\r\n")], ids=["with a byte order mark", "with CRLF"])
def test_a_file_of_another_editor_is_the_same_configuration(tmp_path, text):
    """Its lines are counted as before, and its digest is that of the text as it stands there."""
    file = tmp_path / "failover.toml"
    file.write_bytes(text.encode())
    policy = check(file).policy
    assert policy is not None
    assert policy.text == text
    assert policy.services == parse(TEXT, "f").services
    with pytest.raises(BadConfig, match=r"f:5:1: timing\.heartbeat: 100 has no unit"):
        parse(text.replace('heartbeat = "100ms"', "heartbeat = 100"), "f")


def test_a_file_in_utf_16_is_told_so(tmp_path):
    file = tmp_path / "failover.toml"
    file.write_bytes(TEXT.encode("utf-16"))
    assert [str(complaint) for complaint in check(file).complaints] == [f"{file}:1:1: is UTF-16. Save the file as UTF-8"]


def test_what_a_log_holds_stays_readable_when_a_rule_comes_later():
    """The fold of an old log must not depend on what this release asks of a new file."""
    text = bent('"10.77.0.100/24"', '"10.77.0.255/24"')
    assert file_v1.read(text).services["web"].nodes == ("lukretia", "genesis")
    with pytest.raises(BadConfig):
        parse(text, "f")


def test_everything_is_said_at_once_in_the_order_of_the_lines():
    """Six mistakes of different kinds, in shape and in meaning: one look finds them all, and nothing that is right."""
    text = TEXT
    for old, new in [
        ('heartbeat = "100ms"', "heartbeat = 100"),
        ('"10.77.0.12"', '"10.77.0.11"'),
        ('["lukretia", "genesis"]', '["lukretia", "nobody"]'),
        ("restarts     = 1", "restart = 1"),
        ('tcp   = "127.0.0.1:80"', 'tcp = "127.0.0.1"'),
        ('role = "admin"', 'role = "root"'),
    ]:
        text = text.replace(old, new)
    with pytest.raises(BadConfig) as refused:
        parse(text, "f")
    assert [complaint.line for complaint in refused.value.complaints] == [5, 15, 22, 28, 37, 44]


@pytest.mark.parametrize("wrong", ["ten.example", "10.77.0.13:99999", ""])
def test_a_wrong_address_is_one_complaint(wrong):
    """Its link has a name all the same: nothing is said about links that are missing."""
    with pytest.raises(BadConfig) as refused:
        parse(bent('"10.77.0.13"', f'"{wrong}"'), "f")
    assert [str(complaint).split(": ")[1] for complaint in refused.value.complaints] == ["nodes.umpire.links.lan"]


def test_one_node_and_seventeen_are_refused():
    with pytest.raises(BadConfig, match=r"nodes: has 1 node\. Write 2 to 16"):
        parse(f'cluster="x"\nid="{"0" * 32}"\n[nodes.a]\nkey="{LUKRETIA}"\nlinks={{lan="10.0.0.1"}}\n', "f")
    many = "".join(f'[nodes.n{i}]\nkey="k"\nlinks={{lan="10.0.0.{i + 1}"}}\n' for i in range(17))
    with pytest.raises(BadConfig, match=r"nodes: has 17 nodes\. Write 2 to 16"):
        parse(f'cluster="x"\nid="{"0" * 32}"\n{many}', "f")


def test_a_file_of_more_bytes_than_a_log_takes_is_refused():
    assert parse(TEXT + "#" * 2_900_000, "f").services
    with pytest.raises(BadConfig, match="more than 3000000 bytes"):
        parse(TEXT + "#" * 3_000_000, "f")


def test_what_deserves_a_second_look_is_a_warning_and_refuses_nothing(tmp_path):
    """Two nodes, no witness, release: when one dies the other is isolated and gives up as well."""
    file = tmp_path / "failover.toml"
    text = bent('"keep"', '"release"').replace('"10.78.0.12:1299"', '"10.78.0.12"')
    start, end = text.index("[nodes.umpire]"), text.index("[services.web]")
    file.write_text(text[:start] + text[end:])
    checked = check(file)
    assert checked.policy is not None
    assert not checked.complaints
    two, release = [str(warning) for warning in checked.warnings]
    assert release.startswith(f"{file}:22:1: services.web.on_isolation: with two nodes and no witness")
    assert two.startswith(f"{file}:16:1: services.web: of two nodes that cannot reach each other each owns web")


VALUES = [
    "1", '"x"', "-5", "true", "[]", "[1]", "{}", "{ a = 1 }", "nan", "1979-05-27", '"\\u001b[31m"', "9" * 40,
    "0x" + "f" * 5000, '""',
]  # fmt: skip
INSERTS = ["[x]", "[[services.web.actions]]", "[nodes.x]", "y = 1", "[", "services = 3"]
LINES = st.integers(0, TEXT.count("\n") - 1)
BENDS = st.one_of(
    st.tuples(st.just("drop"), LINES, st.just("")),
    st.tuples(st.just("value"), LINES, st.sampled_from(VALUES)),
    st.tuples(st.just("key"), LINES, st.sampled_from(["a", "nodes", '"\\u0007"', "key", "a.b"])),
    st.tuples(st.just("insert"), LINES, st.sampled_from(INSERTS)),
)


@settings(max_examples=60)
@given(st.lists(BENDS, min_size=1, max_size=4))
def test_whatever_is_written_is_a_policy_or_complaints_in_single_lines(bends):
    """An auditor reads configurations from logs: nothing that stands there may end it."""
    lines = TEXT.splitlines()
    for how, number, new in bends:
        key, equals, value = lines[number].partition("=")
        kept = {"drop": "", "value": f"{key}= {new}", "key": f"{new} ={value}", "insert": new + "\n" + lines[number]}
        if equals or how in ("drop", "insert"):
            lines[number] = kept[how]
    complaints = said_about("\n".join(lines))
    assert all(line.startswith("f:") and line.isprintable() for line in complaints)


def said_about(text: str) -> list[str]:
    try:
        parse(text, "f")
    except BadConfig as error:
        return str(error).split("\n")
    return []


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "9" * 5000, "[a]\n" * 2, "a = 1\na = 2", "\x00"], ids=len)
def test_text_that_would_break_a_parser_is_a_complaint(text):
    with pytest.raises(BadConfig):
        parse(text, "f")


def test_a_link_local_address_may_be_on_several_interfaces_and_not_twice_on_one() -> None:
    """It is another address on each (RFC 4291, section 2.5.6)."""
    first = 'address   = "10.77.0.100/24"\ninterface = "eth0"'
    one = 'address = "fe80::100/64"\ninterface = "{}"'
    on_two, on_one = (
        TEXT.replace(first, "\n[[services.web.actions]]\n".join(map(one.format, interfaces)))
        for interfaces in (("eth0", "eth1"), ("eth0", "eth0"))
    )
    assert len(parse(on_two, "failover.toml").services["web"].actions) == 3
    with pytest.raises(BadConfig, match="fe80::100 is already an address of service web"):
        parse(on_one, "failover.toml")
