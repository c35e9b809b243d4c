"""`failc simulate`: plays a scenario file in virtual time and tells what happens, line by line.

Exit: 0 as expected; 1 an expectation failed; 2 the scenario or the configuration is wrong; 3 a file cannot be read.
"""

import json
import sys
from pathlib import Path

import click

from tools.failc.options import indifferent
from tools.simulator.words import BadScenario

EXAMPLE = """\b
Example: failc simulate --config failover.toml split.scenario, where split.scenario says
    at 0s  start lukretia genesis
    at 5s  expect web owner=lukretia
    at 6s  cut lukretia genesis
    at 8s  expect web owner=lukretia,genesis split=yes
"""


@click.command(epilog=EXAMPLE)
@click.option("--config", type=click.Path(path_type=Path, readable=False), default=None,
              help="The configuration; its keys are not used.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Moves the delays of messages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a step.")
@click.argument("scenario", type=click.Path(path_type=Path, readable=False))
@indifferent
def simulate(config: Path | None, seed: int, as_json: bool, scenario: Path) -> None:
    """Play SCENARIO with the real core in virtual time, against the configuration."""
    sys.exit(run(config, scenario, seed, as_json))


def run(config: Path | None, scenario: Path, seed: int, as_json: bool) -> int:
    from coordinator.config import DEFAULT, BadConfig
    from coordinator.config import read as read_config
    from tools.simulator.runner import Outcome, play
    from tools.simulator.script import read_script

    path = config or DEFAULT
    try:
        policy = read_config(path, files=False)
        steps = read_script(str(scenario), scenario.read_text(encoding="utf-8"), policy)
    except (BadConfig, BadScenario) as error:
        click.echo(str(error), err=True)
        return 2
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}. Name a file that can be read", err=True)
        return 3
    except UnicodeDecodeError:
        click.echo(f"{scenario}: not UTF-8 text. Write a scenario as plain text", err=True)
        return 2

    def tell(outcome: Outcome) -> None:
        click.echo(json.dumps(outcome.to_json()) if as_json else sentence(outcome))

    click.echo(f"seed {seed}", err=as_json)
    report = play(policy, steps, seed, tell)
    if not as_json:
        click.echo(f"{len(steps)} lines, {report.failed} not as expected")
    return 1 if report.failed else 0


def sentence(outcome: "object") -> str:
    """One line for people."""
    from tools.simulator.runner import Outcome

    assert isinstance(outcome, Outcome), "only outcomes are told"
    mark = "" if outcome.ok else "NOT SO: "
    note = f"    {mark}{outcome.note}" if outcome.note else ""
    return f"{outcome.at_ms / 1000:9.3f}s  {outcome.text}{note}"
