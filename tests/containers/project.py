"""conf/compose/compose.yaml as a project of its own name, on a Docker daemon that was found running.

Everything made here carries that name and is removed by it, also when the test is interrupted. The layers that a build
leaves in the daemon's cache stay there: the next build is faster.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "systems"))

from harness import free_port  # noqa: E402

BUILD_SECONDS = 1800


def call(*argv, timeout=90, env=None):
    """The output of a command; AssertionError with all that it said when it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=env)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)[:400]}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def docker(*argv, **options):
    return call("docker", *argv, **options)


def succeeds(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def find_compose():
    """The words that compose is called with; the test is skipped where it or the daemon is missing."""
    if os.environ.get("SIDECAR_CONTAINERS") != "1":
        raise unittest.SkipTest("takes minutes and an image: ./dev containers runs it")
    if not shutil.which("docker"):
        raise unittest.SkipTest("docker is not installed: ./dev containers installs it and runs this test")
    if not succeeds("docker", "version"):
        raise unittest.SkipTest("no Docker daemon can be reached: ./dev containers starts one and runs this test")
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]) and succeeds(*words, "version"):
            return words
    raise unittest.SkipTest("neither `docker compose` nor docker-compose is installed")


class Project:
    """The services `app` and `sidecar`; the sidecar is reached on `port` of 127.0.0.1."""

    def __init__(self):
        self._compose = find_compose()
        self.name = f"sidecar-test-{os.getpid()}"
        self.port = free_port()
        self.app_image = f"{self.name}-app-image"
        self._sidecar_image = f"{self.name}-sidecar-image"
        self._bystanders = []
        self._folder = Path(tempfile.mkdtemp(prefix="sidecar-containers-"))
        self._removed = False
        atexit.register(self.remove)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self._write("names", app={"image": self.app_image, "build": {"context": str(ROOT / "demo"), "network": "host"}},
                    sidecar={"image": self._sidecar_image, "build": {"context": str(ROOT), "network": "host"},
                             "environment": {"SSE_SIDECAR_HEARTBEAT_INTERVAL": "500ms"}})
        text = (HERE / "chunked_app.py").read_text().replace("$", "$$")
        self._write("chunked", app={"entrypoint": ["python3", "-c", text], "command": []})

    def _write(self, name, **services):
        (self._folder / f"{name}.json").write_text(json.dumps({"services": services}))

    def compose(self, *argv, chunked=False, **options):
        files = [ROOT / "conf/compose/compose.yaml", self._folder / "names.json"]
        files += [self._folder / "chunked.json"] if chunked else []
        words = [word for file in files for word in ("-f", str(file))]
        return call(*self._compose, "-p", self.name, *words, *argv, env={**os.environ, "PORT": str(self.port)},
                    **options)

    def build(self):
        self.compose("build", timeout=BUILD_SECONDS)

    def container(self, service):
        found = self.compose("ps", "-q", service)
        if len(found.split()) != 1:
            raise AssertionError(f"{service} is not one container: {found!r}")
        return found

    def address(self, container):
        networks = inspect(container)["NetworkSettings"]["Networks"]
        return next(iter(networks.values()))["IPAddress"]

    def bystander(self, *command):
        """A container of the application's image in the project's network, which runs this command instead."""
        name = f"{self.name}-bystander-{len(self._bystanders)}"
        self._bystanders.append(name)
        docker("run", "-d", "--name", name, "--network", f"{self.name}_default", "--entrypoint", command[0],
               self.app_image, *command[1:])
        return name

    def remove(self):
        if self._removed:
            return
        self._removed = True
        left = []
        for step in ([lambda name=name: docker("rm", "-f", name) for name in self._bystanders]
                     + [lambda: self.compose("down", "--volumes", "--timeout", "1")]
                     + [lambda name=name: docker("image", "rm", name)
                        for name in (self.app_image, self._sidecar_image)
                        if succeeds("docker", "image", "inspect", name)]):
            try:
                step()
            except (AssertionError, subprocess.TimeoutExpired) as problem:
                left.append(str(problem))
        shutil.rmtree(self._folder, ignore_errors=True)
        if left:
            raise AssertionError("not removed:\n" + "\n".join(left))


def inspect(container):
    return json.loads(docker("container", "inspect", container))[0]


def log_lines(container):
    """The objects of the sidecar's lifecycle log; not those that it wrote before it was last started."""
    done = subprocess.run(["docker", "logs", "--since", inspect(container)["State"]["StartedAt"], container],
                          capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
