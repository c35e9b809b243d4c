"""A run depends on its seed and on nothing else: not on the order of sets, which another hash seed changes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
from tools.simulator.random_run import RandomRun
run = RandomRun(11, 1500, kept=1)
run.play()
print(run.transcript.digest)
"""


def test_another_process_with_another_hash_seed_plays_the_same_run() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for hash_seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
