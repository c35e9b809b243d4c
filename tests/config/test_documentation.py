"""docs/configuration.md names every key with its default, and its example is a sound file."""

import re
from pathlib import Path

import pytest

from coordinator.config import parse
from coordinator.config.shape import TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def test_the_example_is_sound():
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(parse(example, "docs/configuration.md").nodes) == 3


@pytest.mark.parametrize("shape", TABLES.values(), ids=lambda shape: shape.__name__)
def test_every_key_is_explained(shape):
    missing = [key for key in shape.model_fields if f"`{key}`" not in PAGE and f"[{key}" not in PAGE]
    sections = {"nodes", "services", "operators", "traps", "actions", "checks", "fence", "watchdog"}
    assert set(missing) <= sections, "tables have sections"
