"""What is asked of the machine: its name and versions, system calls, who works where, a certificate."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import processes
from processes import Failed


def _first(path, pattern, otherwise="?"):
    found = re.search(pattern, Path(path).read_text("utf-8", "replace"), re.MULTILINE)
    return found[1].strip() if found else otherwise


def describe(root):
    """What a reader needs to judge the figures, as pairs."""
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip() if shutil.which("git") else ""
    memory = int(_first("/proc/meminfo", r"MemTotal:\s+(\d+)", "0")) / 1024 / 1024
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _first("/proc/cpuinfo", r"model name\s*: (.*)") + f", {os.cpu_count()} processors"
                     + (", virtual" if "hypervisor" in Path("/proc/cpuinfo").read_text() else ""),
        "memory": f"{memory:.0f} GiB",
        "kernel": os.uname().release,
        "system": _first("/etc/os-release", r'PRETTY_NAME="(.*)"'),
        "sse-sidecar": commit or "?",
    }


def make_certificate(folder):
    """An ECDSA certificate that nobody checks; certificate, key, and both in one file."""
    certificate, key, pem = folder / "bench.crt", folder / "bench.key", folder / "bench.pem"
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-days", "30", "-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example",
                           "-keyout", key, "-out", certificate], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"openssl: {done.stderr}")
    pem.write_text(certificate.read_text() + key.read_text())
    return certificate, key, pem


class Attached:
    """A tool that watches processes until it is stopped. What it says is in `log`."""

    def __init__(self, argv, log):
        self.log = log
        with open(log, "wb") as output:
            self._process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=output)
        time.sleep(0.3)   # none says when it has attached

    def stop(self, patience=30):
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class CallCount(Attached):
    """Counts the system calls of processes until it is ended: by perf, which costs them little, else by strace."""

    _perf = None

    def __init__(self, pids, folder):
        self._output = folder / "calls.txt"
        listed = ",".join(map(str, pids))
        if self._has_perf():
            argv = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", listed, "-o", self._output]
        elif shutil.which("strace", path=processes.SEARCH):
            argv = ["strace", "-f", "-c", "-o", self._output, *(word for pid in pids for word in ("-p", str(pid)))]
        else:
            raise Failed("neither perf nor strace can count system calls here")
        self._tool = argv[0]
        super().__init__(argv, folder / "calls.log")

    @classmethod
    def _has_perf(cls):
        if cls._perf is None:
            words = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "true"]
            there = shutil.which("perf", path=processes.SEARCH) is not None
            said = subprocess.run(words, capture_output=True, text=True, check=False).stderr if there else ""
            cls._perf = calls_in("perf", said) is not None
        return cls._perf

    def end(self):
        self.stop()
        counted = calls_in(self._tool, self._output.read_text())
        if counted is None:
            raise Failed(f"{self._tool} counted nothing: {self._output.read_text()}")
        return counted


def calls_in(tool, text):
    """The sum in what the tool has written; None: there is none."""
    if tool == "perf":
        found = re.search(r"^(\d+),", text, re.MULTILINE)
    else:   # seconds, microseconds a call, calls, perhaps errors
        found = re.search(r"^100\.00\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+total$", text, re.MULTILINE)
    return int(found[1]) if found else None


def skew(pids):
    """How far the fullest worker is above the mean, in percent: by the sockets in each epoll set."""
    sizes = []
    for pid in pids:
        for info in Path(f"/proc/{pid}/fdinfo").iterdir():
            try:
                size = info.read_text().count("tfd:")
            except OSError:
                continue
            if size:
                sizes.append(size)
    busy = [size for size in sizes if size > max(sizes) / 20]   # others hold signals and listeners
    return 100 * (max(busy) / (sum(busy) / len(busy)) - 1) if busy else 0.0
