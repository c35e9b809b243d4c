"""The histories that a simpler rule would lose (docs/leases.md) lie inside of what is explored, and are lost by nobody.

That each is lost without its rule is shown by `test_planted_bugs.py`, from the same starts and within the same depths.
"""

import pytest

from tools.explore.scene import Scene
from tools.explore.starts import START

HISTORIES = {
    "an echo is not enough, and the vote is unread": ("five", 0, ["round", "round", "round"], ["b"]),
    "an echo is not enough, and the vote is read": ("read", 0, ["calm", "round", "round"], ["b"]),
    "a blink": ("blink", 1, ["cut a", "round", "round", "round"], []),
    "an echo in the socket": ("heard", 1, ["pause a", "round", "round", "round", "resume a", "calm"], []),
}


@pytest.mark.parametrize("name", list(HISTORIES))
def test_the_history_lies_inside_and_nothing_is_wrong_in_it(name: str) -> None:
    start, accidents, words, owners = HISTORIES[name]
    scene = Scene(START[start], accidents)
    path = scene.path(words)
    assert not scene.fault
    for at, number in enumerate(path):
        world = scene.world(path[:at])
        assert number in scene.choices.open(world), f"{words[at]} cannot happen after {words[:at]}"
        found = [each for each in scene.expand(path[:at]) if each.path == path[: at + 1]]
        assert [each.fault for each in found] == [""], words[: at + 1]
    assert scene.moves.owners(scene.world(path)) == owners
