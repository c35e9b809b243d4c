"""When the decide table is asked, how many services are begun at once, and what becomes of a claim whose reasons changed."""

from coordinator.config import parse
from tests.transcripts.files import policy_of
from tests.transcripts.language import Teller
from tests.transcripts.stage import Stage

BEGUN = 32
"""Services that are begun in one turn."""

SERVICE = """
[services.s{number:02}]
nodes = ["lukretia", "genesis"]
[[services.s{number:02}.actions]]
script = "/etc/failover/s{number:02}"
"""


def told(*lines: str, before: str = "genesis-is-out") -> Teller:
    teller = Teller()
    for line in (f"as in {before}", *lines):
        teller.tell(line)
    return teller


def with_services(how_many: int) -> Teller:
    """genesis runs beside lukretia, which is down for good; each service waits for somebody."""
    text = policy_of("two-nodes").text + "".join(SERVICE.format(number=number) for number in range(how_many - 1))
    teller = Teller()
    teller.stage = Stage("genesis", parse(text, "many"))
    for line in ("disk by the story", "start", "the guard stands", "1499 ms"):
        teller.tell(line)
    return teller


def claims(said: list[str]) -> list[str]:
    return [line.split(" claim: ")[1].split()[2] for line in said if " claim: " in line]


def test_of_many_services_a_few_are_begun_at_once_and_all_in_the_end() -> None:
    """A thousand claims at once would take half a second, and heartbeats would wait for them."""
    teller = with_services(100)
    claimed = claims(teller.tell("1 ms"))
    assert len(claimed) == BEGUN
    for _ in range(20):
        assert teller.stage is not None
        if teller.stage.append is None:
            break
        turn = claims(teller.tell("durable") + teller.tell("10 ms"))
        assert len(turn) <= BEGUN
        claimed += turn
    assert len(claimed) == len(set(claimed)) == 100


def test_a_service_with_news_of_its_own_does_not_wait_for_those_that_come_up() -> None:
    teller = with_services(100)
    first = set(claims(teller.tell("1 ms")))
    up = sorted(first)[0]
    teller.tell(f"afm orders fail {up} node=genesis epoch=1")
    said = teller.tell("durable") + teller.tell("5 ms")
    assert [line for line in said if f"{up} up (operator-fail)" in line or f"{up}: an operator said fail" in line]


# --- a claim whose reasons change while it is on its way ---------------------------------------------------------------


CLAIMED = ("disk by the story", "last word of lukretia about web with epoch 1")


def test_a_claim_waits_for_what_passes_by_itself_and_goes_on() -> None:
    """lukretia names an event that is not here when the claim is durable: nothing runs until it is."""
    teller = told(*CLAIMED, "lukretia writes pulse", "heartbeat of lukretia")
    assert not any("run up" in line for line in teller.tell("durable"))
    assert any("run up" in line for line in teller.tell("lukretia sends"))


def test_what_does_not_pass_within_the_time_of_a_dead_node_ends_the_claim() -> None:
    teller = told(*CLAIMED, "lukretia writes pulse", "heartbeat of lukretia", "durable", "disk at once")
    assert not any("release" in line for line in teller.tell("4 heartbeats of lukretia"))
    said = teller.tell("2 heartbeats of lukretia")
    assert any("(reconsidered)" in line for line in said)
    assert not any("run" in line.split(":")[0] for line in said)


def test_a_claim_that_was_given_up_is_not_made_again_in_the_same_moment() -> None:
    """Two that see each other out would claim, release and claim."""
    teller = told(*CLAIMED, "afm orders hold web", "durable")
    said = teller.tell("50 ms") + teller.tell("durable")
    assert any("(reconsidered)" in line for line in said)
    teller.tell("afm orders unhold web ends=genesis/1/9")
    assert not claims(teller.tell("20 ms"))
    said = teller.tell("durable") + teller.tell("200 ms")
    assert claims(said) == ["web"]


def test_a_node_that_slept_blames_no_guard_and_acts_on_nothing_before_it_has_looked() -> None:
    """The guard may have confirmed it long ago; and who slept so long may have been taken for dead."""
    teller = told("guard by the story", "last word of lukretia about web with epoch 1", "asleep for 700 ms")
    said = teller.tell("0 ms") + teller.tell("the guard confirms") + teller.tell("20 ms")
    assert any("(reconsidered)" in line for line in said)
    assert not any("run" in line.split(":")[0] for line in said)


# --- what follows from time ----------------------------------------------------------------------------------------------


def test_a_move_for_a_while_is_ended_by_its_holder() -> None:
    teller = told("afm signs move web node=genesis epoch=1 for_ms=3000 acts=lukretia")
    for line in ("lukretia writes command web command=genesis",
                 "lukretia writes move-begun web target=genesis epoch=1 for_ms=3000 causes=lukretia/1/5",
                 "lukretia writes release web cause=move", "lukretia says down web epoch=1 cause=move"):  # fmt: skip
        teller.tell(line)
    said = teller.tell("29 heartbeats of lukretia")
    assert not any("move-ended" in line for line in said)
    said = teller.tell("2 heartbeats of lukretia")
    assert any("run down" in line for line in said), "lukretia is preferred again"
    said += teller.tell("20 ms")
    assert any(" move-ended: " in line for line in said)


def test_failback_waits_as_long_as_it_says() -> None:
    text = policy_of("two-nodes").text.replace('failback = "auto"', 'failback = "2s"')
    teller = Teller()
    teller.stage = Stage("genesis", parse(text, "slow"))
    for line in ("start", "the guard stands", "1500 ms", "lukretia starts", "heartbeat of lukretia", "lukretia sends"):
        teller.tell(line)
    assert not any("run down" in line for line in teller.tell("19 heartbeats of lukretia"))
    assert any("run down" in line for line in teller.tell("2 heartbeats of lukretia"))


def test_an_interrupted_readiness_counts_anew() -> None:
    text = policy_of("two-nodes").text.replace('failback = "auto"', 'failback = "2s"')
    teller = Teller()
    teller.stage = Stage("genesis", parse(text, "slow"))
    for line in ("start", "the guard stands", "1500 ms", "lukretia starts", "heartbeat of lukretia", "lukretia sends"):
        teller.tell(line)
    teller.tell("15 heartbeats of lukretia")
    teller.tell("heartbeat of lukretia, unfit")
    assert not any("run down" in line for line in teller.tell("19 heartbeats of lukretia"))
    assert any("run down" in line for line in teller.tell("3 heartbeats of lukretia"))
