"""What an operator hears of the settings of each kind of action and check: the key, what is wrong, and what to write."""

import pytest

from coordinator.config import BadConfig, parse
from coordinator.state.file_v1 import read_policy
from tests.config.sound import bent

ACTION, CHECK = 'script  = "/etc/failover/web"', 'tcp   = "127.0.0.1:80"'

SOUND_CHECKS = [
    'http = "http://10.77.0.100"',
    'http = "https://[fd77::100]:8443/health?x=1"\nhost = "www.example"\nstatus = [200, 301]\ncertificate_days = 14',
    'http = "https://10.77.0.100/"\nca_file = "/etc/failover/ca.pem"\nbody = ["<title>", "Shop"]',
    'http = "https://10.77.0.100/"\nverify = false',
    'dns = "www.example"\nserver = "10.77.0.100"',
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
    ('tcp = "10.0.0.1:80"\nstatus = [200]', "status", "belongs to a request. Take it out here"),
]


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
