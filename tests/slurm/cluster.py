"""A real SLURM of three nodes on loopback, for tests: munge, MariaDB, slurmdbd, slurmctld and slurmd, all of one folder.

Nothing outside the folder is written, no service manager is asked, no control group is needed. Every daemon, and through
it every job, carries MARK in its environment: `sweep` ends exactly those processes, also what a killed run left behind.
"""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.slurm.configuration import CONFIG, DATABASE

ROOT = Path(__file__).resolve().parents[2]
MARK = "SR_ADAPTATION_TEST_CLUSTER"
TOOLS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch", "sacct", "sacctmgr")
NODES = ("cpu1", "gpu1", "spare1")
DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", *(f"slurmd-{node}" for node in NODES))
ACCOUNT, PARTITION, GPUS = "lab", "batch", 1


def missing() -> list[str]:
    """Programs that a cluster needs and that are not installed."""
    return [tool for tool in TOOLS if not shutil.which(tool, path=_path())]


class Cluster:
    """The cluster whose files lie in `folder`, a short path: sockets allow 107 bytes."""

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """For sbatch, squeue, Snakemake and daemons. Jobs lose SLURM_CONF on their way; the srun of `bin` finds it again."""
        added = {"SLURM_CONF": str(self.folder / "slurm.conf"), "MYSQL_UNIX_PORT": str(self.folder / "db.socket")}
        return {**os.environ, **added, MARK: str(ROOT), "PATH": f"{self.folder / 'bin'}:{_path()}"}

    def up(self) -> None:
        """Write the configuration and start every daemon; RuntimeError with the end of a log when one does not come up."""
        sweep()
        self._configure()
        for name in DAEMONS:
            self.start(name)
            if name == "mariadbd":
                grant = "create user slurm@localhost identified by 'slurm'; grant all on *.* to slurm@localhost"
                self.say(*self._database(), "-e", grant)
            if name == "slurmdbd":
                self._accounts()
        self._wait("all nodes", lambda: self.nodes() == dict.fromkeys(NODES, "idle"), "slurmctld")

    def start(self, name: str) -> None:
        """Start one daemon and wait until it answers."""
        with open(self.folder / f"{name}.out", "ab") as out:
            process = subprocess.Popen(
                self._command(name),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        (self.folder / f"{name}.pid").write_text(str(process.pid))
        ready = {
            "munged": ["munge", "-n", "-S", f"{self.folder}/munge.socket"],
            "mariadbd": [*self._database(), "-e", "select 1"],
            "slurmdbd": ["sacctmgr", "-n", "list", "cluster"],
            "slurmctld": ["scontrol", "ping"],
        }
        if name in ready:
            self._wait(name, lambda: self._run(*ready[name]).returncode == 0, name)

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End one daemon; jobs that run are not its children and go on."""
        pid = int((self.folder / f"{name}.pid").read_text())
        if pid in marked():
            os.kill(pid, number)
            self._wait(f"end of {name}", lambda: pid not in marked(), name)

    def say(self, *words: str) -> str:
        """Output of a command of SLURM's, which waits while the controller restarts; AssertionError when it fails."""
        deadline = time.monotonic() + 60
        while (done := self._run(*words)).returncode and "contact slurm controller" in done.stderr:
            assert time.monotonic() < deadline, done.stderr
            time.sleep(1)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def nodes(self) -> dict[str, str]:
        """State of each node, empty while the controller does not answer."""
        return dict(line.split() for line in self._run("sinfo", "-h", "-N", "-o", "%N %t").stdout.splitlines())

    def _run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)

    def _command(self, name: str) -> list[str]:
        at = self.folder
        if name.startswith("slurmd-"):
            return ["slurmd", "-D", "-N", name.removeprefix("slurmd-")]
        files = [f"--{kind}-file={at}/munge.{kind}" for kind in ("key", "pid", "log", "seed")]
        return {
            "munged": ["munged", "-F", "-f", f"--socket={at}/munge.socket", *files],
            "mariadbd": ["mariadbd", f"--defaults-file={at}/my.cnf"],
            "slurmdbd": ["slurmdbd", "-D"],
            "slurmctld": ["slurmctld", "-D"],
        }[name]

    def _configure(self) -> None:
        at = self.folder
        for name in ("state", "bin", *(f"spool-{node}" for node in NODES)):
            (at / name).mkdir(parents=True)
        at.chmod(0o755)
        _write(at / "munge.key", os.urandom(1024), 0o400)
        user = self._run("id", "-un").stdout.strip()
        # Bound to the machine's own name where that is a loopback address, else SLURM would not find its own daemons.
        own = self._run("getent", "ahostsv4", socket.gethostname()).stdout
        options = "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny" if own.startswith("127.") else ""
        names = ("ctld", "dbd", *NODES)
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        values = {"folder": at, "user": user, "loopback": options, "partition": PARTITION, "kill_wait": 10, **ports}
        gres = f"Gres=gpu:fake:{GPUS},shard:{4 * GPUS}"
        _write(at / "slurm.conf", CONFIG.format(gres=gres, **values).encode())
        # slurmdbd takes the same words but one.
        _write(at / "slurmdbd.conf", DATABASE.format(**values).replace("NoCtldInAddrAny,", "").encode(), 0o600)
        # A GPU without a device file is refused; any two will do, nothing opens them.
        devices = "".join(f"NodeName=gpu1 Name=gpu Type=fake File=/dev/tty{number}\n" for number in range(GPUS))
        _write(at / "gres.conf", f"{devices}NodeName=gpu1 Name=shard Count={4 * GPUS}\n".encode())
        srun = f'#!/bin/sh\nSLURM_CONF={at}/slurm.conf exec {shutil.which("srun", path=_path())} "$@"\n'
        _write(at / "bin/srun", srun.encode(), 0o755)
        lines = f"[mariadbd]\nuser={user}\ndatadir={at}/db\nsocket={at}/db.socket\nskip-networking\n"
        lines += "innodb_buffer_pool_size=64M\ninnodb_lock_wait_timeout=900\ninnodb_flush_log_at_trx_commit=2\n"
        _write(at / "my.cnf", lines.encode())
        words = [f"--auth-root-socket-user={user}", "--skip-test-db", f"--datadir={at}/db", f"--user={user}"]
        self.say("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=socket", *words)

    def _database(self) -> list[str]:
        return ["mariadb", "--no-defaults", "-S", f"{self.folder}/db.socket"]

    def _accounts(self) -> None:
        user = self._run("id", "-un").stdout.strip()
        self.say("sacctmgr", "-i", "add", "cluster", "test")
        self.say("sacctmgr", "-i", "add", "account", ACCOUNT, "Description=tests", "Organization=tests")
        self._run("sacctmgr", "-i", "add", "user", user, f"account={ACCOUNT}", f"defaultaccount={ACCOUNT}")
        self._run("sacctmgr", "-i", "modify", "user", user, "set", f"defaultaccount={ACCOUNT}")

    def _wait(self, what: str, condition: Callable[[], bool], log: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                said = [self.folder / f"{log}.{end}" for end in ("out", "log")]
                text = "".join(path.read_text(errors="replace")[-1500:] for path in said if path.exists())
                raise RuntimeError(f"{what}: not after {seconds:.0f} s\n{text}")
            time.sleep(0.1)


def marked() -> set[int]:
    """Processes of this clone's cluster that live: daemons, what watches over jobs, jobs."""
    return set(_marked())


def _marked() -> Iterator[int]:
    line = f"{MARK}={ROOT}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            carries = line in (place / "environ").read_bytes().split(b"\0")
            ended = re.sub(r"^.*\) ", "", (place / "stat").read_text(), flags=re.DOTALL)[0] in "ZX"
        except OSError:
            continue
        if carries and not ended:
            yield int(place.name)


def sweep(keep: frozenset[int] = frozenset()) -> None:
    """End all processes of this clone's cluster but the calling ones; those that do not obey in ten seconds are killed."""
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        deadline = time.monotonic() + seconds
        while (left := marked() - {os.getpid(), *keep}) and time.monotonic() < deadline:
            for pid in left:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            time.sleep(0.3)


def _end_with_parent() -> None:
    """In the child: Linux sends SIGTERM when the process that started it dies, however it dies (prctl 1, PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def _path() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
