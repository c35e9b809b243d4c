"""What an operator hears of the settings of each kind of action and check: the key, what is wrong, and what to write."""

import pytest

from coordinator.config import BadConfig, parse
from coordinator.config.complaints import place
from coordinator.config.here import lacking
from coordinator.config.reading import read_text
from coordinator.state.file_v1 import read_policy
from tests.config.sound import bent

ACTION, CHECK = 'script  = "/etc/failover/web"', 'tcp   = "127.0.0.1:80"'

SOUND_CHECKS = [
    'http = "http://10.77.0.100"',
    'http = "https://[fd77::100]:8443/health?x=1"\nhost = "www.example"\nstatus = [200, 301]\ncertificate_days = 14',
    'http = "https://10.77.0.100/"\nca_file = "/etc/failover/ca.pem"\nbody = ["<title>", "Shop"]',
    'http = "https://10.77.0.100/"\nverify = false',
    'dns = "www.example"\nserver = "10.77.0.100"',
    'ocf = "heartbeat:nginx"\nparams = { configfile = "/etc/nginx/nginx.conf" }',
    'systemd = "nginx.service"',
    'dns = "_sip._tcp.example."\nserver = "[fd77::1]:5353"\ntype = "SRV"\nanswer = ["0 5 5060 sip.example."]',
]

WRONG_CHECKS = [
    ('http = "http://x.example:81/y"', "http", '"x.example" is a name, and a check that asks a name server checks'),
    ('http = "10.0.0.1/"', "http", '"10.0.0.1/" does not begin with http:// or https://. Write http'),
    ('http = "ftp://10.0.0.1/"', "http", '"ftp://10.0.0.1/" does not begin with http:// or https://.'),
    ('http = "http://a:b@10.0.0.1/"', "http", "has a user's name or a password in it. Take them out: this"),
    ('http = "http://10.0.0.1:99999/"', "http", '"http://10.0.0.1:99999/" has no address, port or path that can be asked'),
    ('http = "http://fd77::1/"', "http", '"http://fd77::1/" has no address, port or path that can be asked'),
    ('http = "http://10.0.0.1/a b"', "http", '"http://10.0.0.1/a b" has no address, port or path that can be asked'),
    ('http = "http://10.0.0.1/a#b"', "http", '"http://10.0.0.1/a#b" has a part behind #, which is never sent to a server'),
    ('http = "http://10.0.0.1/"\nstatus = [20]', "status", "20 is no status of HTTP. Write numbers from 100"),
    ('http = "http://10.0.0.1/"\nstatus = []', "status", "names no status. Write status = [200], or leave it out"),
    ('http = "http://10.0.0.1/"\nstatus = 200', "status", "is the number 200, not a list. Write status = [200]"),
    ('http = "http://10.0.0.1/"\nbody = [""]', "body", "has an empty text, which stands in every answer. Write body ="),
    ('http = "http://10.0.0.1/"\nverify = false', "verify", "is about a certificate, and http:// has none. Take it out, or wr"),
    ('http = "https://10.0.0.1/"\nca_file = "ca"', "ca_file", '"ca" is not an absolute path. Write it in full, such as "/etc'),
    ('http = "https://10.0.0.1/"\nca_file = "/ca"\nverify = false', "verify", "is false, so nobody looks at ca_file. Take one"),
    ('http = "https://10.0.0.1/"\nhost = "a b"', "host", '"a b" is not a host\'s name. Write one such as "www.example"'),
    ('http = "https://10.0.0.1/"\ncertificate_days = 0', "certificate_days", "0 is out of range. Write a whole number from 1"),
    ('http = "https://10.0.0.1/"\nverify = "no"', "verify", 'is the string "no", not true or false. Write verify = false'),
    ('dns = "a b"\nserver = "10.0.0.1"', "dns", '"a b" is not a name of DNS. Write one such as "www.example"'),
    ('dns = "www.example"', "dns", 'has no server that is asked. Write server = "10.77.0.100" beside it'),
    ('dns = "www.example"\nserver = "ns.example"', "server", '"ns.example" is not an IP address. Write the address of a se'),
    ('dns = "www.example"\nserver = "10.0.0.1:0"', "server", 'port "0" is not between 1 and 65535'),
    ('dns = "x"\nserver = "10.0.0.1"\ntype = "ANY"', "type", '"ANY" is not one of the choices. Write one of A, AAAA,'),
    ('dns = "x"\nserver = "10.0.0.1"\nanswer = ["10.0.0.300"]', "answer", '"10.0.0.300" is no A record: '),
    ('dns = "x"\nserver = "10.0.0.1"\nanswer = []', "answer", "names no answer. Write answer = "),
    ('systemd = "nginx"', "systemd", '"nginx" is not the name of a unit. Write it in full: "nginx.service"'),
    ('tcp = "10.0.0.1:80"\nstatus = [200]', "status", "belongs to a request. Take it out here"),
]

DNS = 'dns = "www.example"\nzone = "example"\nserver = "10.77.0.53"\n'

SOUND_ACTIONS = [
    'route = "10.88.0.0/16"\ninterface = "eth0"',
    'route = "::/0"\ninterface = "eth1"\nvia = "fe80::1"\nmetric = 5\ntable = 100',
    'arp = "10.77.0.50"\ninterface = "eth0"',
    'arp = "fd77::50"\ninterface = "eth0"\nlladdr = "02:00:00:00:00:50"',
    'nft = "inet firewall active"\nelement = "10.77.0.100"',
    'systemd = "nginx.service"',
    'systemd = "postgresql@15-main.service"',
    'ocf = "heartbeat:nginx"',
    'ocf = "heartbeat:IPaddr2"\nparams = { ip = "10.77.0.5", nic = "eth0" }',
    'mount = "/srv/data"\ndevice = "/dev/drbd0"',
    'mount = "/srv/data"\ndevice = "/dev/mapper/vg-data"\nfstype = "ext4"\noptions = "noatime,nodev"',
    f'{DNS}records = {{ lukretia = "10.0.0.1", genesis = "10.0.0.2" }}\nkey_file = "/etc/failover/dns.key"',
    'nft = "bridge filter ports"\nelement = "443"',
]

WRONG_ACTIONS = [
    ('route = "10.88.0.0/16"', "route", 'has no interface. Write interface = "eth0" beside it'),
    ('route = "10.88.0.1"\ninterface = "eth0"', "route", '"10.88.0.1" has no prefix. Write "10.88.0.1/32", or the'),
    ('route = "10.88.0.1/16"\ninterface = "eth0"', "route", '"10.88.0.1/16" is an address in the network 10.88.0.0/16. W'),
    ('route = "default"\ninterface = "eth0"', "route", '"default" is not a network. Write one such as'),
    ('route = "10.88.0.0/16"\ninterface = "a b"', "interface", '"a b" is not an interface name. Write one such as "eth0"'),
    ('route = "10.88.0.0/16"\ninterface = "eth0"\nvia = "fd77::1"', "via", "fd77::1 is IPv6, and 10.88.0.0/16 is not. Write"),
    ('route = "10.88.0.0/16"\ninterface = "eth0"\nvia = "gw"', "via", '"gw" is not the address of a router'),
    ('route = "10.88.0.0/16"\ninterface = "eth0"\nmetric = 0', "metric", "0 is out of range. Write a whole number from 1"),
    ('arp = "10.77.0.50/24"\ninterface = "eth0"', "arp", '"10.77.0.50/24" is not an IP address. Write one such as "10.77'),
    ('arp = "10.77.0.50"\ninterface = "eth0"\nlladdr = "x"', "lladdr", '"x" is not a hardware address. Write one of an inter'),
    ('arp = "10.77.0.50"\ninterface = "eth0"\nlladdr = "01:00:5e:00:00:01"', "lladdr", '"01:00:5e:00:00:01" is that of a'),
    ('nft = "firewall active"\nelement = "10.77.0.100"', "nft", '"firewall active" is not a set of the packet filter. Wri'),
    ('nft = "inet failover gated4"\nelement = "10.77.0.100"', "nft", 'the table "failover" is that of faild itself. Write a'),
    ('nft = "inet firewall active"', "nft", 'has no element. Write element = "10.77.0.100" beside it'),
    ('nft = "inet firewall active"\nelement = "10.0.0.0/8"', "element", '"10.0.0.0/8" is not an address, a hardware address'),
    ('systemd = "nginx"', "systemd", '"nginx" is not the name of a unit. Write it in full: "nginx.service"'),
    ('systemd = "postgresql@.service"', "systemd", '"postgresql@.service" is a template. Write an instance of it, such'),
    ('systemd = "a b.service"', "systemd", '"a b.service" is not the name of a unit. Write one such as "nginx.service"'),
    ('ocf = "nginx"', "ocf", '"nginx" is not provider:type of an agent. Write "heartbeat:nginx"'),
    ('ocf = "ocf:heartbeat:IPaddr2"', "ocf", '"ocf:heartbeat:IPaddr2" is not provider:type of an agent. Write "heartbeat:IPa'),
    ('ocf = "../x:y"', "ocf", '"../x:y" is not provider:type of an agent'),
    ('ocf = "heartbeat:x"\nparams = { "a b" = "c" }', "params", '"a b" is not the name of a parameter. Take it out'),
    ('ocf = "heartbeat:x"\nparams = { CRM_meta_x = "c" }', "params", '"CRM_meta_x" is not the name of a parameter'),
    ('ocf = "heartbeat:x"\nparams = { a = 1 }', "params.a", "is the number 1, not a string."),
    ('mount = "/srv/data"', "mount", 'has no device. Write device = "/dev/drbd0" beside it'),
    ('mount = "srv"\ndevice = "/dev/drbd0"', "mount", '"srv" is not an absolute path. Write it in full, such as "/srv/data"'),
    ('mount = "/srv/a b"\ndevice = "/dev/drbd0"', "mount", '"/srv/a b" has a space, a final slash or what else is not'),
    ('mount = "/srv/data"\ndevice = "/dev/drbd0"\noptions = "a b"', "options", "has characters that no option has. Write"),
    (f'{DNS}key_file = "/k"', "dns", "has no records. Write records = "),
    (f'{DNS}key_file = "/k"\nrecords = {{ a = "x" }}', "records", 'a: "x" is not an IP address. Write one such as'),
    (f'{DNS}key_file = "/k"\nrecords = {{ a = "10.0.0.1", b = "fd77::1" }}', "records", "has addresses of IPv4 and of IPv6"),
    (f'{DNS}key_file = "k"\nrecords = {{ a = "10.0.0.1" }}', "key_file", '"k" is not an absolute path'),
    (f'{DNS}key_file = "/k"\nrecords = {{ a = "10.0.0.1" }}\nttl = 0', "ttl", "0 is out of range. Write seconds"),
    ('script = "/x"\nvia = "10.0.0.1"', "via", "belongs to a route. Take it out here"),
]


@pytest.mark.parametrize("written", SOUND_ACTIONS)
def test_an_action_that_is_sound_is_read_from_a_log_as_it_is_from_a_file(written: str) -> None:
    text = bent(ACTION, written)
    policy = read_policy(text)
    assert policy is not None
    assert policy.services["web"].actions == parse(text, "f").services["web"].actions


@pytest.mark.parametrize(("written", "key", "said"), WRONG_ACTIONS)
def test_an_action_that_is_wrong_is_refused_with_its_key_and_what_to_write(written: str, key: str, said: str) -> None:
    assert complaint_of(bent(ACTION, written)).startswith(f"services.web.actions[1].{key}: {said}")


@pytest.mark.parametrize("written", SOUND_CHECKS)
def test_a_check_that_is_sound_is_read_from_a_log_as_it_is_from_a_file(written: str) -> None:
    text = bent(CHECK, written)
    policy = read_policy(text)
    assert policy is not None
    assert policy.services["web"].checks == parse(text, "f").services["web"].checks


@pytest.mark.parametrize(("written", "key", "said"), WRONG_CHECKS)
def test_a_check_that_is_wrong_is_refused_with_its_key_and_what_to_write(written: str, key: str, said: str) -> None:
    assert complaint_of(bent(CHECK, written)).startswith(f"services.web.checks[0].{key}: {said}")


def complaint_of(text: str) -> str:
    """The only one, without its line."""
    with pytest.raises(BadConfig) as refused:
        parse(text, "f")
    (said,) = refused.value.complaints
    return str(said).split(": ", 1)[1]


@pytest.mark.parametrize(
    ("old", "written", "said"),
    [
        (ACTION, 'route = "10.88.0.0/16"\ninterface = "gone0"', "actions[1].interface: there is no interface gone0."),
        (ACTION, 'arp = "10.77.0.5"\ninterface = "gone0"', "actions[1].interface: there is no interface gone0."),
        (ACTION, 'mount = "/no/where"\ndevice = "/dev/null"', "actions[1].mount: there is no folder /no/where."),
        (ACTION, 'ocf = "nobody:nothing"', "actions[1].ocf: there is no /usr/lib/ocf/resource.d/nobody/nothing. Install it"),
        (ACTION, f'{DNS}key_file = "/k"\nrecords = {{ lukretia = "10.0.0.1" }}', "actions[1].records: has no address of"),
        (CHECK, 'http = "https://10.0.0.1/"\nca_file = "/no/ca"', "checks[0].ca_file: there is no /no/ca."),
    ],
)
def test_what_a_kind_needs_on_its_node_is_looked_for_there(old: str, written: str, said: str) -> None:
    reading = read_text(bent(old, written), "f")
    found = place(lacking(reading, {"lukretia"}), reading.positions, "f")
    assert any(str(it).split(": ", 1)[1].startswith(f"services.web.{said}") for it in found), [str(it) for it in found]
