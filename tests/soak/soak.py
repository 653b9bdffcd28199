#!/usr/bin/env python3
"""Mixed abuse for minutes: see `./dev soak`. Exits with 0 when every ordinary client got its exact bytes and nothing
was left over: no descriptor, no leak, no reason that is not known."""

import argparse
import asyncio
import collections
import json
import os
import random
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from backend import Backend  # noqa: E402
from clients import Clients  # noqa: E402

REASONS = {"complete", "client_gone", "client_stalled", "upstream_reset", "upstream_truncated", "upstream_idle",
           "upstream_unreachable", "upstream_error", "upstream_timeout", "max_age", "drain", "forced", "limit",
           "protocol_error"}
RELOAD_EVERY = 2.0
CALM = 3.0
SETTLED_WITHIN = 30.0  # longer than every limit below

CONFIGURATION = """
listeners:
  - {{ address: "127.0.0.1:0", http2: translate }}
  - address: "127.0.0.2:0"
    http2: translate
    tls: {{ certificates: [{{ certificate: "{folder}/tls.crt", key: "{folder}/tls.key" }}], handshake_timeout: 2s }}
upstreams:
  app:
    url: "http://127.0.0.1:{port}"
    connect_timeout: 2s
    response_timeout: 5s
    keepalive: {{ idle_timeout: 1s }}
  secure:
    url: "https://127.0.0.1:{tls_port}"
    tls: {{ ca: "{folder}/tls.crt" }}
    connect_timeout: 2s
    response_timeout: 5s
    keepalive: {{ idle_timeout: 1s }}
routes:
  - {{ name: secure, match: {{ host: secure }}, upstream: secure }}
  - {{ name: app, upstream: app }}
defaults: {{ event_stream: {{ heartbeat: {{ interval: 200ms }} }} }}
limits: {{ head_timeout: 2s, idle_timeout: 3s, write_timeout: 3s, pending_bytes: 64KiB }}
log: {{ level: info, format: json }}
"""


class Sidecar:
    def __init__(self, binary, folder, backend):
        self._log, self._errors = os.path.join(folder, "log"), os.path.join(folder, "errors")
        configuration = os.path.join(folder, "sidecar.yaml")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder=folder, port=backend.port, tls_port=backend.tls_port))
        with open(self._log, "wb") as log, open(self._errors, "wb") as errors:
            self.process = subprocess.Popen([binary, "--config", configuration], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=errors)

    def ports(self):
        """Of its listeners, in their order."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            ports = [int(line["address"].rpartition(":")[2]) for line in self.lines() if line["event"] == "listening"]
            if len(ports) == 2:
                return ports
            time.sleep(0.05)
        raise SystemExit(f"the sidecar does not listen:\n{self.errors()}")

    def lines(self):
        with open(self._log, encoding="utf-8") as file:
            for text in file:
                if text.endswith("\n"):
                    yield json.loads(text)

    def errors(self):
        with open(self._errors, encoding="utf-8", errors="replace") as file:
            return file.read()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


async def reload_now_and_then(sidecar):
    while True:
        await asyncio.sleep(RELOAD_EVERY)
        sidecar.process.send_signal(signal.SIGHUP)


def make_certificate(folder):
    """One certificate, for the sidecar and for the backend; the sides of TLS in this process."""
    run = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
           "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt", "-subj", "/CN=localhost",
           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(run, check=True, stderr=subprocess.DEVNULL)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
    clients = {}
    for protocol in ("http/1.1", "h2"):
        clients[protocol] = ssl.create_default_context(cafile=f"{folder}/tls.crt")
        clients[protocol].set_alpn_protocols([protocol])
    return server, clients


async def abuse(sidecar, backend, tls, arguments):
    """Runs the clients to their end; what was seen, and the complaints."""
    ports = sidecar.ports()
    before = sidecar.descriptors()
    clients = Clients(ports, tls, backend, arguments.seed)
    until = asyncio.get_running_loop().time() + arguments.seconds
    # The last seconds are calm: a backend that goes away would hide connections to it that are left over.
    helpers = [asyncio.create_task(backend.come_and_go(until - CALM))]
    if arguments.reload:
        helpers.append(asyncio.create_task(reload_now_and_then(sidecar)))
    began = sidecar.resident_kb()
    await asyncio.gather(*(clients.go_on(until) for _ in range(arguments.clients)))
    for helper in helpers:
        helper.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)
    complaints = list(clients.wrongs)
    if sidecar.process.poll() is not None:
        return clients, [f"the sidecar ended by itself: {sidecar.process.returncode}", *complaints]
    deadline = time.monotonic() + SETTLED_WITHIN
    while sidecar.descriptors() > before and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    if (left := sidecar.descriptors() - before) > 0:
        complaints.append(f"{left} descriptors are left over")
    print(f"memory: {began} kB at the start, {sidecar.resident_kb()} kB at the end; descriptors: {before}, then "
          f"{sidecar.descriptors()}")
    return clients, complaints


def end(sidecar):
    """SIGTERM, and the complaints about how the program took it."""
    complaints = []
    sidecar.process.send_signal(signal.SIGTERM)
    try:
        code = sidecar.process.wait(20)
    except subprocess.TimeoutExpired:
        sidecar.process.kill()
        code = sidecar.process.wait()
        complaints.append("SIGTERM did not end it within 20 s")
    if code != 0:
        complaints.append(f"exit code {code} instead of 0")
    if sidecar.errors():
        complaints.append(f"it wrote to stderr:\n{sidecar.errors()[:20000]}")
    return complaints


def judge_log(sidecar):
    """Prints how often each reason was given; the complaints about those that nobody knows."""
    reasons, complaints = collections.Counter(), []
    for line in sidecar.lines():
        if line["event"] in ("request", "stream_close"):
            reasons[line.get("reason", "complete")] += 1
        elif line["event"] == "log_dropped":
            complaints.append(f"the log lost lines: {line}")
    complaints += [f"unknown reason {reason!r}" for reason in reasons.keys() - REASONS]
    print("reasons: " + ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()))
    return complaints


async def run(arguments, folder):
    server_tls, client_tls = make_certificate(folder)
    backend = Backend(arguments.seed, server_tls)
    await backend.start()
    sidecar = Sidecar(arguments.binary, folder, backend)
    try:
        clients, complaints = await abuse(sidecar, backend, client_tls, arguments)
        complaints += end(sidecar)
    finally:
        if sidecar.process.poll() is None:
            sidecar.process.kill()
            sidecar.process.wait()
        await backend.stop()
    print("clients: " + ", ".join(f"{name} {count}" for name, count in clients.deeds.most_common()))
    print(f"excused, because the backend was restarted ({backend.restarts - 1} times): {sum(clients.excused.values())}")
    return complaints + judge_log(sidecar), sum(clients.deeds.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=60, help="how many at once")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--reload", action="store_true", help=f"SIGHUP every {RELOAD_EVERY:.0f} s")
    arguments = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    print(f"soak: {arguments.seconds:.0f} s, {arguments.clients} clients at once, seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sidecar-soak-") as folder:
        complaints, count = asyncio.run(run(arguments, folder))
    for complaint in complaints[:50]:
        print(f"WRONG: {complaint}")
    print(f"soak: {count} clients, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
