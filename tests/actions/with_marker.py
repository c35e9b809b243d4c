"""Runs a module with one more kind of action in the list.

    python -m tests.actions.with_marker MODULE ARGUMENTS...
"""

import runpy
import sys
from types import MappingProxyType

from actions import kinds
from tests.actions.marker import Marker

if __name__ == "__main__":
    kinds.ACTIONS = MappingProxyType({**kinds.ACTIONS, "marker": Marker()})  # before anything else of ours is imported
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
