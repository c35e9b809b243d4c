"""The floor of idling was written before the work that it measures, and stays as it was."""

import ast
import hashlib
from pathlib import Path

FLOOR = Path(__file__).parents[2] / "tools" / "bench" / "idle_floor.py"
SHA256 = "464eb683b0b81bc24b389824bcbc592894b1652c0994b06008f339e03b48afc7"


def test_the_measure_of_idling_is_the_one_that_was_there_before():
    assert hashlib.sha256(FLOOR.read_bytes()).hexdigest() == SHA256


def test_what_makes_a_node_cheaper_does_not_make_its_measure_cheaper():
    imports = [node for node in ast.walk(ast.parse(FLOOR.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in names} & {"protocol", "store", "actions", "coordinator", "tools"}
