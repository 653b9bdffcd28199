"""A restarted backend has a new address: its name is looked up again, within dns_ttl when a connect fails."""

import ctypes
import http.server
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from harness import free_port, main, seconds

CLONE_NEWNS = 0x00020000


class Backend(http.server.ThreadingHTTPServer):
    """Answers with the address that it listens on."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.server.server_address[0].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    def __init__(self, address, port):
        super().__init__((address, port), Backend.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Names(unittest.TestCase):
    def setUp(self):
        # This process, which is the test's own, sees a hosts file of ours from here on; nobody else does.
        if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
            self.skipTest("needs a mount namespace of its own: run as root")
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.hosts = os.path.join(self.folder.name, "hosts")
        self.name_is("127.0.0.1")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "--bind", self.hosts, "/etc/hosts"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)

    def name_is(self, address):
        with open(self.hosts, "w", encoding="ascii") as file:
            file.write(f"127.0.0.1 localhost\n{address} legacy-app\n")

    def start(self, port, dns_ttl):
        path = os.path.join(self.folder.name, "sidecar.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"listeners: [{{address: '127.0.0.1:0'}}]\nupstreams:\n  app:\n"
                       f"    {{url: 'http://legacy-app:{port}', dns_ttl: {dns_ttl}, keepalive: {{max_idle: 0}}}}\n")
        sidecar = subprocess.Popen([os.environ["SIDECAR_BINARY"], "--config", path, "--log-format", "json",
                                    "--admin", "off"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (sidecar.terminate(), sidecar.communicate()))
        return "http://" + json.loads(sidecar.stdout.readline())["address"]

    def fetch(self, url):
        try:
            with urllib.request.urlopen(url, timeout=seconds(5)) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"

    def test_a_connect_that_fails_asks_for_the_name_again(self):
        port = free_port()
        self.name_is("127.0.0.2")
        old = Backend("127.0.0.2", port)
        url = self.start(port, "1h")
        self.assertEqual(self.fetch(url), "127.0.0.2")
        time.sleep(0.6)  # addresses younger than half a second are believed
        old.end()
        new = Backend("127.0.0.3", port)
        self.addCleanup(new.end)
        self.name_is("127.0.0.3")
        self.assertEqual(self.fetch(url), "127.0.0.3")

    def test_an_address_is_believed_for_dns_ttl_only(self):
        port = free_port()
        self.name_is("127.0.0.2")
        for address in ("127.0.0.2", "127.0.0.3"):
            self.addCleanup(Backend(address, port).end)
        url = self.start(port, "1s")
        self.assertEqual(self.fetch(url), "127.0.0.2")
        self.name_is("127.0.0.3")
        self.assertEqual(self.fetch(url), "127.0.0.2", "still fresh")
        time.sleep(1.1)
        self.assertEqual(self.fetch(url), "127.0.0.3")

    def test_a_name_that_nobody_knows_says_so(self):
        self.name_is("127.0.0.2")
        url = self.start(free_port(), "5s")
        with open(self.hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n")
        answer = self.fetch(url)
        self.assertTrue(answer.startswith("502"), answer)
        self.assertIn("name not resolved", answer)


if __name__ == "__main__":
    main()
