"""What every case shares: programs that are started on loopback and ended by their process id, and the clock's unit.

Nothing outlives a test: every program is ended by its cleanup, and dies with this process if that is killed.
"""

import atexit
import concurrent.futures
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"
PYTHON = "/usr/bin/python3"
PACKAGES = {"nginx": "nginx", "haproxy": "haproxy", "gunicorn": "gunicorn", "node": "nodejs", "php": "php-cli",
            "curl": "curl", "openssl": "openssl", "nghttp": "nghttp2-client",
            "h2load": "nghttp2-client", PYTHON: "python3"}
SANITIZED = bool(os.environ.get("SIDECAR_SANITIZE"))
SLOW = float(os.environ.get("SIDECAR_TEST_SLOW") or (1.5 if SANITIZED else 1))
HEARTBEAT = 0.3      # the sidecar's heartbeat interval
READ_TIMEOUT = 1.0   # nginx' proxy_read_timeout
DRAINED = 3.0        # how long a sidecar without clients may take to end
SILENCE = 3.0        # how long the legacy applications say nothing: three times what nginx allows


os.environ["APP_SLOW"] = str(SLOW)  # the streams of apps/ play at this pace
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"  # everything here is on loopback


def seconds(value):
    """A time on the wall, stretched for builds that are slow on purpose (SIDECAR_TEST_SLOW)."""
    return value * SLOW


def milliseconds(value):
    return f"{int(seconds(value) * 1000)}ms"


# --- what the machine has -------------------------------------------------------------------------------------

class Missing(Exception):
    pass


def require(*programs, modules=()):
    """Fails, or with SIDECAR_SKIP_SYSTEMS=1 skips, when a program or a module of Debian's python3 is not installed."""
    absent = [PACKAGES[name] for name in programs if not find(name)]
    for module in modules:
        if subprocess.run([PYTHON, "-I", "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode != 0:
            absent.append(f"python3-{module}")
    if absent:
        line = f"missing packages: apt-get install {' '.join(absent)}   (SIDECAR_SKIP_SYSTEMS=1 skips what needs them)"
        if os.environ.get("SIDECAR_SKIP_SYSTEMS") == "1":
            raise unittest.SkipTest(line)
        raise Missing(line)


def find(program):
    return shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin:" + os.environ.get("PATH", ""))


_claims = []


def free_port():
    """A port that no other test of this suite takes: below the ephemeral range, claimed by a name that ends
    with this process."""
    for step in range(12000):
        port = 20000 + (os.getpid() * 37 + step) % 12000
        claim = socket.socket(socket.AF_UNIX)
        probe = socket.socket()
        try:
            claim.bind(f"\0sse-sidecar-systems-{port}")
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            _claims.append(claim)
            return port
        except OSError:
            claim.close()
        finally:
            probe.close()
    raise RuntimeError("no free port")


# --- programs -------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_running = []


def _end_with_parent(by=signal.SIGKILL):
    return lambda: _libc.prctl(1, by)  # PR_SET_PDEATHSIG


@atexit.register
def _end_what_is_left():
    for program in list(_running):
        program.kill()


class Program:
    """A child process whose output is kept for the moment when a case fails."""

    def __init__(self, name, argv, folder, env=None, stop_with=signal.SIGTERM):
        self.name = name
        self.port = None
        self._stop_with = stop_with
        self._output = open(folder / f"{name}.log", "ab+", buffering=0)
        clean = {key: value for key, value in os.environ.items()
                 if not key.startswith(("PYTHON", "SSE_SIDECAR_", "FLASK_"))}
        clean.update(LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")
        clean.update(env or {})
        self.process = subprocess.Popen([find(argv[0]) or argv[0], *map(str, argv[1:])], cwd=folder, env=clean,
                                        stdin=subprocess.DEVNULL, stdout=self._stdout(), stderr=self._output,
                                        preexec_fn=_end_with_parent(stop_with))
        _running.append(self)

    def _stdout(self):
        return self._output

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")

    def wait_for_port(self):
        deadline = time.monotonic() + seconds(20)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.output()}") from None
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.name} never listened on {self.port}:\n{self.output()}") from None
                time.sleep(0.02)

    def stop(self, patience=10.0):
        """Asks the program to end and returns its exit status; None when it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(self._stop_with)
            try:
                self.process.wait(seconds(patience))
            except subprocess.TimeoutExpired:
                self.kill()
                return None
        self._forget()
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self):
        if self in _running:
            _running.remove(self)


class Sidecar(Program):
    """The binary under test; `lines` are the objects of its lifecycle log."""

    def __init__(self, folder, upstream_port, *options, listener=None, config=None):
        """`listener`: keys of a configuration file's listener, and `config` of the file, where options do not reach."""
        binary = os.environ.get("SIDECAR_BINARY")
        if not binary or not os.access(binary, os.X_OK):
            raise RuntimeError(f"SIDECAR_BINARY names no program: {binary!r}")
        self.lines = []
        self._news = threading.Condition()
        self._closed = False
        listen = ["--listen", "127.0.0.1:0"]
        if listener:
            file = folder / f"sidecar-{upstream_port}.yaml"
            file.write_text(json.dumps({"listeners": [{"address": "127.0.0.1:0", **listener}], **(config or {})}))
            listen = ["--config", file]
        argv = [binary, *listen, "--upstream", f"http://127.0.0.1:{upstream_port}",
                "--heartbeat-interval", milliseconds(HEARTBEAT), "--log-format", "json", *options]
        super().__init__(f"sidecar-{upstream_port}", argv, folder, env={"SSE_SIDECAR_ADMIN": "off"})
        threading.Thread(target=self._read_lines, daemon=True).start()
        try:
            self.port = int(self.wait_for_line(event="listening")["address"].rpartition(":")[2])
        except AssertionError:
            self.kill()
            raise

    def _stdout(self):
        return subprocess.PIPE

    def _read_lines(self):
        for raw in self.process.stdout:
            self._output.write(raw)
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"event": "not JSON", "raw": raw.decode("utf-8", "replace")}
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self._closed = True
            self._news.notify_all()

    def matching(self, **wanted):
        return [line for line in self.lines if all(line.get(key) == value for key, value in wanted.items())]

    def wait_for_line(self, timeout=10.0, **wanted):
        with self._news:
            said = self._news.wait_for(lambda: self._closed or self.matching(**wanted), seconds(timeout))
            if not said or not self.matching(**wanted):
                raise AssertionError(f"no log line with {wanted}; the program said:\n{self.output()}")
            return self.matching(**wanted)[0]

    def peak_memory(self):
        """VmHWM in bytes: the most that this process ever held."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")


class Front:
    """One server block of an nginx that stands in front; buffering is left at its default, which is on."""

    def __init__(self, upstream_port, version=None, tls=False, upgrade=False, tls_behind=False,
                 read_timeout=READ_TIMEOUT):
        self.upstream_port, self.version, self.tls, self.upgrade = upstream_port, version, tls, upgrade
        self.read_timeout = read_timeout
        self.tls_behind = tls_behind  # and what is there has to show the certificate of Systems.certificate()
        self.port = free_port()

    def block(self):
        lines = [f"listen 127.0.0.1:{self.port}{' ssl http2' if self.tls else ''};"]
        if self.tls:
            lines += ["ssl_certificate tls.crt;", "ssl_certificate_key tls.key;"]
        proxy = [f"proxy_pass http{'s' if self.tls_behind else ''}://127.0.0.1:{self.upstream_port};",
                 f"proxy_read_timeout {milliseconds(self.read_timeout)};", "proxy_set_header Host $host;"]
        if self.tls_behind:
            proxy += ["proxy_ssl_verify on;", "proxy_ssl_trusted_certificate tls.crt;",
                      "proxy_ssl_name portal.example;"]
        if self.version:
            proxy.append(f"proxy_http_version {self.version};")
        if self.upgrade:  # as found in the wild: no map, so every request says `Connection: upgrade`
            proxy += ["proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Connection "upgrade";']
        elif self.version == "1.1":
            proxy.append('proxy_set_header Connection "";')
        return "server {\n" + "\n".join(lines) + "\nlocation / {\n" + "\n".join(proxy) + "\n}\n}\n"


class Systems:
    """The programs of one test class."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sidecar-systems-"))
        self.programs = []
        self.journal_path = self.folder / "journal.txt"
        self.journal_path.touch()

    def close(self):
        complaints = []
        for program in reversed(self.programs):
            began = time.monotonic()
            status = program.stop()
            if isinstance(program, Sidecar) and time.monotonic() - began > seconds(DRAINED):
                waited = time.monotonic() - began
                complaints.append(f"{program.name} waited {waited:.1f} s for clients that have long left\n"
                                  f"{program.output()}")
            if isinstance(program, Sidecar) and status not in (0, -signal.SIGKILL):
                complaints.append(f"{program.name} should have ended with 0 on SIGTERM, but: {status}\n"
                                  f"{program.output()}")
            elif isinstance(program, Sidecar) and ("Sanitizer" in program.output()
                                                   or "runtime error:" in program.output()):
                complaints.append(f"a sanitizer spoke:\n{program.output()}")
        shutil.rmtree(self.folder, ignore_errors=True)
        if complaints:
            raise AssertionError("\n".join(complaints))

    def journal(self):
        """What the applications wrote down: one line an occurrence."""
        return self.journal_path.read_text().splitlines()

    def wait_for_journal(self, line, timeout):
        deadline = time.monotonic() + seconds(timeout)
        while line not in self.journal():
            if time.monotonic() > deadline:
                raise AssertionError(f"{line!r} was not in the journal within {timeout} s: {self.journal()}")
            time.sleep(0.01)
        return time.monotonic()

    def _keep(self, program):
        self.programs.append(program)
        return program

    def _listening(self, program, port):
        program.port = port
        return self._keep(program).wait_for_port()

    def _env(self, **extra):
        return {"JOURNAL": str(self.journal_path), "SILENCE": str(seconds(SILENCE)), "APP_SLOW": str(SLOW), **extra}

    # backends, each an application of apps/ under a server that others wrote

    def gunicorn(self, app="portal:app", worker="gthread", workers=1, threads=16, keep_alive=None, port=None):
        require(PYTHON, "gunicorn", modules=["flask"])
        port = port or free_port()
        argv = [PYTHON, "/usr/bin/gunicorn", "--bind", f"127.0.0.1:{port}", "--chdir", APPS, "--preload",
                "--worker-class", worker, "--workers", workers, "--worker-tmp-dir", "/dev/shm",
                "--graceful-timeout", 1]
        if worker == "gthread":
            argv += ["--threads", threads]
        if keep_alive:
            argv += ["--keep-alive", keep_alive]
        # SIGINT: gunicorn's quick shutdown, SIGTERM waits for what is still running
        program = Program(f"gunicorn-{port}", argv + [app], self.folder, self._env(), stop_with=signal.SIGINT)
        return self._listening(program, port)

    def flask_dev(self, app="portal"):
        require(PYTHON, modules=["flask"])
        port = free_port()
        argv = [PYTHON, "-m", "flask", "--app", APPS / f"{app}.py", "run", "--port", port]
        return self._listening(Program(f"flask-{port}", argv, self.folder, self._env(), stop_with=signal.SIGKILL), port)

    def node(self, app, port=None, **env):
        require("node")
        port = port or free_port()
        argv = ["node", APPS / f"{app}.js", port]
        return self._listening(Program(f"node-{app}-{port}", argv, self.folder, self._env(**env)), port)

    def python_http(self, app="shelf"):
        require(PYTHON)
        port = free_port()
        argv = [PYTHON, APPS / f"{app}.py", port]
        return self._listening(Program(f"python-{port}", argv, self.folder, self._env()), port)

    def php(self):
        require("php")
        port = free_port()
        argv = ["php", "-n", "-S", f"127.0.0.1:{port}", "-t", APPS / "php", APPS / "php" / "router.php"]
        return self._listening(Program(f"php-{port}", argv, self.folder, self._env()), port)

    # what stands in front of them

    def sidecar(self, upstream_port, *options, **configured):
        return self._keep(Sidecar(self.folder, upstream_port, *options, **configured))

    def haproxy(self, upstream_port, *servers, bind="127.0.0.1"):
        """A TCP load balancer with a port for each line of server options; returns these ports."""
        require("haproxy")
        ports = [free_port() for _ in servers]
        sections = "".join(f"listen l{port}\nbind {bind}:{port}\nserver s 127.0.0.1:{upstream_port} {options}\n"
                           for port, options in zip(ports, servers))
        name = f"haproxy-{ports[0]}"
        (self.folder / f"{name}.cfg").write_text(
            "global\nmaxconn 100\ndefaults\nmode tcp\ntimeout connect 10s\ntimeout client 60s\n"
            f"timeout server 60s\n{sections}")
        haproxy = Program(name, ["haproxy", "-db", "-f", self.folder / f"{name}.cfg"], self.folder,
                          stop_with=signal.SIGKILL)  # on SIGTERM it waits for its clients
        self._keep(haproxy)
        for haproxy.port in ports:
            haproxy.wait_for_port()
        return ports

    def nginx(self, *fronts):
        require("nginx")
        if any(front.tls for front in fronts):
            self.certificate()
        blocks = "".join(front.block() for front in fronts)
        temporary = "".join(f"{kind}_temp_path {kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        name = f"nginx-{fronts[0].port}"
        (self.folder / f"{name}.conf").write_text(
            f"daemon off;\nmaster_process off;\npid {name}.pid;\nerror_log stderr info;\n"
            "events { worker_connections 512; }\n"
            f"http {{\naccess_log off;\nclient_max_body_size 0;\n{temporary}{blocks}}}\n")
        argv = ["nginx", "-p", self.folder, "-e", "stderr", "-c", self.folder / f"{name}.conf"]
        nginx = Program(name, argv, self.folder)
        for front in fronts:
            nginx.port = front.port
            nginx.wait_for_port()
        return self._keep(nginx)

    def certificate(self):
        """Makes tls.crt and tls.key for portal.example in the folder, unless they are there."""
        if (self.folder / "tls.crt").exists():
            return
        require("openssl")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=portal.example", "-keyout", "tls.key",
                        "-out", "tls.crt"],
                       cwd=self.folder, check=True, capture_output=True)


# --- cases ----------------------------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """A test class with the programs of `start(systems)`; their output is shown when one of its cases fails.

    A class whose name ends in "Cases" only holds cases for others.
    """

    maxDiff = None
    longMessage = True

    @classmethod
    def setUpClass(cls):
        if cls.__name__.endswith("Cases"):
            raise unittest.SkipTest("holds cases for others")
        cls.systems = Systems()
        try:
            cls.start(cls.systems)
        except BaseException:
            try:
                cls.systems.close()
            except AssertionError as complaint:
                print(complaint, file=sys.stderr)
            raise
        cls.addClassCleanup(cls.systems.close)

    @classmethod
    def start(cls, systems):
        pass

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        said = {program: len(program.output()) for program in self.systems.programs}
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for program in self.systems.programs:
                output = program.output()[said.get(program, 0):]
                print(f"--- meanwhile {program.name} said\n{output[-3000:]}", file=sys.stderr)
        return result


def together(calls):
    """Runs the calls of a dictionary at the same time and returns their results by the same names; an exception
    is a result."""
    def guarded(call):
        try:
            return call()
        except Exception as problem:  # handed to the case that asks for this result
            return problem
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(calls)) as pool:
        futures = {name: pool.submit(guarded, call) for name, call in calls.items()}
        return {name: future.result() for name, future in futures.items()}


def run(*argv, timeout=60.0, data=None, cwd=None):
    """A client program from start to end; its output as bytes."""
    require(argv[0])
    return subprocess.run([find(argv[0]), *map(str, argv[1:])], input=data,
                          stdin=None if data is not None else subprocess.DEVNULL, capture_output=True,
                          timeout=seconds(timeout), cwd=cwd, preexec_fn=_end_with_parent())


def main():
    """Runs the classes named on the command line; 77 when everything was skipped, which ctest knows as a
    skipped test."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful() or result.testsRun == 0 and not result.skipped:
        sys.exit(1)
    sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
