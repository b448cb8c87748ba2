"""Hosts on this machine: each has its own network, processes, files, users and name, and a cable to a switch.

They are namespaces of Linux and an overlay over this machine's files; nothing outlives `network`. What
is switched off or unplugged here is, to Ray and SSH, a machine that is gone or cannot be reached.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER, UID = "render", 60606
HOST_SH = Path(__file__).with_name("host.sh")
TOOLS = ("ip", "nsenter", "pivot_root", "rsync", "setpriv", "ssh", "sshd", "unshare", "useradd")
START_S = 30.0


def missing() -> str:
    """Why there can be no hosts on this machine; "" where there can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "only root may make network namespaces"
    if lacking := [tool for tool in TOOLS if not _path(tool)]:
        return f"not installed: {', '.join(lacking)} (Debian: apt-get install openssh-server rsync iproute2)"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return tried.stderr.decode().strip() and f"no namespaces here: {tried.stderr.decode().strip()}"


def _path(tool: str) -> str | None:
    return shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@dataclass
class Host:
    """A machine of the rehearsal."""

    name: str
    address: str
    pid: int  # of its first process, as this machine counts
    switch: int  # of the process that holds the switch's network

    def run(
        self, command: str, *, user: str = USER, timeout_s: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """A command in a login shell there; both its outputs are `stdout`."""
        return subprocess.run(
            self._argv(command, user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
        )

    def start(self, command: str, log: Path) -> subprocess.Popen[bytes]:
        """The same, not waited for; both its outputs go to `log`."""
        with log.open("w") as out:
            return subprocess.Popen(
                self._argv(command, USER), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def _argv(self, command: str, user: str) -> list[str]:
        into = ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--uts", "--ipc"]
        shell = ["env", "-i", "TERM=dumb", "su", "--login", user, "--command", command]
        return [*into, "--root", "--wd=/", *shell]

    def unplug(self) -> None:
        """What it sends arrives nowhere from now on; it itself sees nothing of that."""
        _ip(self.switch, f"link set {self.name} nomaster")

    def plug(self) -> None:
        """Put its cable into the switch."""
        _ip(self.switch, f"link set {self.name} master switch")

    def switch_off(self) -> None:
        """All of its processes end at once, without a word; what it had on its disk is gone."""
        os.kill(self.pid, signal.SIGKILL)
        awaited(lambda: self.name not in _ip(self.switch, "-brief link"), f"{self.name} stays on the switch")


def _ip(pid: int, command: str) -> str:
    """What `ip COMMAND` prints in the network of a process."""
    done = subprocess.run(
        ["nsenter", "--target", str(pid), "--net", "ip", *command.split()], capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(f"ip {command}: {done.stderr.strip()}")
    return done.stdout


@dataclass
class Network:
    """A switch, and hosts that are plugged into it."""

    folder: Path
    addresses: Mapping[str, str]
    shown: Sequence[str]  # SHOWN:HERE, as host.sh takes them
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    switch: int = 0

    def start(self) -> None:
        """Set the switch up, whose own address is everybody's way out, to nowhere."""
        self.switch = self._start("--net", "--fork", "sleep", "infinity")
        for command in (
            "link add switch type bridge",
            "addr add 10.0.0.254/24 dev switch",
            "link set switch up",
        ):
            _ip(self.switch, command)
        names = "".join(f"{address} {name}\n" for name, address in self.addresses.items())
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{names}")

    def host(self, name: str) -> Host:
        """Switch a host on."""
        stage = self.folder / name
        stage.mkdir(exist_ok=True)
        apart = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork"]
        told = [str(stage), name, USER, str(UID), str(self.folder / "hosts"), *self.shown]
        pid = self._start(*apart, "bash", str(HOST_SH), *told)
        host = Host(name, self.addresses[name], pid, self.switch)
        ready = Path(f"/proc/{pid}/root/run/ready")
        awaited(ready.exists, f"{name} was not ready in time")
        self._wire(host)
        return host

    def _wire(self, host: Host) -> None:
        _ip(self.switch, f"link add {host.name} type veth peer name eth0 netns {host.pid}")
        _ip(self.switch, f"link set {host.name} up")
        host.plug()
        for command in (
            "link set lo up",
            f"addr add {host.address}/24 dev eth0",
            "link set eth0 up",
            "route add default via 10.0.0.254",
        ):
            _ip(host.pid, command)
        host.run("/usr/sbin/sshd -o UsePAM=no -o PasswordAuthentication=no -o PidFile=none", user="root")

    def _start(self, *apart: str) -> int:
        """Id of the first process in new namespaces; it ends with this one."""
        argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", *apart]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        self.running.append(process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return int(awaited(lambda: process.poll() is None and children.read_text(), f"{apart} did not start"))

    def stop(self) -> None:
        """Switch everything off."""
        for process in self.running:
            process.kill()
            process.wait()


def awaited(
    condition: Callable[[], Any], problem: str, timeout_s: float = START_S, every_s: float = 0.1
) -> Any:
    """The condition's value once it holds. Raises TimeoutError with the problem."""
    until = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > until:
            raise TimeoutError(problem)
        time.sleep(every_s)
    return found


@contextmanager
def network(folder: Path, addresses: Mapping[str, str], shown: Sequence[str]) -> Iterator[Network]:
    """A switch inside the block, for hosts with these names and addresses."""
    net = Network(folder, addresses, shown)
    net.start()
    try:
        yield net
    finally:
        net.stop()
