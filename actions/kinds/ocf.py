"""A resource agent, as Pacemaker runs them. docs/actions.md"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from actions.kinds.kind import ActionKind, Machine, Made, Odd, Setting
from protocol.moment import lasting
from protocol.stored.table import Table, Unreadable, need, text

if TYPE_CHECKING:
    from actions.ocf.agent import Agent
    from actions.workshop import Workshop

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}:[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)

OF_PACEMAKER = "CRM_meta_"
"""What begins so Pacemaker tells its agents about itself."""

PARAMS = Setting("params", dict[str, str], "What the agent is told: names and texts.", {"configfile": "/etc/nginx/nginx.conf"})


class Ocf(ActionKind):
    name, spoken, runs_programs = "ocf", "a resource agent", True
    settings = (Setting("ocf", str, "A resource agent: provider and type.", "heartbeat:nginx"), PARAMS)

    def read(self, it: Table) -> Mapping[str, Any]:
        return read_agent(it)

    def odd(self, written: Mapping[str, Any]) -> Iterator[Odd]:
        yield from odd_agent(written)

    def lacking(self, written: Mapping[str, Any], machine: Machine) -> Iterator[Odd]:
        yield from lacking_agent(written, machine, promotable=False)

    def named(self, settings: Mapping[str, Any]) -> str:
        return f"the agent {settings['ocf']}"

    def make(self, settings: Mapping[str, Any], workshop: Workshop) -> Made:
        from actions.ocf.action import AgentAction

        return Made(AgentAction(agent_of(settings), workshop.programs))

    def guard_down(self, settings: Mapping[str, Any], environment: Mapping[str, str], timeout_ms: int) -> Mapping[str, Any]:
        agent = agent_of(settings)
        told = agent.environment(environment.get("FAILOVER_SERVICE", ""), timeout_ms)
        return {"run": [agent.program, "stop"], "env": {**environment, **told}, "timeout_ms": timeout_ms}


def read_agent(it: Table) -> Mapping[str, Any]:
    name, params = it.take("ocf", text), it.take("params", _params, ())
    need(NAME.fullmatch(name) is not None, "no agent")
    return MappingProxyType({"ocf": name, "params": params})


def agent_of(settings: Mapping[str, Any]) -> Agent:
    from actions.ocf.agent import Agent

    return Agent(settings["ocf"], tuple((name, value) for name, value in settings["params"]))


def odd_agent(written: Mapping[str, Any]) -> Iterator[Odd]:
    name = written["ocf"]
    if not NAME.fullmatch(name):
        instead = name.removeprefix("ocf:") if NAME.fullmatch(name.removeprefix("ocf:")) else "heartbeat:nginx"
        yield Odd("ocf", f'"{name[:60]}" is not provider:type of an agent', f'Write "{instead}"')
    for key, value in written.get("params", {}).items():
        if not PARAMETER.fullmatch(key) or key.startswith(OF_PACEMAKER):
            yield Odd("params", f'"{key[:60]}" is not the name of a parameter', "Take it out")
        elif not value.isprintable():
            yield Odd("params", f'the value of "{key}" has characters that cannot be printed', "Take them out")


def lacking_agent(written: Mapping[str, Any], machine: Machine, *, promotable: bool) -> Iterator[Odd]:
    """`promotable`: one with two roles will do."""
    agent = agent_of({"ocf": written["ocf"], "params": ()})
    if wrong := machine.unusable(agent.program):
        what, _ = wrong
        yield Odd("ocf", what, "Install it (Debian: resource-agents), or write one that is there")
        return
    said = machine.metadata(agent.program, agent.environment("", 0))
    if said is None:
        return
    if isinstance(said, str):
        yield Odd("ocf", said, "Write an agent that can be asked, or a script")
        return
    if said.is_promotable and not promotable:
        what = f"{agent.name} is promotable: it has two roles, and a service here is up or down"
        yield Odd("ocf", what, "Let a script promote it, or write an agent with one role")
    given = written.get("params", {})
    if unknown := sorted(given.keys() - said.parameters):
        instead = f"It has {', '.join(sorted(said.parameters))}"
        yield Odd("params", f"{agent.name} has no parameter {', '.join(unknown)}", instead)
    if missing := sorted(said.required - given.keys()):
        yield Odd("params", f"{agent.name} needs {', '.join(missing)}", "Write them")
    longest = max(said.timeouts_ms[word] for word in ("start", "stop"))
    if not promotable and written.get("timeout", longest) < longest:
        what = f"{agent.name} may take {lasting(longest)}, by its meta-data"
        yield Odd("timeout", what, f'Write timeout = "{longest // 1000}s" or more')


def _params(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise Unreadable("not a table")
    for key, written in value.items():
        need(isinstance(key, str) and PARAMETER.fullmatch(key) is not None, "no parameter of an agent")
        need(not key.startswith(OF_PACEMAKER) and text(written).isprintable(), "a parameter that is told otherwise")
    return tuple(sorted(value.items()))
