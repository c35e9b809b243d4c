"""`python -m tools.drawings [--write]`: prints docs/tables.md as the code has it now, or writes it."""

import sys
from pathlib import Path

from tools.drawings.page import page

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"

if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        print(page(), end="")
