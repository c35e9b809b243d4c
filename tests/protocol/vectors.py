"""The frozen vectors: what each format looks like, byte for byte. `python tests/protocol/vectors.py` writes them anew.

They are written once. A change of one is a change of the protocol: it needs a new version number, not a new file.
"""

import json
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import sshsig
from protocol.bodies import Hello, Ping, Removal, Reply, Want, batch_body, command_body, heads_body, signed_body
from protocol.canonical import pack
from protocol.commands import NAMESPACE, Act, Command, sign_command
from protocol.datagram import Inside, Sealer, last_word_datagram
from protocol.event import NO_PREVIOUS, Entry, Event, Head, Ref
from protocol.events import CarriedService, Gap
from protocol.frames import Kind, frame
from protocol.lease_words import LeaseWords
from protocol.messages import Domain, Heard, Heartbeat, LastWord, ShortHead
from protocol.signing import Identity
from protocol.sshkey import FileKey
from protocol.takeover import encode as encode_takeover

FOLDER = Path(__file__).parent.parent / "vectors"

CLUSTER = bytes(range(32))
GENESIS = Identity("genesis", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
LUKRETIA = Identity("lukretia", Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
AFM = FileKey(Ed25519PrivateKey.from_private_bytes(b"\x03" * 32))
RUN = bytes.fromhex("0011223344556677")

ACCEPTED = {
    "nil": None,
    "false": False,
    "zero": 0,
    "largest fixint": 127,
    "smallest uint8": 128,
    "smallest uint16": 256,
    "smallest uint32": 65536,
    "smallest uint64": 2**32,
    "largest": 2**63 - 1,
    "minus one": -1,
    "smallest negative fixint": -32,
    "largest int8": -33,
    "largest int16": -129,
    "largest int32": -32769,
    "largest int64": -(2**31) - 1,
    "empty string": "",
    "umlaut": "ü",
    "string of 32": "a" * 32,
    "bytes": b"\x00\xff",
    "list": [1, [2, []]],
    "map, sorted": {"b": 1, "a": {"ä": None, "z": True}},
}
"""Values and their one encoding."""

REFUSED = {
    "uint8 for a fixint": "cc01",
    "uint16 for a uint8": "cd0080",
    "int8 for a fixint": "d001",
    "uint64 for a uint32": "cf0000000000010000",
    "63 bits are all": "cf8000000000000000",
    "float": "cb3ff0000000000000",
    "str8 for a fixstr": "d90161",
    "str16 for a str8": "da0020" + "61" * 32,
    "bin16 for a bin8": "c5000100",
    "array16 for a fixarray": "dc000101",
    "map16 for a fixmap": "de0001a16101",
    "keys not sorted": "82a16201a16101",
    "a key twice": "82a16101a16102",
    "an integer as a key": "810101",
    "nil as a key": "81c001",
    "a timestamp": "d6ff00000000",
    "an extension": "d40100",
    "the unused byte": "c1",
    "a byte behind the value": "c0c0",
    "nothing": "",
    "a list that is too short": "9201",
    "broken UTF-8": "a1ff",
    "a surrogate": "a3eda080",
    "nine deep": "91" * 9 + "90",
    "four thousand million elements": "ddffffffff",
}
"""Bytes that are no canonical encoding of anything."""


def canonical() -> dict:
    accepted = {name: pack(value).hex() for name, value in ACCEPTED.items()}
    return {"accepted": accepted, "refused": REFUSED}


def event() -> dict:
    first = Event(
        CLUSTER, "genesis", 1_700_000_000_000, 1, NO_PREVIOUS, 1_700_000_000_001, 5000, "node-started", "",
        {"run": RUN, "rules": 1, "config": bytes(32), "clean": True, "after": None}, (), (),
    )  # fmt: skip
    opened = Entry.of(first)
    second = Event(
        CLUSTER, "genesis", 1_700_000_000_000, 2, opened.id, 1_700_000_000_500, 5499, "claim", "web",
        {"epoch": 7, "rule": "dead-holder", "given": {}, "reason": "lukretia is dead", "passed_over": [["umpire", "witness"]]},
        (Ref("genesis", 1_700_000_000_000, 1), Ref("lukretia", 3, 9)), (Head("lukretia", 3, 9, b"\xaa" * 32),),
    )  # fmt: skip
    entries = [opened, Entry.of(second)]
    return {
        "private": (b"\x01" * 32).hex(),
        "public": GENESIS.public.hex(),
        "domain": Domain.EVENT.value,
        "events": [
            {"raw": entry.raw.hex(), "id": entry.id.hex(), "signature": GENESIS.sign(Domain.EVENT, entry.id).hex()}
            for entry in entries
        ],
    }


def a_heartbeat() -> Heartbeat:
    return Heartbeat(
        cluster=CLUSTER,
        node="genesis",
        run=RUN,
        counter=4711,
        fit=True,
        config=bytes(range(8)),
        vote=0,
        heads={"lukretia": ShortHead(3, 9, b"\xaa" * 8), "genesis": ShortHead(1_700_000_000_000, 2, b"\xbb" * 8)},
        heard={"lukretia": Heard(bytes(8), 4709, 17)},
        refused=("umpire",),
    )


def heartbeat() -> dict:
    raw = a_heartbeat().encode()
    return {"domain": Domain.HEARTBEAT.value, "raw": raw.hex(), "signature": GENESIS.sign(Domain.HEARTBEAT, raw).hex()}


def vote() -> dict:
    """A vote, and a heartbeat that asks for one: kinds and fields that only services under `majority` have."""
    given = Event(
        CLUSTER, "genesis", 1_700_000_000_000, 3, b"\xcc" * 32, 1_700_000_000_600, 5_600, "vote", "web",
        {"candidate": "lukretia", "epoch": 8, "voters": 1, "run": RUN, "counter": 4711}, (), (),
    )  # fmt: skip
    entry = Entry.of(given)
    words = LeaseWords(asks={"web": 8, "db": 3}, wants={"mail": 9}, bound={"db": ("umpire", 430), "dns": ("", 90)})
    raw = replace(a_heartbeat(), vote=3, leases=words).encode()
    return {
        "event": {"raw": entry.raw.hex(), "id": entry.id.hex(), "signature": GENESIS.sign(Domain.EVENT, entry.id).hex()},
        "heartbeat": {"raw": raw.hex(), "signature": GENESIS.sign(Domain.HEARTBEAT, raw).hex()},
    }


def takeover() -> dict:
    """genesis claims web by two votes; the second one stands in a gap, which the signature of the event behind it covers."""
    ballot = (8, "genesis", 1, RUN, 4711)
    vote = Event(
        CLUSTER, "genesis", 3, 5, b"\xcc" * 32, 1_700_000_000_000, 5_000, "vote", "web",
        {"candidate": "genesis", "epoch": 8, "voters": 1, "run": RUN, "counter": 4711}, (), (),
    )  # fmt: skip
    gap = Gap(incarnation=3, number=9, id=b"\xaa" * 32, services={"web": CarriedService(epoch=0, wish="", votes=(ballot,))})
    carried = Entry.of(
        Event(CLUSTER, "lukretia", 4, 1, NO_PREVIOUS, 1_700_000_000_000, 7_000, "gap", "", gap.to_body(), (), ())
    )
    stopping = Event(CLUSTER, "lukretia", 4, 2, carried.id, 1_700_000_000_000, 7_000, "node-stopping", "", {}, (), ())
    claimed = {"epoch": 8, "rule": "take-over-dead", "given": {"fit": True, "peers": {}}, "reason": "lukretia is dead"}
    claim = Event(
        CLUSTER, "genesis", 3, 6, Entry.of(vote).id, 1_700_000_000_001, 5_001, "claim", "web",
        {**claimed, "passed_over": []}, (Ref("genesis", 3, 5), Ref("lukretia", 4, 1)), (Head("lukretia", 4, 1, carried.id),),
    )  # fmt: skip
    data = encode_takeover((_by(GENESIS, claim),), [(_by(GENESIS, vote),), (carried, _by(LUKRETIA, stopping))])
    return {"genesis": GENESIS.public.hex(), "lukretia": LUKRETIA.public.hex(), "file": data.decode()}


def _by(author: Identity, event: Event) -> Entry:
    entry = Entry.of(event)
    return entry.signed(author.sign(Domain.EVENT, entry.id))


def last_word() -> dict:
    raw = LastWord(CLUSTER, "genesis", RUN, "web", 7).encode()
    signature = GENESIS.sign(Domain.LAST_WORD, raw)
    return {
        "domain": Domain.LAST_WORD.value,
        "raw": raw.hex(),
        "signature": signature.hex(),
        "datagram": last_word_datagram(raw, signature).hex(),
    }


MOVE = Command(CLUSTER, "afm", "move", "web", "genesis", "maintenance", 3_600_000, 7, 1_700_000_060_000, bytes(range(16)))


def command() -> dict:
    """Format 1: it names no acting node."""
    vector = vector_of(MOVE)
    return {**vector, "armored": sshsig.armor(bytes.fromhex(vector["signature"]))}


def command_2() -> dict:
    """Format 2: a move that lukretia is to begin, and a word that its claim of epoch 7 is over, with what an `unhold` ends."""
    acts = (Act("lukretia", 1_700_000_000_000),)
    word = MOVE._replace(word="fail", node="lukretia", for_ms=0, acts=(Act("genesis", 3),), run=RUN)
    ends = (Ref("genesis", 3, 9), Ref("lukretia", 1_700_000_000_000, 4))
    return {
        "move": vector_of(MOVE._replace(acts=acts)),
        "fail": vector_of(word),
        "unhold": vector_of(MOVE._replace(word="unhold", node="", for_ms=0, epoch=0, acts=acts, ends=ends)),
        "apply": vector_of(
            MOVE._replace(word="apply", service="", node="lukretia", for_ms=0, epoch=0, acts=acts, digest=bytes(range(32)))
        ),
    }


def vector_of(order: Command) -> dict:
    signed = sign_command(order, AFM)
    return {
        "private": (b"\x03" * 32).hex(),
        "public": AFM.public,
        "namespace": NAMESPACE,
        "raw": signed.raw.hex(),
        "signature": signed.signature.hex(),
    }


def fence() -> dict:
    """An operator's order to switch lukretia off, what genesis writes before it does, and after; and one for a claim."""
    asked = MOVE._replace(word="fence", service="", node="lukretia", for_ms=0, epoch=0, acts=(Act("genesis", 3),), run=RUN)
    bodies = [
        ("fence-requested", "", {"node": "lukretia", "run": RUN, "by": "command"}),
        ("fence-result", "", {
            "node": "lukretia", "run": RUN, "ok": True, "by": "command", "level": 2,
            "text": "lukretia is off: level 2 (fence_apc) after 5 s",
        }),
    ]  # fmt: skip
    events = [
        Event(CLUSTER, "genesis", 3, 7 + at, b"\xcc" * 32, 1_700_000_000_600, 5_600, kind, service, body, (), ())
        for at, (kind, service, body) in enumerate(bodies)
    ]
    return {
        "command": vector_of(asked),
        "events": [
            {"raw": Entry.of(one).raw.hex(), "id": Entry.of(one).id.hex(),
             "signature": GENESIS.sign(Domain.EVENT, Entry.of(one).id).hex()}
            for one in events
        ],
    }  # fmt: skip


def datagram() -> dict:
    sealer = Sealer(b"key-id-8", bytes(range(32, 64)))
    raw = a_heartbeat().encode()
    body = signed_body(raw, GENESIS.sign(Domain.HEARTBEAT, raw))
    return {
        "key_id": sealer.key_id.hex(),
        "key": sealer.key.hex(),
        "sealed": [
            {"counter": 1, "inside": "HEARTBEAT", "body": body.hex(), "datagram": sealer.seal(Inside.HEARTBEAT, body).hex()},
            {"counter": 2, "inside": "KNOCK", "body": "", "datagram": sealer.seal(Inside.KNOCK, b"").hex()},
        ],
    }


def frames() -> dict:
    one = event()["events"][1]
    raw, signature = bytes.fromhex(one["raw"]), bytes.fromhex(one["signature"])
    beat = a_heartbeat().encode()
    beat = signed_body(beat, GENESIS.sign(Domain.HEARTBEAT, beat))
    word = last_word()
    order = command()
    hello = Hello(CLUSTER, "genesis", "lan", RUN, (Head("genesis", 1, 2, b"\xcc" * 32),), b"key-id-8", bytes(range(32, 64)))
    bodies = {
        Kind.HELLO: hello.encode(),
        Kind.HEARTBEAT: beat,
        Kind.RELAYED: beat,
        Kind.BATCH: batch_body([(raw, signature)]),
        Kind.WANT: Want("lukretia", 3, 10).encode(),
        Kind.COMMAND: command_body(bytes.fromhex(order["raw"]), bytes.fromhex(order["signature"])),
        Kind.LAST_WORD: signed_body(bytes.fromhex(word["raw"]), bytes.fromhex(word["signature"])),
        Kind.PING: Ping(1234567890, True).encode(),
        Kind.PONG: Ping(1234567890, False).encode(),
        Kind.HEADS: heads_body(hello.heads),
        Kind.REPLY: Reply(bytes(range(16)), False, True, "genesis cannot take web now: not fit").encode(),
        Kind.REMOVED: Removal(bytes.fromhex(order["raw"]), bytes.fromhex(order["signature"]), "version = 1\n").encode(),
    }
    return {kind.name: frame(kind, body).hex() for kind, body in bodies.items()}


ALL = {
    "canonical": canonical,
    "event": event,
    "heartbeat": heartbeat,
    "last-word": last_word,
    "command": command,
    "command-2": command_2,
    "datagram": datagram,
    "frames": frames,
    "vote": vote,
    "takeover": takeover,
    "fence": fence,
}


def main() -> None:
    for name, made in ALL.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
