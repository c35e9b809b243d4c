"""Random accidents by seed: `python -m tools.simulator.random_main --seeds 1..200 --steps 4000`.

Prints seeds a second. A seed that fails prints itself, its step, what failed, a transcript, and the command to replay it.
"""

import sys
import time
import traceback

import click

from tools.simulator.random_run import RandomRun

TRANSCRIPT_LINES = 120


@click.command()
@click.option("--seeds", default="1..20", show_default=True, help="A..B, or one seed.")
@click.option("--steps", default=6_000, show_default=True, help="Steps of virtual time with accidents, for each seed.")
@click.option("--lines", default=TRANSCRIPT_LINES, show_default=True, help="Of transcript, for a seed that fails.")
@click.option("--keep-going", is_flag=True, help="Go on after a seed that fails.")
@click.option("--leases", is_flag=True, help="Worlds of services under `majority`.")
@click.option("--fences", is_flag=True, help="Worlds of nodes that can be switched off.")
@click.option("--relations", is_flag=True, help="Worlds of services that need each other or must not meet.")
@click.option("--arbiter", is_flag=True, help="Worlds of services that an etcd decides on.")
@click.option("--asked", is_flag=True, help="Worlds of services whose candidates are asked: gates, and numbers.")
@click.option("--guarded", is_flag=True, help="Worlds of scripts under `majority`, with a watchdog behind their stops.")
def main(seeds: str, steps: int, lines: int, keep_going: bool, **worlds: bool) -> None:
    """Draw accidents, check what must hold after every step, mend everything, and demand one owner."""
    first, _, last = seeds.partition("..")
    began, failed, done = time.monotonic(), [], 0
    for seed in range(int(first), int(last or first) + 1):
        done += 1
        if report := failure(seed, steps, lines, **worlds):
            failed.append(seed)
            print(report, flush=True)
            if not keep_going:
                break
    took_s = time.monotonic() - began
    print(f"{done} seeds of {steps} steps in {took_s:.1f} s: {done / took_s:.2f} seeds/s; failed: {failed or 'none'}")
    sys.exit(1 if failed else 0)


def failure(seed: int, steps: int, lines: int, **worlds: bool) -> str:
    """Empty where the seed holds; else everything that one needs to see why not."""
    error = _error(RandomRun(seed, steps, **worlds))
    if error is None:
        return ""
    again = RandomRun(seed, steps, kept=lines, **worlds) if lines else None
    _ = again and _error(again)
    told = "\n".join(again.transcript.lines()) if again and again.transcript else ""
    return (
        f"--- seed {seed} fails at step {error[0]}: {error[1]}\n{told}\n--- seed {seed}: {error[1]}\n"
        f"replay: python -m tools.simulator.random_main --seeds {seed} --steps {steps} --lines 4000"
        f"{''.join(f' --{name}' for name, asked in worlds.items() if asked)}"
    )


def _error(run: RandomRun) -> tuple[int, str] | None:
    try:
        run.play()
    except AssertionError as error:
        return run.world.agenda.steps, f"{type(error).__name__}: {error}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return run.world.agenda.steps, f"{error!r} in {where.filename.rpartition('/')[2]}:{where.lineno}"
    return None


if __name__ == "__main__":
    main()
