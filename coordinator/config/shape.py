"""The shape of failover.toml: which keys there are, of which type, with which defaults. design.md section 11.

Only what one value can say about itself is checked here; what values say about each other is in `rules`.
The JSON schema for editors comes from these classes, and so do the examples in complaints.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, create_model

from actions.checks import CHECKS
from actions.kinds import ACTIONS
from actions.kinds.kind import Kind, Setting
from coordinator.config import durations
from coordinator.config.arbiter_shape import ArbiterShape
from coordinator.config.candidate_shape import CandidatesShape, EvidenceShape, GateShape
from coordinator.config.fence_shape import FenceShape, WatchdogShape
from coordinator.config.relation_shape import RelationsShape
from coordinator.config.shape_types import Duration, Shape, duration_schema, wrong
from protocol import endpoints


def _percentage(value: object) -> int:
    try:
        return durations.parts_per_million(value)
    except durations.BadQuantity as error:
        raise wrong(error.what, error.instead) from None


def _duration_or(*words: str) -> BeforeValidator:
    def read(value: object) -> object:
        if value in words:
            return value
        try:
            return durations.milliseconds(value)
        except durations.BadQuantity as error:
            choice = ", ".join(f'"{word}"' for word in words)
            raise wrong(error.what, f"{error.instead}; or {choice}") from None

    return BeforeValidator(read)


def _one_of(*words: str) -> Any:
    def read(value: object) -> object:
        if value in words:
            return value
        raise wrong(
            f'"{durations.written(value)[:40]}" is not one of the choices',
            "Write " + " or ".join(f'"{word}"' for word in words),
        )

    return Annotated[str, BeforeValidator(read), WithJsonSchema({"type": "string", "enum": list(words)})]


def _whole(least: int, most: int) -> AfterValidator:
    def read(value: int) -> int:
        if not least <= value <= most:
            raise wrong(f"{durations.written(value)} is out of range", f"Write a whole number from {least} to {most}")
        return value

    return AfterValidator(read)


def _link(value: str) -> str:
    try:
        endpoints.address(endpoints.endpoint(value, endpoints.PORT)[0])
    except endpoints.BadEndpoint as error:
        raise wrong(error.what, error.instead) from None
    return value


def _receiver(value: str) -> str:
    try:
        endpoints.endpoint(value, 162)
    except endpoints.BadEndpoint as error:
        raise wrong(error.what, error.instead) from None
    return value


Percentage = Annotated[
    int, BeforeValidator(_percentage), WithJsonSchema({"type": "string", "pattern": durations.PERCENTAGE_PATTERN})
]
LinkAddress = Annotated[str, AfterValidator(_link)]


class TimingShape(Shape):
    heartbeat: Duration = Field(100, description="How often a node says that it lives, on every link.", examples=["100ms"])
    indoubt: Duration = Field(300, description="Silence on every link after which a peer is in doubt.", examples=["300ms"])
    dead: Duration = Field(500, description="Silence after which a peer counts as dead: the failover time.", examples=["500ms"])
    drift: Percentage = Field(10_000, description="How far two machines' clocks may run apart.", examples=["1%"])


class NodeShape(Shape):
    key: str = Field(description="The node's public key.", examples=["ed25519:<base64 of 32 bytes, printed by failc key new>"])
    links: dict[str, LinkAddress] = Field(
        description="Link name to this node's address on it; port 1291 unless written.", examples=[{"lan": "10.77.0.11"}]
    )
    witness: bool = Field(False, description="A witness stores feeds and votes, and owns nothing.", examples=[True])
    voter: bool = Field(True, description="Its vote counts for services under majority.", examples=[False])
    fence: list[FenceShape] = Field(default=[], description="How its power is switched off: levels in order.")


class KindedShape(Shape):
    """A table that says one thing to do or to look at, by the key of its kind."""

    kinds_known: ClassVar[Mapping[str, Kind]] = {}
    timeout: Duration = Field(0)
    """Each has its own default."""

    @property
    def written(self) -> dict[str, Any]:
        """The settings of kinds that stand in it."""
        keys = (setting.key for kind in self.kinds_known.values() for setting in kind.settings)
        return {key: value for key in keys if (value := getattr(self, key)) is not None}

    @property
    def kinds(self) -> list[Any]:
        """Those whose own key stands in it: exactly one, where all is well."""
        return [kind for name, kind in self.kinds_known.items() if getattr(self, name) is not None]


def _of_kinds(name: str, kinds: Mapping[str, Kind], **common: Any) -> Any:
    """The table that has the settings of all these kinds, each optional, and then what all of them have in common."""
    settings = {setting.key: setting for kind in kinds.values() for setting in kind.settings}
    fields: dict[str, Any] = {
        key: (_checked(it) | None, Field(None, description=it.description, examples=[it.example]))
        for key, it in settings.items()
    }
    base: type[KindedShape] = type(f"{name}Kinds", (KindedShape,), {"kinds_known": kinds, "__module__": __name__})
    *names, last = kinds
    doc = f"Exactly one of {', '.join(names)} and {last}."
    made: Any = create_model(name, __base__=base, __doc__=doc, **{**fields, **common})
    return made


def _checked(setting: Setting) -> Any:
    def read(value: Any) -> Any:
        try:
            if setting.check is not None:
                setting.check(value)
        except endpoints.BadEndpoint as error:
            raise wrong(error.what, error.instead) from None
        return value

    return setting.shape if setting.check is None else Annotated[setting.shape, AfterValidator(read)]


if TYPE_CHECKING:

    class ActionShape(KindedShape):
        timeout: int
        down_timeout: int | None
        keep: bool

    class CheckShape(KindedShape):
        every: int
        timeout: int
        on_fail: str
        jitter: int
        grace: int
else:
    ActionShape = _of_kinds(
        "ActionShape",
        ACTIONS,
        timeout=(Duration, Field(20_000, description="After this the action is ended, and probed.", examples=["20s"])),
        down_timeout=(Duration | None, Field(None, description="The same for down; else timeout.", examples=["1s"])),
        keep=(bool, Field(False, description="Stays up across a handover.", examples=[True])),
    )
    CheckShape = _of_kinds(
        "CheckShape",
        CHECKS,
        every=(Duration, Field(1000, description="From the start of one run to the start of the next.", examples=["1s"])),
        timeout=(Duration, Field(1000, description="A run that takes longer has failed.", examples=["1s"])),
        fall=(Annotated[int, _whole(1, 1000)], Field(3, description="Failures in a row that count.", examples=[3])),
        rise=(Annotated[int, _whole(1, 1000)], Field(2, description="Passes in a row that count.", examples=[2])),
        on_fail=(
            _one_of("move", "restart", "stop", "tell"),
            Field("move", description="What follows when it has failed for good.", examples=["move"]),
        ),
        jitter=(Duration, Field(0, description="Each run begins later by up to so much, by chance.", examples=["100ms"])),
        grace=(Duration, Field(0, description="After the start failures do not count for so long.", examples=["5s"])),
        **{"from": (_one_of("local", "peer"), Field("local", description="Which node looks.", examples=["local"]))},
    )


class ServiceShape(RelationsShape, CandidatesShape):
    nodes: list[str] = Field(description="Candidates in order of preference.", examples=[["lukretia", "genesis"]])
    actions: list[ActionShape] = Field(default=[], description="Up in this order, down in reverse.")
    checks: list[CheckShape] = Field(default=[], description="Run while UP.")
    failback: Annotated[int | str, _duration_or("auto", "manual"), duration_schema("auto", "manual")] = Field(
        "auto", description="When a better candidate gets the service back.", examples=["10m"]
    )
    partition: _one_of("serve", "majority", "arbiter") = Field(  # type: ignore[valid-type]
        "serve", description="Who may own the service while cut off.", examples=["serve"]
    )
    lease: Duration = Field(500, description="majority, arbiter: how long a holder may go on unheard.", examples=["500ms"])
    split_winner: _one_of("preference", "incumbent") = Field(  # type: ignore[valid-type]
        "preference", description="Who keeps the service after a split.", examples=["preference"]
    )
    on_isolation: _one_of("keep", "release") = Field(  # type: ignore[valid-type]
        "keep", description="What an owner does while it hears no other node.", examples=["keep"]
    )
    restarts: Annotated[int, _whole(0, 100)] = Field(0, description="In place, before another node is tried.", examples=[1])
    retry: Annotated[int | str, _duration_or("never"), duration_schema("never")] = Field(
        60_000, description="How long FAIL by an action or a check lasts at first; it doubles.", examples=["1m"]
    )
    announce_every: Duration = Field(
        60_000, description="How often the owner announces again while another candidate is dead.", examples=["1m"]
    )
    fence: bool = Field(True, description="A claim waits until the dead holder is fenced, where it can be.", examples=[False])


class OperatorShape(Shape):
    key: str = Field(description="An OpenSSH public key.", examples=["ssh-ed25519 AAAA..."])
    role: _one_of("observe", "operate", "admin") = Field(  # type: ignore[valid-type]
        description="What the operator may do.", examples=["admin"]
    )
    services: list[str] | None = Field(None, description="With operate: which services.", examples=[["web"]])


class TrapShape(Shape):
    to: Annotated[str, AfterValidator(_receiver)] = Field(
        description="Host and port of the receiver.", examples=["netwatcher.example:162"]
    )
    version: _one_of("2c", "3") = Field(description="SNMP version.", examples=["2c"])  # type: ignore[valid-type]
    community: str | None = Field(None, description="2c: the community.", examples=["public"])
    user: str | None = Field(None, description="3: the user.", examples=["failover"])
    auth: _one_of("sha", "sha224", "sha256", "sha384", "sha512") | None = Field(  # type: ignore[valid-type]
        None, description="3: how messages are authenticated.", examples=["sha256"]
    )
    priv: _one_of("aes128", "aes192", "aes256") | None = Field(  # type: ignore[valid-type]
        None, description="3: how messages are encrypted.", examples=["aes128"]
    )
    secret_file: str | None = Field(
        None, description="3: the file with the passwords, mode 0600.", examples=["/etc/failover/snmp"]
    )


class FileShape(Shape):
    cluster: str = Field(description="The cluster's name.", examples=["demo"])
    id: str = Field(description="32 hex digits, written by failc init.", examples=["<32 hex digits, written by failc init>"])
    timing: TimingShape = Field(default_factory=lambda: TimingShape.model_validate({}), description="Who is alive.")
    nodes: dict[str, NodeShape] = Field(description="The hosts that run faild.")
    watchdog: WatchdogShape | None = Field(None, description="What resets a machine whose faild hangs.")
    arbiter: ArbiterShape | None = Field(None, description="Who is asked by services under arbiter.")
    services: dict[str, ServiceShape] = Field(default={}, description="What one node at a time owns.")
    operators: dict[str, OperatorShape] = Field(default={}, description="Who may command.")
    traps: list[TrapShape] = Field(default=[], description="Who is told by SNMP.")


TABLES: dict[tuple[str, ...], type[Shape]] = {
    (): FileShape,
    ("timing",): TimingShape,
    ("nodes", "*"): NodeShape,
    ("nodes", "*", "fence", "#"): FenceShape,
    ("watchdog",): WatchdogShape,
    ("arbiter",): ArbiterShape,
    ("services", "*"): ServiceShape,
    ("services", "*", "actions", "#"): ActionShape,
    ("services", "*", "checks", "#"): CheckShape,
    ("services", "*", "gate"): GateShape,
    ("services", "*", "evidence"): EvidenceShape,
    ("operators", "*"): OperatorShape,
    ("traps", "#"): TrapShape,
}
"""Which class describes the table at a path; * is any name, # any index."""


def table_at(path: tuple[str | int, ...]) -> type[Shape] | None:
    """The class of the table at `path`, or None where names are free."""
    for pattern, shape in TABLES.items():
        if len(pattern) == len(path) and all(_fits(want, part) for want, part in zip(pattern, path)):
            return shape
    return None


def _fits(want: str, part: str | int) -> bool:
    return isinstance(part, int) if want == "#" else want in ("*", part)
