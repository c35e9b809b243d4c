"""`faild-snmp`: notifies every receiver of every change of a service's state, and of alarms. A process of its own.

    python -I actions/trap.py FOLDER        # fed JSON lines on its standard input; FOLDER keeps the engine's boots

The first line names the receivers: {"engine": hex, "targets": [{"host", "port", "version", "community" | "user", "auth",
"priv", "secret_file"}]}. Every other line is one change: {"cluster", "node", "service", "state", "epoch", "reason"};
or an alarm that begins or is over:
{"cluster", "node", "service", "alarm", "about", "begins", "text"}, where `about` is the node that it concerns.

It is apart because importing pysnmp and sending the first notification block for half a second, and because it needs no
capability and keeps none. On its standard output it says which are not told, as {"untold": {receiver: why}}; a receiver whose
name cannot be resolved is asked for again until it can. Its objects are those of packaging/mibs/FAILOVER-MIB.txt. It ends
with its input.
"""

import asyncio
import ctypes
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

BASE = "1.3.6.1.4.1.32473.1291"
"""32473 is the enterprise number for documentation (RFC 5612): the project has none of its own yet."""

STATE_CHANGED = f"{BASE}.0.1"
ALARM_BEGINS, ALARM_ENDS = f"{BASE}.0.2", f"{BASE}.0.3"
CLUSTER, SERVICE, NODE, STATE, EPOCH, REASON, ALARM, ABOUT, TEXT = (f"{BASE}.1.{number}.0" for number in range(1, 10))

STATES = {"RECOVER": 1, "STARTING": 2, "UP": 3, "RECLAIM": 4, "STOPPING": 5, "FAIL": 6}

TEXT_BYTES_MAX = 255
"""SnmpAdminString (RFC 3411)."""

AGAIN_S, AGAIN_S_MAX = 2.0, 60.0
"""Before a receiver that could not be used is asked for again, doubled each time."""

PR_SET_NO_NEW_PRIVS = 38
LINUX_CAPABILITY_VERSION_3 = 0x20080522


class NotPersistent(Exception):
    """The number of our restarts cannot be kept: receivers would silently drop all version 3 traps after the next one."""


class Sender:
    """One SNMP engine and its receivers. Made by `open`."""

    def __init__(self, engine: Any, targets: list[dict[str, Any]]) -> None:
        self._engine = engine
        self._waiting = dict(enumerate(targets))
        """Receivers that could not be used so far."""
        self._targets: list[tuple[Any, Any]] = []
        self.untold: dict[str, str] = {}
        """Why these are not told."""

    @classmethod
    async def open(cls, engine_id: bytes, targets: list[dict[str, Any]], folder: Path) -> "Sender":
        """Raises NotPersistent. A receiver that cannot be used is complained of, and asked for again; the others are told."""
        from pysnmp.hlapi.v3arch.asyncio import OctetString, SnmpEngine

        tempfile.tempdir = str(folder)  # where pysnmp keeps snmpEngineBoots; by default a guessable place in /tmp
        engine = SnmpEngine(OctetString(engine_id))
        if not list(folder.glob("__pysnmp/*/boots")):
            raise NotPersistent(f"{folder} cannot be written: make it a folder of the user that faild runs as")
        sender = cls(engine, targets)
        await sender.look()
        return sender

    async def look(self) -> bool:
        """Ask for every receiver that could not be used so far. Whether one is left."""
        for number, target in list(self._waiting.items()):
            name = f"{target['host']}:{target['port']}"
            try:
                self._targets.append((await _credentials(number, target), await _transport(number, target)))
            except Exception as error:
                if name not in self.untold:
                    complain(f"{name} is not told: {error}")
                self.untold[name] = str(error)
            else:
                del self._waiting[number]
                if self.untold.pop(name, None) is not None:
                    complain(f"{name} is told from now on")
        return bool(self._waiting)

    async def send(self, change: dict[str, Any]) -> None:
        """To all receivers; whether a trap arrives cannot be told."""
        from pysnmp.hlapi.v3arch.asyncio import ContextData, NotificationType, ObjectIdentity, send_notification

        for credentials, transport in self._targets:
            notification = NotificationType(ObjectIdentity(_kind(change))).add_varbinds(*_values(change))
            try:
                await send_notification(
                    self._engine, credentials, transport, ContextData(), "trap", notification, lookupMib=False
                )
            except Exception as error:
                complain(f"{change['service']} {change.get('state') or change['alarm']}: {error}")


def _kind(change: dict[str, Any]) -> str:
    if "alarm" not in change:
        return STATE_CHANGED
    return ALARM_BEGINS if change["begins"] else ALARM_ENDS


def _values(change: dict[str, Any]) -> list[tuple[str, Any]]:
    """Given one by one: pysnmp would add a notification's own list of objects without values."""
    from pysnmp.hlapi.v3arch.asyncio import Counter64, Integer32, OctetString

    def text(name: str) -> Any:
        return OctetString(change[name].encode()[:TEXT_BYTES_MAX].decode(errors="ignore").encode())

    who = [(CLUSTER, text("cluster")), (SERVICE, text("service")), (NODE, text("node"))]
    if "alarm" in change:
        return [*who, (ALARM, text("alarm")), (ABOUT, text("about")), (TEXT, text("text"))]
    return [
        *who,
        (STATE, Integer32(STATES[change["state"]])),
        (EPOCH, Counter64(change["epoch"])),
        (REASON, text("reason")),
    ]


async def _transport(number: int, target: dict[str, Any]) -> Any:
    """One object with a tag of its own for each receiver: pysnmp sends to everything that shares a tag, in clear as well."""
    from pysnmp.hlapi.v3arch.asyncio import Udp6TransportTarget, UdpTransportTarget

    kind = Udp6TransportTarget if ":" in target["host"] else UdpTransportTarget
    return await kind.create((target["host"], target["port"]), tagList=_tag(number))


async def _credentials(number: int, target: dict[str, Any]) -> Any:
    from pysnmp.hlapi.v3arch.asyncio import CommunityData, UsmUserData

    if target["version"] == "2c":
        name = f"failover-{number}"
        return CommunityData(name, target["community"], mpModel=1, tag=_tag(number), securityName=name)
    protocols = _protocols()
    keys: dict[str, Any] = {}
    if "auth" in target:
        first, last = read_secret(Path(target["secret_file"]))
        keys = {"authProtocol": protocols[target["auth"]], "authKey": first}
        if "priv" in target:
            keys |= {"privProtocol": protocols[target["priv"]], "privKey": last}
    return UsmUserData(target["user"], **keys)


def _protocols() -> dict[str, Any]:
    from pysnmp.hlapi.v3arch import asyncio as snmp

    return {
        "sha": snmp.USM_AUTH_HMAC96_SHA,
        "sha224": snmp.USM_AUTH_HMAC128_SHA224,
        "sha256": snmp.USM_AUTH_HMAC192_SHA256,
        "sha384": snmp.USM_AUTH_HMAC256_SHA384,
        "sha512": snmp.USM_AUTH_HMAC384_SHA512,
        "aes128": snmp.USM_PRIV_CFB128_AES,
        "aes192": snmp.USM_PRIV_CFB192_AES,
        "aes256": snmp.USM_PRIV_CFB256_AES,
    }


def read_secret(path: Path) -> tuple[str, str]:
    """The password for `auth` on the first line, that for `priv` on the second; one line alone is both."""
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    if not lines or min(len(line) for line in lines[:2]) < 8:
        raise ValueError(f"{path}: a password on the first line, one for priv on the second, each of at least 8 letters")
    return lines[0], lines[min(1, len(lines) - 1)]


def _tag(number: int) -> str:
    return f"receiver-{number}"


def drop_rights() -> None:
    """Give every capability up for good, also as root."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.capset((ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def complain(text: str) -> None:
    print(f"faild-snmp: {text}", file=sys.stderr, flush=True)


async def main(folder: Path) -> None:
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    told = json.loads(await lines.readline())
    sender = await Sender.open(bytes.fromhex(told["engine"]), told["targets"], folder)
    drop_rights()
    looking = asyncio.create_task(look_again(sender))
    while line := await lines.readline():
        await sender.send(json.loads(line))
    looking.cancel()
    await asyncio.sleep(0)  # what was sent last leaves in the next turn of the loop


async def look_again(sender: Sender) -> None:
    """Until every receiver can be told: a name server that is not there at a start is the rule after a power failure."""
    say(sender)
    delay_s = AGAIN_S
    while sender.untold:
        await asyncio.sleep(delay_s)
        before = dict(sender.untold)
        await sender.look()
        if sender.untold != before:
            say(sender)
        delay_s = min(2 * delay_s, AGAIN_S_MAX)


def say(sender: Sender) -> None:
    """Tells `faild` which receivers are not told, and why."""
    print(json.dumps({"untold": sender.untold}), flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except NotPersistent as error:
        complain(str(error))
        sys.exit(1)
