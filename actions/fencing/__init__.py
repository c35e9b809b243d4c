"""Fencing of another node with the `fence-agents` that every distribution has: its power is off, and the device says so.

    device = Device("/usr/sbin/fence_ipmilan", {"ip": "10.0.0.9", "username": "f"}, {"password": "..."}, timeout_ms=20_000)
    fencing = Fencing("genesis", [Level([device])], programs)
    fenced = await fencing.run()            # tries level after level; fenced.ok only where a level's devices all say "off"
    fenced.ok, fenced.text                  # and a sentence that says what happened, without a secret in it
    rehearsed = await fencing.rehearse()    # switches nothing: each device is asked whether it would do

An agent reads `name=value` lines on its standard input, one of them `action=off|on|status|monitor`, and answers by its exit
code and what it prints. `agent` runs one, `answer` reads what it said, `levels` puts them in order. docs/fencing.md has it for
operators.
"""

from actions.fencing.agent import AGENT_FOLDERS, Device, found_agent
from actions.fencing.answer import Answer, Power
from actions.fencing.levels import Fenced, Fencing, Level, Rehearsed

__all__ = ["AGENT_FOLDERS", "Answer", "Device", "Fenced", "Fencing", "Level", "Power", "Rehearsed", "found_agent"]
