"""What the disk takes and what it refuses: a claim that it refused never was, and a fact is written again."""

import pytest

from tests.transcripts.language import Teller


def told(before: str, *lines: str) -> Teller:
    teller = Teller()
    for line in (f"as in {before}", "disk by the story", *lines):
        teller.tell(line)
    return teller


def stored(said: list[str]) -> list[str]:
    """What is given to the disk: the kinds of our own events, and the ranges of others."""
    events = [line.strip() for line in said if line.startswith("      ")]
    return [line.split(":")[0].split()[1] if ":" in line else line for line in events]


REFUSED = "not durable: No space left on device"


def test_one_transaction_is_in_flight_and_what_comes_meanwhile_is_the_next() -> None:
    teller = told("genesis-is-out")
    assert stored(teller.tell("last word of lukretia about web with epoch 1")) == ["last-word", "claim"]
    assert stored(teller.tell("afm orders hold web")) == []
    assert stored(teller.tell("400 ms")) == []
    assert stored(teller.tell("durable"))[:2] == ["command", "hold"]


def test_a_heartbeat_names_of_our_own_feed_what_is_on_the_disk() -> None:
    teller = told("genesis-is-out", "last word of lukretia about web with epoch 1")
    (waiting,) = [line for line in teller.tell("100 ms") if "heartbeat" in line]
    assert "genesis/1/5 " in waiting
    said = teller.tell("durable") + teller.tell("100 ms")
    assert [line for line in said if "heartbeat" in line and "genesis/1/7 " in line]


@pytest.mark.parametrize(
    ("lines", "urgent"),
    [
        (("afm orders move web node=genesis epoch=1",), True),
        (("afm orders reclaim web epoch=1",), True),
        (("afm orders hold web", "20 ms"), False),
        (("afm orders fail web node=lukretia epoch=1", "20 ms"), False),
    ],
)
def test_what_a_peer_waits_for_goes_as_a_datagram_too(lines, urgent) -> None:
    """A claim, a reclaim and a move; the end of a holding has its last word."""
    teller = told("lukretia-is-up", *lines)
    (push,) = [line for line in teller.tell("durable") if "push" in line]
    assert push.endswith("urgently") is urgent


@pytest.mark.parametrize(
    ("before", "order", "again"),
    [
        ("genesis-is-out", "last word of lukretia about web with epoch 1", ["last-word"]),
        ("genesis-is-out", "afm orders hold web", ["pulse"]),
        ("genesis-is-out", "afm orders standby node=lukretia", ["pulse"]),
        ("lukretia-is-up", "afm orders move web node=genesis epoch=1", ["pulse"]),
        ("lukretia-is-up", "afm orders reclaim web epoch=1", ["pulse"]),
        ("genesis-is-out", "afm orders fail web node=genesis epoch=1", ["command"]),
        ("lukretia-is-up", "the carrier of eth0 is lost",
         ["carrier-lost", "release", *["action-started", "action-finished"] * 2, "down"]),
        ("lukretia-is-up", "check 0 of web fails: refused", ["check-failed"]),
        ("lukretia-is-up", "the file is changed: web: retry=20s", ["config-applied"]),
        ("genesis-is-out", "lukretia says pulse", ["lukretia/1/5"]),
    ],
)  # fmt: skip
def test_what_had_not_begun_never_happens_and_a_fact_is_written_again(before, order, again) -> None:
    """An order whose command is not in the log is not obeyed; what was done cannot be taken back. A pulse asks the disk."""
    teller = told(before, order, "20 ms")
    assert any("alarm disk" in line for line in teller.tell(REFUSED))
    assert stored(teller.tell("1000 ms")) == again


def test_an_operator_hears_that_the_order_is_not_obeyed_and_that_a_fail_is() -> None:
    teller = told("genesis-is-out", "afm orders hold web", "20 ms")
    assert [line for line in teller.tell(REFUSED) if "answer: refused: " in line]
    teller = told("genesis-is-out", "afm orders fail web node=genesis epoch=1", "20 ms")
    assert [line for line in teller.tell(REFUSED) if "answer: admitted: " in line]


def test_what_was_refused_names_its_causes_by_their_new_numbers() -> None:
    """The hold that stood before it is gone: its number is another event's now."""
    teller = told("lukretia-is-up", "afm orders hold web", "the carrier of eth0 is lost")
    teller.tell("afm orders fail web node=lukretia epoch=1")
    teller.tell("20 ms")
    teller.tell(REFUSED)
    said = teller.tell("1000 ms")
    release = next(line for line in said if " release: " in line)
    command = next(line for line in said if " command: " in line)
    assert release.endswith(f"[rests on {command.split()[0]}]")
    assert not any(" hold: " in line for line in said)


def test_after_a_refusal_the_numbers_go_on_from_what_is_on_the_disk() -> None:
    teller = told("genesis-is-out", "last word of lukretia about web with epoch 1", REFUSED)
    for _ in range(3):
        said = teller.tell("1000 ms")
        assert [line for line in said if "genesis/1/6 last-word" in line]
        teller.tell(REFUSED)
    said = teller.tell("1000 ms") + teller.tell("durable")
    assert [line for line in said if " claim: " in line and "epoch 2" in line], "the number of the claim that never was is free"


def test_a_claim_whose_disk_refuses_ends_and_its_end_is_not_said() -> None:
    """No peer has seen it: a last word of its number would end the next claim, which has the same."""
    teller = told("genesis-is-out", "last word of lukretia about web with epoch 1")
    said = teller.tell(REFUSED)
    assert "    guard web no more" in said
    assert not any("say the last word" in line for line in said)


def test_a_reclaim_whose_disk_refuses_leaves_the_service_up_under_its_old_epoch() -> None:
    teller = told("lukretia-is-up", "afm orders reclaim web epoch=1")
    said = teller.tell(REFUSED)
    assert "    guard web with epoch 1" in said
    assert not any("run down" in line for line in said)


def test_a_stop_whose_last_events_the_disk_refuses_ends_all_the_same() -> None:
    """It is no clean end, and the next start asks the peers."""
    teller = told("lukretia-is-up", "stop")
    said = teller.tell(REFUSED)
    assert said[-2:] == ["    say the last word of web with epoch 1", "    exit"]
    assert teller.tell("1000 ms") == []
