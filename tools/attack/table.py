"""What happened, as a table: one line for each attack and thief."""

from collections import Counter
from collections.abc import Sequence

from tools.attack.trial import Result

TITLE = (
    f"{'where':>5}  {'what':50} {'thief':9} {'moves':>5} {'two ms':>6} {'ended':>5} {'failover':>8} {'back':>6} "
    f"{'disk':>6} {'mem':>6}  named by"
)
"""Times in ms; what the worse of the two honest nodes has grown by, on its disk and in memory, in MB."""


def line(result: Result) -> str:
    harm = f"{result.moves:5} {result.two_owners_ms:6.0f} {len(result.ended):5}"
    times = f"{_ms(result.failover_ms):>8} {_ms(result.back_ms):>6}"
    sizes = f"{_mb(result.disk):>6} {_mb(result.memory):>6}"
    thief = "candidate" if result.candidate else "stranger"
    flaws = f"   <- {'; '.join(result.flaws)}" if result.flaws else ""
    return f"{result.attack.where:>5}  {result.attack.what:50} {thief:9} {harm} {times} {sizes}  {_named(result)}{flaws}"


def table(results: Sequence[Result]) -> str:
    return "\n".join([TITLE, *map(line, results), "", *_sums(results)])


def _sums(results: Sequence[Result]) -> list[str]:
    sums = []
    for candidate, who in ((False, "no candidate of anything"), (True, "a candidate of mail only")):
        mine = [result for result in results if result.candidate is candidate]
        if mine:
            waits = sorted(result.failover_ms for result in mine if result.failover_ms is not None)
            worst = f"{waits[-1]:.0f} ms at most" if waits else "-"
            two_ms, ended = sum(result.two_owners_ms for result in mine), sum(len(result.ended) for result in mine)
            nameless = sum(not result.named and not result.attack.unnamed for result in mine)
            sums.append(
                f"the thief that is {who}: {len(mine)} attacks, {sum(result.moves for result in mine)} moves, "
                f"two owners for {two_ms:.0f} ms, {ended} ended nodes, "
                f"{len(waits)} failovers of {len(mine)} ({worst}), {nameless} attempts that nothing names"
            )
    return sums


def _named(result: Result) -> str:
    ways = [f"{kind} {count}" for kind, count in sorted(Counter(result.found).items())]
    ways += [f"{result.refused} refused"] if result.refused > 0 else []
    ways += [f"alarm {name}" for name in result.alarms]
    return ", ".join(ways) or (f"({result.attack.unnamed})" if result.attack.unnamed else "-")


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f}"


def _mb(size: int) -> str:
    return f"{max(0, size) / 2**20:.1f}"
