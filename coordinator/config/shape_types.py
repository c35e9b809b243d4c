"""What every shape of a table is made of: the base class, durations, and the one way to complain about a value."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from coordinator.config import durations


def wrong(what: str, instead: str) -> PydanticCustomError:
    """The only way in which our own validators complain; `complaints` reads both parts back."""
    return PydanticCustomError("failover", "{what}", {"what": what, "instead": instead})


def duration(value: object) -> int:
    try:
        return durations.milliseconds(value)
    except durations.BadQuantity as error:
        raise wrong(error.what, error.instead) from None


def duration_schema(*words: str) -> WithJsonSchema:
    pattern: dict[str, Any] = {"type": "string", "pattern": durations.DURATION_PATTERN}
    return WithJsonSchema({"anyOf": [{"enum": list(words)}, pattern]} if words else pattern)


Duration = Annotated[int, BeforeValidator(duration), duration_schema()]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
