"""Edits of what stands in a row: bits, fields, signatures; and those that no byte could show."""

import os
import shutil
from dataclasses import replace
from typing import Any

import msgpack

from protocol.event import Entry, Head, Ref
from protocol.kinds import Kind
from tests.audit.edits.bench import ME, Bench, change, edit

# --- nothing, or nothing that the bytes could show --------------------------------------------------------------------


@edit("nothing", "sound", "nothing: it is as it was written")
def _nothing(bench: Bench) -> None:
    pass


@edit("a signature is stripped where a later one covers the event", "sound", "nothing is lost: the chain proves the event")
def _covered_stripped(bench: Bench) -> None:
    change(bench, bench.sealed, signature=None)


@edit("the own tail that no other node attests is rewritten by the own key", "sound", "the peers, once they hear of it: a fork")
def _tail_rewritten(bench: Bench) -> None:
    last = bench.feed()[-1]
    bench.put(bench.signed(replace(last.event, wall_ms=last.event.wall_ms + 1)))


@edit("the whole file as it was a while ago", "sound", "a peer's copy beside it: truncated")
def _rollback(bench: Bench) -> None:
    own = bench.feed()
    cut = next(entry for entry in own if entry.event.kind == Kind.UP)
    bench.sql("DELETE FROM events WHERE node = ? AND number > ?", ME, cut.event.number)
    knew = {head.node: head.number for entry in bench.feed() for head in entry.event.heads}
    bench.sql("DELETE FROM events WHERE node <> ? AND number > ?", ME, knew.get("genesis", 0))


@edit("the other node's file in its place", "sound", "faild: it is a log that knows less of its own feed than its peers")
def _other_in_place(bench: Bench) -> None:
    shutil.copyfile(bench.world.state("genesis") / "log.db", bench.file)


@edit("garbage as WAL and SHM", "sound", "nothing: without a valid frame they hold no event")
def _garbage_wal(bench: Bench) -> None:
    for name in ("log.db-wal", "log.db-shm"):
        (bench.folder / name).write_bytes(os.urandom(40_000))


@edit("mode 0666", "remark")
def _mode(bench: Bench) -> None:
    bench.file.chmod(0o666)


@edit("a symbolic link as log.db", "remark")
def _link(bench: Bench) -> None:
    bench.file.rename(bench.folder / "elsewhere")
    bench.file.symlink_to(bench.folder / "elsewhere")


# --- bits and fields --------------------------------------------------------------------------------------------------


def flipped(raw: bytes, place: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


@edit("a bit of a covered event is flipped at its end", "chain")
def _bit_covered(bench: Bench) -> None:
    change(bench, bench.covered, bytes=flipped(bench.covered.raw, len(bench.covered.raw) - 1))


@edit("a bit of a signed event is flipped at its end", "signature")
def _bit_signed(bench: Bench) -> None:
    change(bench, bench.sealed, bytes=flipped(bench.sealed.raw, len(bench.sealed.raw) - 1))


@edit("the first bit of an event is flipped", "encoding")
def _bit_first(bench: Bench) -> None:
    change(bench, bench.covered, bytes=flipped(bench.covered.raw, 0))


@edit("a byte is added behind an event", "encoding")
def _byte_more(bench: Bench) -> None:
    change(bench, bench.covered, bytes=bench.covered.raw + b"\0")


@edit("an event ends in the middle", "encoding")
def _byte_less(bench: Bench) -> None:
    change(bench, bench.covered, bytes=bench.covered.raw[:-9])


@edit("the same event in another encoding", "encoding")
def _twin(bench: Bench) -> None:
    raw = bench.covered.raw
    place = raw.index(msgpack.packb("number")) + len(msgpack.packb("number"))
    assert raw[place] < 0x80, "a number of one byte"
    change(bench, bench.covered, bytes=raw[:place] + b"\xcf" + bytes(7) + raw[place:])


FIELDS: dict[str, tuple[object, str]] = {
    "cluster": (bytes(32), "cluster"),
    "node": ("Lukretia", "chain"),
    "incarnation": (1, "chain"),
    "number": (999, "chain"),
    "previous": (bytes(31) + b"\1", "chain"),
    "wall_ms": (1, "chain"),
    "boot_ms": (1, "chain"),
    "kind": ("reclaim", "chain"),
    "service": ("mail", "chain"),
    "body": ({"epoch": 99}, "chain"),
    "causes": ((Ref("genesis", 1, 1),), "chain"),
    "heads": ((Head("genesis", 1, 1, bytes(32)),), "chain"),
}
for _name, (_value, _verdict) in FIELDS.items():

    @edit(f"the field {_name} of a covered event is edited", _verdict)
    def _field(bench: Bench, name: str = _name, value: Any = _value) -> None:
        change(bench, bench.covered, bytes=Entry.of(replace(bench.covered.event, **{name: value})).raw)


@edit("the body of a signed claim is edited", "signature")
def _claim_edited(bench: Bench) -> None:
    claim = next(entry for entry in bench.feed() if entry.event.kind == Kind.CLAIM)
    body = {**claim.event.body, "epoch": 77}
    change(bench, claim, bytes=Entry.of(replace(claim.event, body=body)).raw)


# --- signatures -------------------------------------------------------------------------------------------------------


@edit("a bit of a signature is flipped", "signature")
def _signature_flipped(bench: Bench) -> None:
    change(bench, bench.sealed, signature=flipped(bench.sealed.signature or b"", 7))


@edit("the signature of a claim is stripped", "signature")
def _claim_stripped(bench: Bench) -> None:
    change(bench, next(entry for entry in bench.feed() if entry.event.kind == Kind.CLAIM), signature=None)


@edit("the last signature of a feed is stripped", "signature")
def _last_stripped(bench: Bench) -> None:
    change(bench, bench.feed()[-1], signature=None)


@edit("two signatures are swapped", "signature")
def _swapped_signatures(bench: Bench) -> None:
    one, other = [entry for entry in bench.feed() if entry.signature][:2]
    change(bench, one, signature=other.signature)
    change(bench, other, signature=one.signature)


@edit("a signature is added to an event that has none", "signature")
def _signature_added(bench: Bench) -> None:
    change(bench, bench.covered, signature=bytes(64))


@edit("an event is signed again with another node's key", "key")
def _resigned(bench: Bench) -> None:
    change(bench, bench.sealed, signature=bench.signed(bench.sealed.event, by="genesis").signature)


@edit("a whole feed is signed again with a key that is not known", "key")
def _feed_resigned(bench: Bench) -> None:
    for entry in bench.feed():
        if entry.signature:
            change(bench, entry, signature=bench.signed(entry.event, by="mallory").signature)
