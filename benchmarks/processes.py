"""Programs that are started for a measurement: on which processor, which processes they consist of, and their end."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
SEARCH = "/usr/bin:/usr/sbin:/bin:/sbin:" + os.environ.get("PATH", "")
CPUS = sorted(os.sched_getaffinity(0))
PROXY_CPU = {CPUS[-1]}
LOAD_CPU = {CPUS[0]}
BOTH = set(CPUS)


class Failed(Exception):
    """Something could not be run; the text says what and why."""


def _child(cpus):
    """Runs in the child: its processors, and that it ends when this process does."""
    def prepare():
        _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        os.sched_setaffinity(0, cpus)
    return prepare


_next_port = [0]


def free_port():
    """Below the range from which the kernel takes ports for connections, and not the one that was given out last."""
    for _ in range(10000):
        port = 20000 + (os.getpid() * 41 + _next_port[0]) % 12000
        _next_port[0] += 1
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("no free port")


def descendants(pid):
    """The process ids of `pid` and of all below it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return sorted(found)


def processor_time(pid):
    """Its user and its system time as the kernel writes them; None: it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rsplit(") ", 1)[1].split()[11:13]


class Program:
    """A running program; its output is in `folder`, for the moment when something fails."""

    def __init__(self, name, argv, folder, cpus, env=None):
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen([str(word) for word in argv], cwd=folder, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, preexec_fn=_child(cpus),
                                            env={**clean_environment(), **(env or {})}, start_new_session=True)

    @property
    def pids(self):
        return descendants(self.process.pid)

    def said(self):
        return self.log.read_text("utf-8", "replace")[-2000:]

    def wait_for_port(self, port, patience=60):
        deadline = time.monotonic() + patience
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise Failed(f"{self.name} ended with {self.process.returncode}: {self.said()}") from None
                if time.monotonic() > deadline:
                    raise Failed(f"{self.name} does not listen: {self.said()}") from None
                time.sleep(0.02)

    def stop(self, patience=3):
        """Asks it to end, and after `patience` seconds makes it."""
        pids = self.pids
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in pids[1:]:
            deadline = time.monotonic() + patience
            while _is_ours(pid, self.folder) and time.monotonic() < deadline:
                time.sleep(0.01)
            if _is_ours(pid, self.folder):
                os.kill(pid, signal.SIGKILL)


def _is_ours(pid, folder):
    """Still there, and not another process that was given the same number."""
    try:
        return os.readlink(f"/proc/{pid}/cwd").startswith(str(folder))
    except OSError:
        return False


def clean_environment():
    dropped = ("SSE_SIDECAR_", "PYTHON", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "TS_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return {**kept, "LC_ALL": "C.UTF-8", "PATH": SEARCH}
