"""The auditor's tests run from any folder: the project's own packages come first on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
