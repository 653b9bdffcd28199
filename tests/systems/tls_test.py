"""TLS as others speak it: an nginx that verifies the sidecar behind it, and curl, with and without HTTP/2."""

import subprocess

from harness import Case, Front, find, main, require, seconds
from wire import Connection


class Tls(Case):
    @classmethod
    def start(cls, systems):
        require("curl")
        systems.certificate()
        files = {"certificate": str(systems.folder / "tls.crt"), "key": str(systems.folder / "tls.key")}
        cls.backend = systems.gunicorn()
        cls.sidecar = systems.sidecar(cls.backend.port, listener={"tls": {"certificates": [files]}})
        cls.front = Front(cls.sidecar.port, "1.1", tls_behind=True)
        systems.nginx(cls.front)

    def curl(self, *options):
        target = f"https://portal.example:{self.sidecar.port}/api/echo"
        return subprocess.run(
            [find("curl"), "-sS", "--max-time", str(seconds(10)), "--cacert", self.systems.folder / "tls.crt",
             "--resolve", f"portal.example:{self.sidecar.port}:127.0.0.1", "-o", "/dev/null",
             "-w", "%{http_version} %{response_code} %{ssl_verify_result}", *options, target],
            capture_output=True, text=True, check=False).stdout

    def test_an_nginx_that_verifies_it_gets_events_and_heartbeats(self):
        with Connection(self.front.port) as connection:
            response = connection.request("GET", "/ticker?name=tls", {"Accept": "text/event-stream"})
            self.assertEqual(response.status, 200)
            self.assertTrue(next(iter(response)))
        line = self.sidecar.wait_for_line(event="stream_close")
        self.assertEqual(line["reason"], "client_gone")

    def test_nginx_keeps_its_connections(self):
        for _ in range(3):
            with Connection(self.front.port) as connection:
                self.assertEqual(connection.request("GET", "/api/echo").status, 200)

    def test_curl_with_http1(self):
        self.assertEqual(self.curl("--http1.1"), "1.1 200 0")

    def test_curl_with_http2_is_moved_to_http1(self):
        self.assertEqual(self.curl("--http2"), "1.1 200 0")
        self.assertEqual(self.sidecar.wait_for_line(event="downgrade")["how"], "alpn")


if __name__ == "__main__":
    main()
