"""What a service does on each side of a cut is said before there is one: by `failc config check`, and by `failc status`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coordinator.config import parse
from coordinator.config.load import check
from coordinator.control.cut_off import EACH_SIDE, cut_off
from coordinator.policy import FencePolicy, Policy
from tests.config.sound import TEXT
from tools.failc.status import lines

PLUG = FencePolicy("fence_plug", ({"plug": "1"},), 0, 20_000, 300_000)


def policy() -> Policy:
    return parse(TEXT, "f")


def fenced(policy: Policy, *names: str) -> Policy:
    return replace(policy, nodes={n: replace(node, fence=(PLUG,) if n in names else ()) for n, node in policy.nodes.items()})


@pytest.mark.parametrize(
    ("names", "change", "said"),
    [
        ((), {}, EACH_SIDE),
        (("lukretia",), {}, EACH_SIDE),
        (("lukretia", "genesis"), {}, ""),
        (("lukretia", "genesis"), {"fence": False}, EACH_SIDE),
        ((), {"partition": "majority"}, ""),
        ((), {"nodes": ("lukretia",)}, ""),
    ],
)
def test_each_side_has_an_owner_unless_something_forbids_it(names: tuple[str, ...], change: dict[str, Any], said: str) -> None:
    file = fenced(policy(), *names)
    assert cut_off(file, replace(file.services["web"], **change)) == said


def two_nodes(text: str) -> str:
    start, end = text.index("[nodes.umpire]"), text.index("[services.web]")
    return text[:start] + text[end:]


def said_of(folder: Path, text: str) -> list[str]:
    file = folder / "failover.toml"
    file.write_text(text)
    checked = check(file)
    assert checked.complaints == ()
    return [str(warning).removeprefix(f"{file}:") for warning in checked.warnings]


def test_the_check_says_it_once_for_two_nodes_and_not_for_three(tmp_path: Path) -> None:
    assert said_of(tmp_path, TEXT) == []
    start = TEXT.index("[services.web]")
    copy = TEXT[start : TEXT.index("[operators", start)].replace("services.web", "services.db").replace("100", "101")
    (one,) = said_of(tmp_path, two_nodes(TEXT))
    assert "of two nodes that cannot reach each other each owns web. Right for addresses" in one
    (both,) = said_of(tmp_path, two_nodes(TEXT) + copy)
    assert "each owns web and 1 more. " in both


def shown(services: dict[str, str]) -> list[str]:
    service = {"owner": "a", "epoch": 1, "split": False, "held": False, "moving_to": None, "states": {"a": "UP"},
               "reason": "a is UP", "out": {}, "checks": {}, "waits_for": [], "enforced_because": "", "gate": {}}  # fmt: skip
    node = {"forked": False, "standby": False, "links": {}}
    known = {"cluster": "demo", "node": "a", "at": "2026-11-29T12:00:00Z", "alarms": [], "nodes": {"a": node}}
    every = {name: {**service, "cut_off": sentence} for name, sentence in services.items()}
    return [line for line in lines({**known, "unfit_because": "", "services": every}, colour=False) if line.endswith(EACH_SIDE)]


def test_the_status_says_it_once_for_all_of_which_it_is_so() -> None:
    assert shown({"web": EACH_SIDE, "db": "", "dns": EACH_SIDE}) == [f"web, dns: {EACH_SIDE}"]
    assert shown({f"s{n}": EACH_SIDE for n in range(1000)}) == [f"s0, s1, s2, s3 and 996 more: {EACH_SIDE}"]
    assert shown({"db": ""}) == []
