"""Prints the services of a configuration file, or the complaints about it: python -m tests.actions.asked FILE"""

import sys
from pathlib import Path

from coordinator.config import BadConfig, parse
from coordinator.state.stored_file import read_policy

if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text()
    try:
        policy = parse(text, "failover.toml")
    except BadConfig as refused:
        print(refused)
        sys.exit(2)
    assert policy == read_policy(text)
    print(dict(policy.services))
