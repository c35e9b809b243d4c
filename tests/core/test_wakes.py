"""When each of many wants to be asked again."""

from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.wakes import NEVER_MS, Wakes

NAMES = st.sampled_from(["web", "mail", "db"])
TIMES = st.integers(0, 20)
STEPS = st.one_of(
    st.tuples(st.just("wake"), NAMES, st.one_of(TIMES, st.just(NEVER_MS))),
    st.tuples(st.just("forget"), NAMES, st.just(0)),
    st.tuples(st.just("due"), st.just(""), TIMES),
)


@given(st.lists(STEPS, max_size=40))
def test_it_says_what_a_list_of_all_would_say(steps: list[tuple[str, str, int]]) -> None:
    wakes, known = Wakes(), dict[str, int]()
    for word, name, at_ms in steps:
        if word == "wake":
            wakes.wake(name, at_ms)
            known[name] = at_ms
        elif word == "forget":
            wakes.forget(name)
            known.pop(name, None)
        else:
            due = {name for name, known_ms in known.items() if known_ms <= at_ms}
            assert wakes.take_due(at_ms) == due
            known = {name: known_ms for name, known_ms in known.items() if name not in due}
        assert wakes.first_ms == min(known.values(), default=NEVER_MS)
