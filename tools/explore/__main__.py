"""`python -m tools.explore`, `make explore`: all that can happen up to a depth, or one history told again.

Exit: 0 nothing is wrong in what was explored; 1 a fault was found, and how to see it again; 2 wrong usage.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tools.explore.history import shortened, told
from tools.explore.kept import Kept, OtherExploration
from tools.explore.scene import Scene
from tools.explore.search import Bounds, End, Search
from tools.explore.starts import START

FORMAT = 1
"""Of a folder, and of the numbers of choices: a folder of another one is refused."""

EPILOG = (
    """\b
Where an exploration may begin:
"""
    + "\n".join(f"    {name:10s}{start.story}" for name, start in START.items())
    + """

\b
Choices, as a history names them:
    tick         time passes to the next instant at which a node wants to be woken; all that do are
    beat a>b     the newest heartbeat on its way from a arrives at b
    feed a>b     the events on their way from a arrive at b; word, relay, heads: the same for these messages
    calm         all that is on its way arrives, and what is said because of it, until it is quiet
    round        one heartbeat of time passes, and all arrives at once
    crash a, start a, stop a, pause a, resume a, cut a, cut a>b, heal
    torn a       a is woken, orders its disk to write, and loses its power before it has

\b
Examples:
    make explore
    make explore ARGS="--from cut --depth 7 --resume found --workers 2"
    make explore ARGS="--replay 'start a, start b, start w, round, round, round, round, cut a, round'"
"""
)


@click.command(epilog=EPILOG)
@click.option("--from", "start", type=click.Choice(list(START)), default="owned", show_default=True, help="Where it begins.")
@click.option("--depth", default=6, show_default=True, help="So many choices, at most.")
@click.option("--accidents", default=2, show_default=True, help="Crashes, stops, pauses and cuts on one path, at most.")
@click.option("--states", default=0, help="End when so many are known.")
@click.option("--seconds", default=0.0, help="End after so long.")
@click.option("--workers", default=1, show_default=True, help="Processes that expand.")
@click.option("--resume", "folder", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Keep in FOLDER what is found, and go on from what is there.")  # fmt: skip
@click.option("--replay", default=None, help="Tell this history: choices, separated by commas.")
@click.option("--voters", default="a,b,w", show_default=True, help="Of a history that is told.")
def main(replay: str | None, voters: str, folder: Path | None, start: str, workers: int, **bounds: Any) -> None:
    """Play everything that three voters and their network can do, with the production core, up to a depth: each state once.

    In each it is looked at that no two nodes may answer, that no voter votes twice for an epoch nor while it is bound to
    another, and that no lease that ended lives again. docs/leases.md says what that proves, and what it does not.
    """
    if replay is not None:
        sys.exit(play(tuple(voters.split(",")), [text.strip() for text in replay.split(",")]))
    sys.exit(explore(start, Bounds(**bounds), folder, workers))


def play(names: tuple[str, ...], words: list[str]) -> int:
    wrong = False
    for line in told(names, words):
        print(line)
        wrong = wrong or "WRONG" in line
    return int(wrong)


def explore(start: str, bounds: Bounds, folder: Path | None, workers: int) -> int:
    scene = Scene(START[start], bounds.accidents)
    if scene.fault:
        return _faulty(start, list(START[start].words), scene.fault)
    try:
        kept = Kept(_about(start, bounds), scene.key(b""), folder)
    except OtherExploration as error:
        click.echo(str(error), err=True)
        return 2
    print(f"from '{start}': {START[start].story}; at most {bounds.accidents} accidents and {bounds.depth} choices", flush=True)
    end = Search(start, bounds, kept, workers).run(_tell)
    if end.fault is not None:
        return _faulty(start, [*START[start].words, *scene.words(end.fault.path)], end.fault.fault)
    print(_sum(end, kept))
    return 0


def _about(start: str, bounds: Bounds) -> Mapping[str, Any]:
    return {"format": FORMAT, "from": start, "accidents": bounds.accidents}


def _tell(kept: Kept) -> None:
    known = f"{len(kept.level):9d} new states, {len(kept.keys):9d} in all, by {kept.steps} steps"
    print(f"depth {kept.depth:2d}: {known}", flush=True)


def _sum(end: End, kept: Kept) -> str:
    all_within = f"{end.states} distinct states: all within depth {end.depth}"
    if end.whole:
        return f"{all_within}, and nothing is wrong in any"
    rest = f"of {len(kept.level)} states at depth {end.depth}, {kept.done} were gone on from"
    return f"{all_within}, and some one choice further ({rest}); nothing is wrong in any"


def _faulty(start: str, words: list[str], fault: str) -> int:
    names = START[start].names
    short = shortened(names, words)
    print(f"WRONG: {fault}\n")
    for line in told(names, short):
        print(line)
    voters = "" if names == START["owned"].names else f" --voters {','.join(names)}"
    print(f"\nreplay: python -m tools.explore{voters} --replay '{', '.join(short)}'")
    return 1


if __name__ == "__main__":
    main()
