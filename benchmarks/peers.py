"""What is compared: how each proxy is configured (peers/), started, and asked for its version."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from processes import SEARCH, Failed, Program, free_port, processor_time

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "peers"


@dataclass(frozen=True)
class Setting:
    """How a proxy is to be run this time."""
    log: bool = False
    tls: bool = False
    workers: int = 1
    extra: tuple = ()       # further arguments, of ours only

    def words(self):
        return {"log" if self.log else "quiet", "tls" if self.tls else "plain", "many" if self.workers > 1 else "one"}


@dataclass(frozen=True)
class Peer:
    name: str
    program: str                              # what is looked for
    argv: tuple = ()
    templates: dict = field(default_factory=dict)  # file in the run's folder: template in peers/
    version: tuple = ()
    tls: bool = True
    http: bool = True                         # knows requests; otherwise it carries bytes
    derived: dict = field(default_factory=dict)    # file: what the package brings, and (old, new) changes in it
    folders: tuple = ()                       # that it does not make by itself
    env: dict = field(default_factory=dict)

    def find(self):
        return shutil.which(self.program, path=SEARCH)


def render(template, setting, values):
    """Lines that begin with [word word] are for settings that have all these words; @NAME@ is a value."""
    lines = []
    for line in template.splitlines():
        condition = re.match(r"(\s*)\[([a-z ]+)\] (.*)", line)
        if condition and set(condition[2].split()) <= {"log", "quiet", "tls", "plain", "one", "many"}:
            if not set(condition[2].split()) <= setting.words():
                continue
            line = condition[1] + condition[3]
        lines.append(re.sub(r"@([A-Z]+)@", lambda match: str(values[match[1]]), line))
    return "\n".join(lines) + "\n"


PEERS = {peer.name: peer for peer in (
    Peer("relay", "bench_relay", version=(), http=False),
    Peer("sse-sidecar", "sse-sidecar", version=("--version",)),
    Peer("nginx", "nginx", ("-p", "{folder}", "-e", "stderr", "-c", "{folder}/nginx.conf"),
         {"nginx.conf": "nginx.conf"}, ("-v",)),
    Peer("haproxy", "haproxy", ("-db", "-f", "{folder}/haproxy.cfg"), {"haproxy.cfg": "haproxy.cfg"}, ("-v",)),
    Peer("haproxy-tcp", "haproxy", ("-db", "-f", "{folder}/haproxy.cfg"), {"haproxy.cfg": "haproxy-tcp.cfg"}, ("-v",),
         http=False),
    Peer("caddy", "caddy", ("run", "--adapter", "caddyfile", "--config", "{folder}/caddy.conf"),
         {"caddy.conf": "caddy.conf"}, ("version",)),
    Peer("nghttpx", "nghttpx", ("--conf={folder}/nghttpx.conf",), {"nghttpx.conf": "nghttpx.conf"}, ("--version",)),
    Peer("h2o", "h2o", ("-m", "worker", "-c", "{folder}/h2o.conf"), {"h2o.conf": "h2o.conf"}, ("--version",)),
    Peer("trafficserver", "traffic_server", ("--run-root={folder}/runroot.yaml",),
         {"runroot.yaml": "trafficserver/runroot.yaml", "etc/records.config": "trafficserver/records.config",
          "etc/remap.config": "trafficserver/remap.config", "etc/ip_allow.yaml": "trafficserver/ip_allow.yaml",
          "etc/storage.config": "trafficserver/storage.config"}, ("-V",), tls=False, folders=("var",)),
    Peer("pushpin", "pushpin", ("--config={folder}/pushpin.conf", "--merge-output"),
         {"pushpin.conf": "pushpin/pushpin.conf", "routes": "pushpin/routes"}, ("--version",), tls=False,
         folders=("run", "log"),
         derived={"internal.conf": ("/usr/lib/pushpin/internal.conf",
                                    (("ipc:///var/run/zurl/", "ipc://{rundir}/{ipc_prefix}"),)),
                  "runner/zurl.conf.template": ("/usr/lib/pushpin/runner/zurl.conf.template",
                                                (("\ndeny=127.*,", "\ndeny=unused,"),
                                                 ("max_open_requests=2000", "max_open_requests=9900")))}),
)}


class Running:
    """One proxy in front of one backend port."""

    def __init__(self, peer, setting, bench, origin_port, cpus):
        if not peer.find():
            raise Failed(f"{peer.program} is not installed")
        if setting.tls and not bench.has_tls(peer):
            raise Failed(f"{peer.name} has no TLS listener here")
        self.peer, self.setting, self.origin_port = peer, setting, origin_port
        self.port = free_port()
        self.folder = bench.new_folder(peer.name)
        self._bench, self._cpus = bench, cpus
        self._values = {"PORT": self.port, "ORIGIN": origin_port, "SPARE": free_port(), "WORKERS": setting.workers,
                        "FOLDER": self.folder, "CERTIFICATE": bench.certificate, "KEY": bench.key, "PEM": bench.pem}
        self.argv = [peer.find(), *self._arguments()]
        for name in peer.folders:
            (self.folder / name).mkdir()
        for name, template in peer.templates.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(render((TEMPLATES / template).read_text(), setting, self._values))
        for name, (source, changes) in peer.derived.items():
            text = Path(source).read_text()
            for old, new in changes:
                if old not in text:
                    raise Failed(f"{source} has no {old!r}")
                text = text.replace(old, new)
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
        self.program = None
        self.start()

    def _arguments(self):
        setting, values = self.setting, self._values
        if self.peer.name == "relay":
            words = ["--listen", values["PORT"], "--upstream", values["ORIGIN"], "--workers", setting.workers,
                     *setting.extra]
            tls = ["--tls-certificate", values["CERTIFICATE"], "--tls-key", values["KEY"]]
            return words + (tls if setting.tls else [])
        if self.peer.name == "sse-sidecar":
            listen = "--tls-listen" if setting.tls else "--listen"
            words = [listen, f"127.0.0.1:{values['PORT']}", "--upstream", f"http://127.0.0.1:{values['ORIGIN']}",
                     "--admin", f"127.0.0.1:{free_port()}", "--workers", setting.workers, *setting.extra]
            if setting.tls:
                words += ["--tls-certificate", values["CERTIFICATE"], "--tls-key", values["KEY"]]
            return words if setting.log else words + ["--log-level", "off"]
        return [word.format(folder=self.folder) for word in self.peer.argv]

    def start(self):
        home = {name: str(self.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        self.program = Program(self.peer.name, self.argv, self.folder, self._cpus, {**home, **self.peer.env})
        try:
            self.program.wait_for_port(self.port)
            self._wait_until_quiet()
        except BaseException:
            self.program.stop()
            raise

    def _wait_until_quiet(self):
        """Some still read, fork and start threads when they listen already."""
        before, deadline = None, time.monotonic() + 3
        while time.monotonic() < deadline:
            now = [(pid, processor_time(pid)) for pid in self.pids]
            if now == before:
                return
            before = now
            time.sleep(0.05)

    @property
    def pids(self):
        return self.program.pids

    def stop(self, patience=3):
        self.program.stop(patience)


def version(peer):
    if not peer.version:
        return "built with the benchmarks"
    said = subprocess.run([peer.find(), *peer.version], capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    number = re.search(r"v?(\d+\.\d+(\.\d+)?)", said.stdout + said.stderr)
    return number[1] if number else "?"
