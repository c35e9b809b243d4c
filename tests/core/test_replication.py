"""What comes from the peers: taken in once, without a hole, and asked for where it lacks."""

import pytest

from tests.transcripts.language import Teller


def told(before: str, *lines: str) -> Teller:
    teller = Teller()
    for line in (f"as in {before}", *lines):
        teller.tell(line)
    return teller


def asked(said: list[str]) -> list[str]:
    return [line.strip() for line in said if line.strip().startswith("ask ")]


def test_a_hole_is_asked_for_and_what_stands_behind_it_is_left_where_it_is() -> None:
    teller = told("genesis-is-out", *["lukretia writes pulse"] * 3)
    assert teller.tell("lukretia sends its feed from 7 on") == ["    ask lukretia for lukretia/1 from 5 on"]
    assert teller.tell("lukretia sends its feed from 5 on") == []
    assert "      lukretia/1/5 to 7" in teller.tell("20 ms")


def test_what_is_here_already_is_no_news_and_is_stored_once() -> None:
    teller = told("genesis-is-out", "lukretia says pulse", "20 ms")
    for first in (1, 3, 5):
        assert teller.tell(f"lukretia sends its feed from {first} on") == []
    assert not any("lukretia/1/" in line for line in teller.tell("60 ms"))


def test_a_peer_that_has_more_is_asked_at_the_second_time_and_then_once_a_heartbeat() -> None:
    """Its push is likely on the way at the first."""
    teller = told("genesis-is-out", "lukretia writes pulse")
    assert asked(teller.tell("heartbeat of lukretia")) == []
    assert asked(teller.tell("heartbeat of lukretia")) == ["ask lukretia for lukretia/1 from 5 on"]
    assert asked(teller.tell("heartbeat of lukretia")) == []
    assert asked(teller.tell("2 heartbeats of lukretia")) == ["ask lukretia for lukretia/1 from 5 on"] * 2


def test_a_peer_that_is_back_is_asked_at_once() -> None:
    teller = told("genesis-is-out", "lukretia writes pulse", "400 ms")
    assert asked(teller.tell("heartbeat of lukretia")) == ["ask lukretia for lukretia/1 from 5 on"]


def test_a_third_nodes_feed_comes_from_whoever_has_it() -> None:
    teller = told("three", "carthage writes pulse", "lukretia reads carthage")
    assert asked(teller.tell("2 heartbeats of lukretia")) == ["ask lukretia for carthage/1 from 3 on"]
    teller.tell("lukretia passes on carthage")
    assert "      carthage/1/3" in teller.tell("20 ms")


@pytest.mark.parametrize(
    ("named", "asks"),
    [
        ("lukretia/1/9", ["ask lukretia for lukretia/1 from 5 on"]),
        ("lukretia/1/4", []),
        ("lukretia/1/2", []),
        ("rome/1/9", []),
        ("genesis/1/99", []),
    ],
)
def test_heads_are_asked_for_where_they_lack_and_a_file_names_their_node(named, asks) -> None:
    """Of the node's own feed nothing is read while it writes it: nobody has more of it."""
    assert asked(told("genesis-is-out").tell(f"lukretia tells that it has {named}")) == asks


def test_the_feed_of_a_node_that_an_earlier_file_names_is_asked_for_still() -> None:
    """It is history that others rest on."""
    teller = told("three", "carthage writes pulse", "600 ms", "the file is changed: carthage: removed", "20 ms")
    assert asked(teller.tell("lukretia tells that it has carthage/1/9")) == ["ask lukretia for carthage/1 from 3 on"]


def test_a_peer_that_names_what_this_node_never_wrote_is_alarmed_and_nothing_rests_on_it() -> None:
    teller = told("genesis-is-out")
    said = teller.tell("6 heartbeats of lukretia, naming genesis/1/99")
    assert [line for line in said if "alarm no-authority (lukretia)" in line]
    said = teller.tell("last word of lukretia about web with epoch 1")
    assert [line for line in said if "genesis/1/6 last-word" in line], "its own numbers go on as before"


def test_of_the_copies_of_a_heartbeat_the_first_says_something_and_a_new_run_is_answered_at_once() -> None:
    teller = told("genesis-is-out", "lukretia starts again")
    said = teller.tell("heartbeat of lukretia")
    assert sum("heartbeat" in line for line in said) == 1, "both links bring a copy"


def test_what_is_stored_comes_into_the_heads_that_heartbeats_tell() -> None:
    teller = told("genesis-is-out", "lukretia says pulse")
    (beat,) = [line for line in teller.tell("100 ms") if "heartbeat:" in line]
    assert "lukretia/1/5" in beat


# --- last words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        "last word of lukretia about web with epoch 2",
        "last word of lukretia about mail with epoch 1",
        "last word of carthage about web with epoch 1",
    ],
)
def test_a_last_word_that_ends_nothing_is_not_written(word) -> None:
    """Of a claim that is not here, of a service that no file has, of a node that holds nothing."""
    teller = told("three", word)
    assert not any("last-word" in line for line in teller.tell("40 ms"))


def test_a_last_word_is_written_once_and_not_after_the_end_of_its_claim() -> None:
    teller = told("genesis-is-out")
    assert any("last-word" in line for line in teller.tell("last word of lukretia about web with epoch 1"))
    assert teller.tell("last word of lukretia about web with epoch 1") == []
    teller = told("genesis-is-out", "lukretia writes release web", "lukretia says down web epoch=1")
    assert teller.tell("last word of lukretia about web with epoch 1") == []


# --- forks -----------------------------------------------------------------------------------------------------------


def test_a_fork_below_what_was_asked_for_is_asked_for_at_once() -> None:
    """A heartbeat asks for what stands above our head, as often as one may ask: what comes does not continue our head, and what
    would prove the fork was never asked for."""
    teller = told("genesis-is-out", "lukretia forgets all from its event 4 on", *["lukretia writes pulse"] * 3)
    assert asked(teller.tell("2 heartbeats of lukretia")) == ["ask lukretia for lukretia/1 from 5 on"]
    assert teller.tell("lukretia sends its feed from 5 on") == ["    ask lukretia for lukretia/1 from 4 on"]
    assert teller.tell("lukretia sends its feed from 4 on") == ["    show the fork at lukretia/1/4"]


def test_a_fork_is_written_once_and_an_event_of_the_refused_feed_is_not_taken_in() -> None:
    teller = told("genesis-is-out", "lukretia forgets all from its event 4 on", "lukretia says pulse", "the fork is shown")
    said = teller.tell("lukretia sends its feed from 4 on")
    assert said == ["    show the fork at lukretia/1/4"]
    assert teller.tell("the fork is shown") == []
