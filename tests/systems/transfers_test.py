"""Large files both ways, and curl's ways to send them: what arrives is what was sent, and the sidecar keeps none of
it."""

import hashlib
import json
import os

from harness import SANITIZED, Case, main, run, seconds
from wire import Connection

MEBIBYTE = 1 << 20
BLOCK = bytes(range(256)) * 256


class TransferCases(Case):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.gunicorn(worker="gthread", threads=8)
        cls.sidecar = systems.sidecar(cls.backend.port)

    def url(self, path):
        return f"http://127.0.0.1:{self.sidecar.port}{path}"

    def curl(self, *argv, data=None):
        done = run("curl", "--silent", "--show-error", "--max-time", str(seconds(60)), *argv, data=data, timeout=70)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done

    def large_file(self, megabytes):
        path = self.systems.folder / f"large-{megabytes}"
        digest = hashlib.sha256()
        with open(path, "wb") as file:
            for number in range(megabytes):
                block = hashlib.sha256(b"%d" % number).digest() * (MEBIBYTE // 32)
                digest.update(block)
                file.write(block)
        return path, digest.hexdigest()

    def assert_little_memory(self):
        if not SANITIZED:  # sanitizers keep what was freed
            self.assertLess(self.sidecar.peak_memory(), 64 * MEBIBYTE)


class Downloads(TransferCases):
    def download(self, target):
        digest, size = hashlib.sha256(), 0
        with Connection(self.sidecar.port) as connection:
            answer = connection.request("GET", target)
            for _, piece in answer:
                digest.update(piece)
                size += len(piece)
                answer.pieces.clear()
        self.assertEqual(answer.end, "complete")
        return size, digest.hexdigest(), answer

    def test_a_hundred_megabytes_arrive(self):
        expected = hashlib.sha256(BLOCK * (100 * MEBIBYTE // len(BLOCK))).hexdigest()
        size, digest, answer = self.download("/download?mb=100")
        self.assertEqual((size, digest), (100 * MEBIBYTE, expected))
        self.assertEqual(answer.all("Content-Length"), [])
        size, digest, answer = self.download("/download?mb=100&counted=1")
        self.assertEqual((size, digest), (100 * MEBIBYTE, expected))
        self.assertEqual(answer.all("Content-Length"), [str(100 * MEBIBYTE)])
        self.assert_little_memory()


class Uploads(TransferCases):
    def test_a_form_with_fifty_megabytes_arrives(self):
        path, digest = self.large_file(50)
        small, small_digest = self.large_file(1)
        done = self.curl("-F", f"file=@{path}", "-F", f"file=@{small};filename=gr\u00f6\u00dfe.bin",
                         "-F", "note=zwei Dateien", self.url("/upload"))
        answer = json.loads(done.stdout)
        self.assertEqual(answer["files"], [["file", path.name, 50 * MEBIBYTE, digest],
                                           ["file", "gr\u00f6\u00dfe.bin", MEBIBYTE, small_digest]])
        self.assertEqual(answer["form"], {"note": "zwei Dateien"})
        self.assert_little_memory()

    def test_a_put_in_chunks_arrives(self):
        path, digest = self.large_file(20)
        done = self.curl("-T", "-", self.url("/upload/raw"), data=path.read_bytes())
        self.assertEqual(json.loads(done.stdout),
                         {"size": 20 * MEBIBYTE, "sha256": digest, "length": None, "coding": "chunked"})
        self.assert_little_memory()

    def test_a_put_with_a_length_arrives(self):
        path, digest = self.large_file(20)
        done = self.curl("-T", path, self.url("/upload/raw"))
        self.assertEqual(json.loads(done.stdout),
                         {"size": 20 * MEBIBYTE, "sha256": digest, "length": str(20 * MEBIBYTE), "coding": None})

    def test_an_empty_upload_arrives(self):
        for options in (["-X", "POST", "-d", ""], ["-T", "/dev/null"], ["-X", "POST", "-T", "-"]):
            done = self.curl(*options, self.url("/upload/raw"), data=b"")
            self.assertEqual(json.loads(done.stdout)["size"], 0, options)

    def test_continue_comes_from_the_backend(self):
        path, digest = self.large_file(2)
        done = self.curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", path,
                         self.url("/upload/raw"))
        self.assertIn(b"< HTTP/1.1 100 Continue", done.stderr)
        self.assertIn(b"< HTTP/1.1 201 ", done.stderr)
        self.assertEqual(json.loads(done.stdout)["sha256"], digest)

    def test_continue_for_a_body_in_chunks(self):
        path, digest = self.large_file(2)
        done = self.curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", "-",
                         self.url("/upload/raw"), data=path.read_bytes())
        self.assertIn(b"< HTTP/1.1 100 Continue", done.stderr)
        self.assertEqual(json.loads(done.stdout)["sha256"], digest)


class NodeUploads(TransferCases):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.node("plain")
        cls.sidecar = systems.sidecar(cls.backend.port)

    def test_a_server_that_looks_first_may_refuse_the_body(self):
        path, _ = self.large_file(50)
        done = self.curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-T", path,
                         self.url("/upload"))
        self.assertIn(b"< HTTP/1.1 401 ", done.stderr)
        self.assertIn(b'< WWW-Authenticate: Basic realm="uploads"', done.stderr)
        self.assertNotIn(b"100 Continue", done.stderr)
        self.assertEqual(done.stdout, b"who are you?")

    def test_a_server_that_looks_first_may_accept_it(self):
        path, digest = self.large_file(50)
        done = self.curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "-u", "me:x", "-T", path,
                         self.url("/upload"))
        self.assertIn(b"< HTTP/1.1 100 Continue", done.stderr)
        self.assertEqual(json.loads(done.stdout)["sha256"], digest)
        self.assert_little_memory()

    def test_nobody_waits_for_continue(self):
        """A client that says `Expect` and sends all the same, as curl does after a second."""
        body = os.urandom(100000)
        with Connection(self.sidecar.port) as connection:
            fields = {"Expect": "100-continue", "Authorization": "Basic eDp5"}
            answer = connection.request("POST", "/upload", fields, body)
            self.assertEqual(json.loads(answer.read())["sha256"], hashlib.sha256(body).hexdigest())

    def test_the_offer_of_h2c_is_dropped(self):
        done = self.curl("-v", "--http2", self.url("/echo"))
        self.assertIn(b"> Upgrade: h2c", done.stderr)
        self.assertIn(b"< HTTP/1.1 200 ", done.stderr)
        fields = json.loads(done.stdout)["fields"]
        self.assertFalse({name.lower() for name in fields[::2]} & {"upgrade", "http2-settings"}, fields)


if __name__ == "__main__":
    main()
