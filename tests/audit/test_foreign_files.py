"""`failaudit check` of a file that is no certificate: exit 3, and one line that says why. Only a little of it is read."""

import base64
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.canonical import pack
from protocol.forks import RUN_ENTRIES_MAX, flat_of
from protocol.takeover import BYTES_MAX, HEADER, LINE, VOTES_MAX, encode
from tests.audit.certificates import Bench, changed
from tests.audit.worlds import audit

ROOT = Path(__file__).parents[2]
MAIN = "from tools.audit.main import main; main()"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.made(tmp_path_factory.mktemp("foreign"))


def armored(value: object) -> bytes:
    """As a certificate would hold it, whatever it is."""
    inside = base64.b64encode(value if isinstance(value, bytes) else pack(value)).decode()
    return "".join(f"{line}\n" for line in (HEADER, *(inside[at : at + LINE] for at in range(0, len(inside), LINE)))).encode()


def claimed(bench: Bench, votes: object) -> bytes:
    return armored([list(flat_of(bench.claim)), votes])


FILES: dict[str, tuple[Callable[[Bench], bytes], str]] = {
    "nothing": (lambda it: b"", f"its first line is not {HEADER}"),
    "text": (lambda it: b"Dear auditor,\nall is well.\n", f"its first line is not {HEADER}"),
    "a log": (lambda it: (it.world.state("genesis") / "log.db").read_bytes(), f"its first line is not {HEADER}"),
    "megabytes of garbage": (lambda it: os.urandom(5 << 20), "more than 1048576 bytes"),
    "megabytes of garbage behind its first line": (lambda it: armored(os.urandom(5 << 20)), "more than 1048576 bytes"),
    "garbage behind its first line": (lambda it: armored(b"\xc1" + os.urandom(1_000)), "it was cut off or changed"),
    "another version": (lambda it: it.good.replace(b"/v1", b"/v2"), "names another version"),
    "cut off in its first line": (lambda it: it.good[:10], f"its first line is not {HEADER}"),
    "only its first line": (lambda it: it.good[:21], "it was cut off or changed"),
    "cut off in the middle of a line": (lambda it: it.good[:1_000], "it was cut off or changed"),
    "cut off at the end of a line": (lambda it: b"".join(it.good.splitlines(keepends=True)[:-3]), "it was cut off or changed"),
    "cut off by its last byte": (lambda it: it.good[:-1], "it was cut off or changed"),
    "an empty line at its end": (lambda it: it.good + b"\n", "not base64 in lines"),
    "other line ends": (lambda it: it.good.replace(b"\n", b"\r\n"), "its lines end in CR and LF"),
    "one long line": (lambda it: it.good[:21] + it.good[21:].replace(b"\n", b"") + b"\n", "not base64 in lines"),
    "two of them": (lambda it: it.good + it.good, "not base64"),
    "another value": (lambda it: armored({"claim": 1}), "not a claim and a list of votes"),
    "a claim alone": (lambda it: armored([list(flat_of(it.claim))]), "not a claim and a list of votes"),
    "a vote in the place of the claim": (lambda it: armored([list(flat_of(it.votes[0])), []]), "event is no claim: vote"),
    "a claim among its votes": (lambda it: claimed(it, [list(flat_of(it.claim))]), "and is no vote: claim"),
    "no event": (lambda it: claimed(it, [[b"no event", bytes(64)]]), "not the encoding of an event"),
    "an event of no bytes": (lambda it: claimed(it, [[]]), "not the encoding of an event"),
    "an event without its signature": (lambda it: claimed(it, [[it.votes[0][0].raw]]), "not the encoding of an event"),
    "a signature that is too short": (lambda it: claimed(it, [[it.votes[0][0].raw, bytes(63)]]), "its one signature"),
    "an empty signature": (lambda it: claimed(it, [[it.votes[0][0].raw, b""]]), "its one signature"),
    "signatures inside a proof": (lambda it: claimed(it, [list(flat_of(it.votes[0])) * 2]), "its one signature"),
    "numbers for bytes": (lambda it: claimed(it, [[1, 2]]), "a proof in it is not a list"),
    "a number for a proof": (lambda it: claimed(it, [7]), "a proof in it is not a list"),
    "an endless proof": (lambda it: claimed(it, [[b"", b""] * (RUN_ENTRIES_MAX + 1)]), f"at most {RUN_ENTRIES_MAX} events"),
    "endless votes": (lambda it: claimed(it, [list(flat_of(it.votes[0]))] * (VOTES_MAX + 1)), f"more than {VOTES_MAX} votes"),
    "a deep value": (lambda it: armored(b"\x91" * 700_000), "it was cut off or changed"),
    "a long list in few bytes": (lambda it: armored(b"\xdd\xff\xff\xff\xff"), "it was cut off or changed"),
    "another encoding of the same": (
        lambda it: armored(pack([list(flat_of(it.claim)), []]).replace(b"\x92", b"\xdc\x00\x02", 1)), "another encoding",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_certificate_is_not_read_as_one(bench: Bench, name: str):
    make, words = FILES[name]
    for more in ((), ("--json",)):
        answer = bench.check(make(bench), *more)
        assert (answer.code, answer.out) == (3, "")
        (line,) = answer.err.splitlines()
        assert line.startswith(f"failaudit: {bench.folder / 'a.takeover'}: not a takeover certificate: ")
        assert words in line


def test_a_folder_a_pipe_and_a_device_are_no_files(bench: Bench, tmp_path: Path):
    """None of them is waited for."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        answer = audit("check", str(path), "--config", str(bench.world.config))
        assert (answer.code, answer.out) == (3, "")
        assert answer.err.startswith(f"failaudit: {path}: ")
        assert "name a file that `failaudit prove takeover` has written" in answer.err
    missing = audit("check", str(tmp_path / "none"), "--config", str(bench.world.config))
    assert (missing.code, missing.err.split(";")[0]) == (3, f"failaudit: {tmp_path / 'none'}: No such file or directory")


def test_of_a_huge_file_no_more_is_read_than_a_certificate_can_have(bench: Bench, tmp_path: Path):
    """64 GiB of zeros on no disk, and a process that may have one GiB of memory."""
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.write(HEADER.encode() + b"\n")
        file.truncate(64 << 30)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "check", str(huge), "--config", str(bench.world.config)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    why = f"it has more than {BYTES_MAX} bytes, which no certificate has"
    assert done.stderr == f"failaudit: {huge}: not a takeover certificate: {why}\n"


def test_what_others_wrote_into_it_forges_no_line(bench: Bench):
    """A service may have any name in a signed event: also one with a line end in it."""
    answer = bench.check(encode(changed(bench.claim, service="web\nproved: all is well"), bench.votes))
    assert answer.code == 1
    assert not any(line.startswith("proved") for line in answer.out.splitlines())
