"""What a sound file becomes, and which files are looked at on the way."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.config import BadConfig, check, durations, parse, read, schema
from coordinator.config.positions import locate
from tests.config.sound import AFM, EVE, TEXT, bent

V3 = 'version = "3"\nuser = "failover"\nauth = "sha256"\npriv = "aes128"\nsecret_file = "snmp.secret"'


def test_every_key_arrives_in_the_policy():
    policy = parse(TEXT, "failover.toml")
    assert policy.cluster == "demo"
    assert policy.cluster_id == hashlib.sha256(b"demo\n" + bytes.fromhex("00112233445566778899aabbccddeeff")).digest()
    assert policy.digest == hashlib.sha256(TEXT.encode()).digest()
    assert policy.text == TEXT
    timing = policy.timing
    assert (timing.heartbeat_ms, timing.indoubt_ms, timing.dead_ms, timing.drift_ppm) == (100, 300, 500, 10_000)
    assert list(policy.nodes) == ["lukretia", "genesis", "umpire"]
    assert dict(policy.nodes["genesis"].links) == {"lan": ("10.77.0.12", 1291), "direct": ("10.78.0.12", 1299)}
    assert [node.witness for node in policy.nodes.values()] == [False, False, True]
    web = policy.services["web"]
    assert web.nodes == ("lukretia", "genesis")
    assert (web.failback_ms, web.partition, web.lease_ms, web.split_winner) == (600_000, "serve", 500, "preference")
    assert (web.on_isolation, web.restarts, web.retry_ms) == ("keep", 1, 60_000)
    address, script = web.actions
    assert (address.kind, dict(address.settings)) == ("address", {"address": "10.77.0.100/24", "interface": "eth0"})
    assert (script.kind, dict(script.settings), script.timeout_ms) == ("script", {"path": "/etc/failover/web"}, 20_000)
    (check_,) = web.checks
    assert (check_.kind, dict(check_.settings)) == ("tcp", {"host": "127.0.0.1", "port": 80})
    assert (check_.every_ms, check_.fall, check_.rise) == (1000, 3, 2)
    assert policy.operators["afm"].key == AFM, "the comment is no part of the key"
    assert (policy.operators["eve"].key, policy.operators["eve"].services) == (EVE, ("web",))
    (trap,) = policy.traps
    assert (trap.host, trap.port, trap.version) == ("netwatcher.example", 162, "2c")
    assert dict(trap.settings) == {"community": "public"}


def test_what_is_not_written_has_the_defaults_of_the_contract():
    text = re.sub(r"\[timing\][^\[]*", "", TEXT)
    text = re.sub(r"(failback|partition|lease|split_winner|on_isolation|restarts|retry) .*\n", "", text)
    policy = parse(text, "f")
    assert (policy.timing.heartbeat_ms, policy.timing.indoubt_ms, policy.timing.dead_ms) == (100, 300, 500)
    web = policy.services["web"]
    assert (web.failback_ms, web.partition, web.lease_ms, web.split_winner) == (0, "serve", 500, "preference")
    assert (web.on_isolation, web.restarts, web.retry_ms) == ("keep", 0, 60_000)


@pytest.mark.parametrize(("written", "meant"), [('"auto"', 0), ('"manual"', None), ('"90s"', 90_000)])
def test_failback_is_at_once_never_or_after_a_time(written, meant):
    assert parse(bent('failback     = "10m"', f"failback = {written}"), "f").services["web"].failback_ms == meant


def test_announcements_are_refreshed_each_minute_unless_the_file_says_otherwise():
    assert parse(bent('retry        = "1m"', ""), "f").services["web"].announce_every_ms == 60_000
    assert parse(bent('retry        = "1m"', 'announce_every = "5s"'), "f").services["web"].announce_every_ms == 5_000
    with pytest.raises(BadConfig, match="announce_every"):
        parse(bent('retry        = "1m"', 'announce_every = "999ms"'), "f")


def test_retry_may_be_never():
    assert parse(bent('retry        = "1m"', 'retry = "never"'), "f").services["web"].retry_ms is None


def test_links_over_ipv6_take_brackets_before_a_port():
    text = bent('"10.78.0.11"', '"[fd78::11]:1300"').replace('"10.78.0.12:1299"', '"fd78::12"')
    nodes = parse(text, "f").nodes
    assert nodes["lukretia"].links["direct"] == ("fd78::11", 1300)
    assert nodes["genesis"].links["direct"] == ("fd78::12", 1291)


def test_an_exec_check_is_a_list_of_words():
    policy = parse(bent('tcp   = "127.0.0.1:80"', 'exec = ["/usr/bin/test", "-e", "/run/ok"]'), "f")
    assert policy.services["web"].checks[0].settings["argv"] == ("/usr/bin/test", "-e", "/run/ok")


def test_a_policy_from_the_log_touches_no_file():
    """An auditor reads the configuration on another machine, where no secret is."""
    policy = parse(bent('version   = "2c"\ncommunity = "public"', V3), "configuration 3")
    assert policy.traps[0].settings["secret_file"] == "snmp.secret"


def test_a_secret_file_must_be_there_and_private(tmp_path):
    file, secret = tmp_path / "failover.toml", tmp_path / "snmp.secret"
    file.write_text(bent('version   = "2c"\ncommunity = "public"', V3))
    with pytest.raises(BadConfig, match=r"failover.toml:56:1: traps\[0\].secret_file: .*snmp.secret does not exist"):
        read(file)
    secret.write_text("authpass\nprivpass\n")
    secret.chmod(0o644)
    with pytest.raises(BadConfig, match=r"snmp.secret can be read by others \(mode 0644\). Do: chmod 600"):
        read(file)
    assert read(file, files=False).traps[0].version == "3"
    secret.chmod(0o600)
    assert read(file).traps[0].settings["secret_file"] == str(secret), "wherever faild is started from"
    secret.write_text("short\n")
    with pytest.raises(BadConfig, match=r"snmp.secret has no passwords. Write one for auth on the first line"):
        read(file)


def test_an_operators_key_that_others_can_read_is_complained_about_where_it_is(tmp_path):
    """Not by a `faild`, which has no use for it."""
    file, key = tmp_path / "failover.toml", tmp_path / "operator" / "id_ed25519"
    file.write_text(TEXT)
    key.parent.mkdir()
    key.write_text("private")
    key.with_name("id_ed25519.pub").write_text(f"{EVE} eve@here\n")
    key.chmod(0o600)
    assert check(file).complaints == ()
    key.chmod(0o640)
    (complaint,) = check(file).complaints
    assert str(complaint).startswith(f"{file}:46:1: operators.eve.key: {key} can be read by others (mode 0640). Do: chmod 600")
    assert read(file).cluster == "demo"


def test_a_node_key_that_others_can_read_is_a_complaint_of_config_check(tmp_path):
    file, key = tmp_path / "failover.toml", tmp_path / "genesis" / "node.key"
    file.write_text(TEXT)
    assert not check(file).complaints
    key.parent.mkdir()
    key.write_text("whatever")
    key.chmod(0o644)
    (complaint,) = check(file).complaints
    assert (complaint.line, complaint.path) == (14, "nodes.genesis.key")
    assert "mode 0644, must be 0600" in complaint.what


def test_a_file_that_is_not_utf_8_is_a_complaint(tmp_path):
    file = tmp_path / "failover.toml"
    file.write_bytes(b'cluster = "demo"\n# M\xfcller\n')
    with pytest.raises(BadConfig, match=r"failover\.toml:2:4: is not UTF-8"):
        read(file)


def test_the_schema_names_every_table_and_knows_what_a_duration_is():
    whole = schema()
    assert set(whole["properties"]) == {
        "cluster",
        "id",
        "timing",
        "nodes",
        "watchdog",
        "arbiter",
        "services",
        "operators",
        "traps",
    }
    assert whole["$defs"]["TimingShape"]["properties"]["dead"]["pattern"] == durations.DURATION_PATTERN
    assert whole["additionalProperties"] is False


@given(st.integers(0, 10**6), st.sampled_from(list(durations.UNITS_MS)))
def test_a_duration_is_its_number_times_its_unit_or_too_long(number, unit):
    text, ms = f"{number}{unit}", number * durations.UNITS_MS[unit]
    if ms <= durations.LONGEST_MS:
        assert durations.milliseconds(text) == ms
        assert durations.milliseconds(durations.spoken(ms)) == ms
    else:
        with pytest.raises(durations.BadQuantity, match="longer than a year"):
            durations.milliseconds(text)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers())))
def test_nothing_but_a_number_and_a_unit_is_a_duration(value):
    if isinstance(value, str) and re.fullmatch("[0-9]+(ms|s|m|h)", value):
        return
    with pytest.raises(durations.BadQuantity):
        durations.milliseconds(value)


@given(st.integers(0, 99), st.integers(0, 9999))
def test_a_percentage_has_at_most_four_decimals(whole, fraction):
    assert durations.parts_per_million(f"{whole}.{fraction:04d}%") == whole * 10_000 + fraction


NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True)


VALUES = st.sampled_from(
    [
        '"a # b"',
        "[1, [2, 3], ]",
        "{ x = 1, y = [2] }",
        "'''\n[no]\nq = 1\n'''",
        "1.5",
        "2024-01-01 10:00:00",
        '"""a\\"""b"""',
        '"\\"]"',
        "'#'",
        "[ # x ]\n 1]",
    ]
)


@given(st.lists(st.tuples(NAMES, VALUES), unique_by=lambda item: item[0]))
def test_a_key_is_found_on_its_line_whatever_stands_before_it(pairs):
    text, lines = "# begin\n", {}
    for name, value in pairs:
        lines[name] = text.count("\n") + 1
        text += f"  {name} = {value} # [{name}]\n"
    positions = locate(text)
    assert {name: tuple(positions.of((name,))) for name in lines} == {name: (line, 3) for name, line in lines.items()}


def test_headers_arrays_of_tables_and_dotted_keys_have_positions():
    positions = locate('[[a.b]]\nx = 1\n[[a.b]]\n  y.z = 2\n[a.b.c]\n"q r" = [1,\n 2]\n')
    assert positions.of(("a", "b", 0, "x")) == (2, 1)
    assert positions.of(("a", "b", 1)) == (3, 1)
    assert positions.of(("a", "b", 1, "y", "z")) == (4, 5)
    assert positions.of(("a", "b", 1, "c")) == (5, 1)
    assert positions.of(("a", "b", 1, "c", "q r", 1)) == (7, 2)
    assert positions.of(("a", "b", 1, "nowhere")) == (3, 1), "the table around it"
