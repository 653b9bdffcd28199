"""A client that vanishes without a word (no FIN, no reset, no acknowledgement) is found, and its backend released."""

import ctypes
import json
import os
import socket
import subprocess
import tempfile
import time
import unittest

from harness import main, require

CLONE_NEWNET = 0x40000000


class Vanished(unittest.TestCase):
    def setUp(self):
        require("ip")
        # A network of this process's own: its loopback interface can be switched off under a connection.
        if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
            self.skipTest("needs a network namespace of its own: run as root")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def start(self, write_timeout):
        backend = socket.socket(socket.AF_UNIX)
        self.addCleanup(backend.close)
        backend.bind(os.path.join(self.folder.name, "app.sock"))
        backend.listen()
        backend.settimeout(5)
        path = os.path.join(self.folder.name, "sidecar.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"listeners: [{{address: '127.0.0.1:0'}}]\nlimits: {{write_timeout: {write_timeout}}}\n"
                       f"upstreams: {{app: {{url: 'unix:{self.folder.name}/app.sock'}}}}\n"
                       "defaults: {event_stream: {heartbeat: {interval: 500ms}}}\n")
        sidecar = subprocess.Popen([os.environ["SIDECAR_BINARY"], "--config", path, "--log-format", "json",
                                    "--admin", "off"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (sidecar.terminate(), sidecar.communicate()))
        host, port = json.loads(sidecar.stdout.readline())["address"].split(":")
        return backend, (host, int(port)), sidecar

    def test_a_stream_to_nobody_ends(self):
        backend, address, sidecar = self.start("1s")
        client = socket.create_connection(address, timeout=5)
        self.addCleanup(client.close)
        client.sendall(b"GET /events HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n")
        server, _ = backend.accept()
        self.addCleanup(server.close)
        server.settimeout(40)
        server.recv(4096)
        server.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n")
        self.assertIn(b"200 OK", client.recv(4096))
        subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
        gone = time.monotonic()
        try:
            self.assertEqual(server.recv(1), b"", "the backend's connection is closed")
        except ConnectionResetError:
            pass
        took = time.monotonic() - gone
        # write_timeout and ten seconds, with the kernel's own slack; without a limit it takes a quarter of an hour
        self.assertLess(took, 30)
        lines = [json.loads(sidecar.stdout.readline()) for _ in range(3)]
        self.assertEqual((lines[2]["event"], lines[2]["reason"]), ("stream_close", "client_gone"), lines)


if __name__ == "__main__":
    main()
