"""A real etcd cluster on loopback for tests: Debian's `etcd`, each member a process of its own.

    with Etcd(folder) as etcd:                      # three members, ready
        etcd.endpoints
        etcd.kill(0); etcd.start(0)
        etcd.stop(1); etcd.go_on(1)                 # SIGSTOP, SIGCONT
        etcd.snapshot(path); etcd.restore(path)     # the cluster as it was then, under its own id

Election timeout and heartbeat are those that etcd has by default, so its shortest lease is 2 s.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
MEMBERS = ("a", "b", "c")
READY_S = 60
"""On a machine that is busy with other tests."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Etcd:
    def __init__(self, folder: Path, *, tls: tuple[Path, Path] | None = None, count: int = 3, waits: bool = True) -> None:
        """`tls`: certificate and key of the members, for their clients."""
        self.folder, self.tls, self.waits, self.token = folder, tls, waits, "one"
        self.identity: tuple[str, ...] = ()
        """Options of `etcdctl` by which it says who it is."""
        self.names = MEMBERS[:count]
        ports = free_ports(2 * count)
        scheme = "https" if tls else "http"
        self.endpoints = tuple(f"{scheme}://127.0.0.1:{port}" for port in ports[:count])
        self.peers = tuple(f"http://127.0.0.1:{port}" for port in ports[count:])
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def initial(self) -> str:
        return ",".join(f"{name}={peer}" for name, peer in zip(self.names, self.peers))

    def __enter__(self) -> Self:
        try:
            for index in range(len(self.names)):
                self.start(index)
            if self.waits:
                self.wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for index in list(self.processes):
            self.kill(index)

    def start(self, index: int) -> None:
        name, endpoint, peer = self.names[index], self.endpoints[index], self.peers[index]
        command = ["etcd", "--name", name, "--data-dir", str(self.folder / name)]
        command += ["--listen-client-urls", endpoint, "--advertise-client-urls", endpoint]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", self.initial, "--initial-cluster-token", self.token]
        if self.tls:
            command += ["--cert-file", str(self.tls[0]), "--key-file", str(self.tls[1])]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[index] = subprocess.Popen([*DIES_WITH_US, *command], stdout=log, stderr=log, start_new_session=True)

    def kill(self, index: int) -> None:
        process = self.processes.pop(index)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, index: int) -> None:
        self.processes[index].send_signal(signal.SIGSTOP)

    def go_on(self, index: int) -> None:
        self.processes[index].send_signal(signal.SIGCONT)

    def ctl(self, *words: str, index: int | None = None, check: bool = True) -> str:
        """`etcdctl` at one member, the first that runs unless told. Raises RuntimeError where it fails and `check` is on."""
        endpoint = self.endpoints[min(self.processes) if index is None else index]
        command = [
            "etcdctl",
            "--endpoints",
            endpoint,
            *(("--cacert", str(self.tls[0])) if self.tls else ()),
            *self.identity,
            *words,
        ]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ETCDCTL_API": "3"})
        if check and done.returncode:
            raise RuntimeError(f"etcdctl {' '.join(words)}: {done.stderr}")
        return "" if done.returncode else done.stdout + done.stderr

    def wait(self) -> None:
        """Until a quorum answers each member that runs."""
        end = time.monotonic() + READY_S
        for index in self.processes:
            while not self.ctl("endpoint", "health", index=index, check=False):
                if time.monotonic() > end:
                    raise RuntimeError(f"member {index} has no quorum")
                time.sleep(0.1)

    def leader(self) -> int:
        """The member that leads now."""
        for index in self.processes:
            fields = self.ctl("endpoint", "status", "-w", "fields", index=index, check=False)
            found = dict(line.split(" : ", 1) for line in fields.splitlines() if " : " in line)
            if found and found['"Leader"'] == found['"MemberID"']:
                return index
        raise RuntimeError("no member leads")

    def snapshot(self, path: Path) -> None:
        self.ctl("snapshot", "save", str(path))

    def restore(self, path: Path, token: str | None = None) -> None:
        """All members anew from this snapshot. With the same token and the same addresses the cluster's id is the same one."""
        self.token = token or self.token
        for index in list(self.processes):
            self.kill(index)
        for name, peer in zip(self.names, self.peers):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            command = ["etcdctl", "snapshot", "restore", str(path), "--name", name, "--data-dir", str(self.folder / name)]
            command += ["--initial-cluster", self.initial, "--initial-cluster-token", self.token]
            command += ["--initial-advertise-peer-urls", peer]
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, "ETCDCTL_API": "3"})
        for index in range(len(self.names)):
            self.start(index)
        self.wait()
