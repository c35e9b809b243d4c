"""What an operator's command must name before it is signed, and what becomes of it when it comes: each answer has its words."""

import pytest

from coordinator.core.commands import Already, Refusal, Resolved, Wanted
from protocol.commands import Act
from tests.transcripts.language import Teller

OUT, UP = "genesis-is-out", "genesis-is-up"
"""lukretia has web with epoch 1 beside genesis; or genesis has it with epoch 2, and lukretia is dead."""

STUCK = ("lukretia writes release web", 'lukretia says action-finished web epoch=1 text="exit 1"')
IN_FAIL = ("lukretia writes release web to=FAIL cause=check", "lukretia says down web epoch=1 to=FAIL cause=check")
HELD = ("afm orders hold web",)


def told(before: str, *lines: str) -> Teller:
    teller = Teller()
    teller.tell(f"as in {before}")
    for line in lines:
        teller.tell(line)
    return teller


def resolved(teller: Teller, word: str, service: str = "web", node: str = "") -> Resolved | Refusal | Already:
    assert teller.stage is not None
    assert teller.stage.core is not None
    return teller.stage.core.commands.resolve(Wanted(word, service, node))


# --- who acts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "lines", "asked", "acts", "epoch"),
    [
        (OUT, (), ("fail", "web"), ("lukretia",), 1),
        (OUT, (), ("fail", "web", "genesis"), ("genesis",), 1),
        (UP, (), ("fail", "web"), ("genesis",), 2),
        (UP, (), ("fail", "web", "lukretia"), ("genesis",), 1),
        (OUT, STUCK, ("fail", "web", "lukretia"), ("genesis",), 1),
        (OUT, IN_FAIL, ("recover", "web"), ("lukretia",), 0),
        (OUT, IN_FAIL, ("recover", "web", "lukretia"), ("lukretia",), 0),
        (OUT, (), ("move", "web", "genesis"), ("lukretia",), 1),
        (OUT, (), ("move", "web", "lukretia"), ("lukretia",), 0),
        (OUT, (), ("reclaim", "web"), ("lukretia",), 1),
        (OUT, (), ("hold", "web"), ("genesis",), 0),
        (OUT, (), ("standby", "", "lukretia"), ("genesis",), 0),
        (OUT, (), ("fail-everywhere", "web"), ("genesis",), 0),
    ],
)  # fmt: skip
def test_the_nodes_that_act_and_the_epoch_for_which_it_is_good(before, lines, asked, acts, epoch) -> None:
    """The holder acts, the named node, or the one that is asked where the named one cannot: dead, or stuck."""
    found = resolved(told(before, *lines), *asked)
    assert isinstance(found, Resolved), found
    assert (found.acts, found.epoch) == (tuple(Act(node, 1) for node in acts), epoch)


@pytest.mark.parametrize(("before", "lines"), [(UP, ()), (OUT, STUCK)])
def test_a_word_that_it_is_down_there_names_the_run_of_that_claim(before, lines) -> None:
    teller = told(before, *lines)
    found = resolved(teller, "fail", "web", "lukretia")
    assert isinstance(found, Resolved)
    assert teller.stage is not None
    assert found.run == teller.stage.peers["lukretia"].run


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (("hold", "web", ""), ("unhold", "web", "")),
        (("standby", "", "lukretia"), ("unstandby", "", "lukretia")),
        (("fail-everywhere", "web", ""), ("recover", "web", "")),
    ],
)
def test_what_ends_an_order_names_each_order_that_it_ends(begins, ends) -> None:
    word, service, node = begins
    teller = told(OUT, *[f"afm orders {word} {service} node={node}".replace("  ", " ")] * 2, "20 ms")
    assert teller.stage is not None
    kinds = {"hold": "hold"}.get(word, "command")
    standing = tuple(entry.ref for entry in teller.stage.disk if entry.event.node == "genesis" and entry.event.kind == kinds)
    found = resolved(teller, *ends)
    assert isinstance(found, Resolved), found
    assert (found.ends, len(standing)) == (standing, 2)


@pytest.mark.parametrize(
    ("before", "lines", "asked", "sentence"),
    [
        (OUT, (), ("hold", "wbe"), "no service wbe: there are web"),
        (OUT, (), ("fail", "web", "rome"), "no node rome: there are lukretia, genesis"),
        (OUT, (), ("standby", "", "rome"), "no node rome: there are lukretia, genesis"),
        (OUT, (), ("move", "web"), "no node by name is no candidate of web: lukretia, genesis"),
        (OUT, HELD, ("move", "web", "genesis"), "web is on hold"),
        (UP, (), ("recover", "web", "lukretia"), "lukretia is dead"),
        (OUT, ("lukretia says release web",), ("recover", "web", "lukretia"),
         "web is STOPPING on lukretia"),
        (OUT, IN_FAIL, ("reclaim", "web"), None),
        (OUT, ("afm orders fail-everywhere web",), ("recover", "web", "genesis"),
         "web is failed everywhere"),
        (OUT, ("stop",), ("hold", "web"), "this node is being stopped"),
        (OUT, ("the guard is dead",), ("move", "web", "genesis"),
         "genesis is not fit: it has no living guard"),
    ],
)  # fmt: skip
def test_what_cannot_be_ordered_is_said_before_it_is_signed(before, lines, asked, sentence) -> None:
    found = resolved(told(before, *lines), *asked)
    if sentence is None:  # genesis takes what lukretia let go of
        assert isinstance(found, Resolved)
        assert found.acts == (Act("genesis", 1),)
    else:
        assert isinstance(found, Refusal), found
        assert found.text.startswith(sentence)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("recover", "web"), "web is UP on lukretia, RECOVER on genesis already: nothing to recover"),
        (("recover", "web", "genesis"), "web is RECOVER on genesis already: nothing to recover"),
        (("unstandby", "", "genesis"), "genesis is not in standby"),
        (("readmit", "", "lukretia"), "no fork of lukretia keeps it out"),
    ],
)
def test_what_is_so_already_needs_no_command(asked, sentence) -> None:
    found = resolved(told(OUT), *asked)
    assert isinstance(found, Already)
    assert found.text == sentence


def test_a_node_that_reads_its_own_feed_answers_nothing() -> None:
    teller = Teller()
    teller.tell("node genesis of two-nodes")
    teller.tell("start")
    found = resolved(teller, "hold")
    assert isinstance(found, Refusal)
    assert found.text.startswith("this node is still reading its own feed")


# --- what becomes of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "order", "answer"),
    [
        ((), "olga orders hold web", "refused for lack of authority: olga may observe, not hold web"),
        ((), "afm orders fail web node=genesis epoch=3", "refused: old-epoch: the command is for epoch 3, web is at 1"),
        ((), "afm orders hold web epoch=3", "refused: old-epoch: the command is for epoch 3, web is at 1"),
        ((), "afm orders fail web node=lukretia epoch=9 run=lukretia",
         "refused: old-epoch: it is about epoch 9 of lukretia, which is at 1 here"),
        ((), "afm orders hold web acts=rome", "refused: no node rome: there are lukretia, genesis"),
        (("lukretia does not hear the node", "600 ms"), "afm orders fail web epoch=1 acts=lukretia",
         "refused: lukretia is dead, and cannot act"),
        (("stop",), "afm orders hold web", "refused: this node is being stopped"),
    ],
)  # fmt: skip
def test_a_refusal_has_its_words_and_writes_nothing(lines, order, answer) -> None:
    teller = told(OUT, *lines)
    (said,) = teller.tell(order)
    assert said.startswith(f"    answer: {answer}")
    assert not any("command:" in line for line in teller.tell("20 ms"))


def test_a_command_of_another_incarnation_is_signed_anew() -> None:
    """The node lost its disk since: it would be obeyed by a feed that does not know what the operator saw."""
    teller = told(OUT, "afm signs hold web", "the disk loses everything", "start", "heartbeat of lukretia")
    teller.tell("lukretia sends the node's own feed from 1 on")
    (answer,) = teller.tell("the order comes")
    assert "old-epoch: genesis has begun its log anew since it was signed" in answer


def test_an_order_for_this_node_and_another_is_answered_by_both() -> None:
    teller = told(OUT)
    said = teller.tell("afm orders recover web acts=genesis,lukretia")
    assert "    pass on to lukretia: recover web" in said
    assert not any("answer" in line for line in said), "lukretia has not answered"
    said = teller.tell("lukretia replies refused: not now")
    said += teller.tell("20 ms")
    answers = [line for line in said if "answer" in line]
    assert answers == ["    answer: admitted: lukretia: not now; genesis: stands in the log as genesis/1/6"]


def test_what_is_passed_on_to_the_wrong_node_is_refused_and_goes_no_further() -> None:
    teller = told(OUT, "afm signs hold web acts=lukretia")
    assert teller.tell("the order comes, passed on by lukretia") == [
        "    reply to lukretia: refused: it is for lukretia/1, and came to genesis"
    ]
