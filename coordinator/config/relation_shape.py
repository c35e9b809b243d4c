"""The shape of what services say about each other: `with`, `apart` and `after`."""

from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from coordinator.config.shape_types import Shape

if TYPE_CHECKING:

    class RelationsShape(Shape):
        apart: list[str]
        after: list[str]
else:
    _with: Any = (list[str], Field([], description="Runs where these run.", examples=[["vip"]]))
    RelationsShape = create_model(
        "RelationsShape",
        __base__=Shape,
        **{"with": _with},
        apart=(list[str], Field([], description="Never runs where one of these runs.", examples=[["batch"]])),
        after=(
            list[str],
            Field([], description="Runs only while these are up, anywhere or here.", examples=[["storage", "dns@here"]]),
        ),
    )


def together(service: "RelationsShape") -> list[str]:
    """What stands under `with`, which is a word of Python's own."""
    found: list[str] = getattr(service, "with")
    return found
