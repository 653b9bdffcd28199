"""Behind a TCP load balancer: who the client is comes from HAProxy's PROXY header, and from nothing else."""

import json
import time

from harness import Case, main, seconds
from wire import Connection

SENDERS = {
    "a line": "send-proxy",
    "binary": "send-proxy-v2",
    "binary with a checksum": "send-proxy-v2 proxy-v2-options crc32c",
    "binary with extensions": "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl",
}


class ProxyProtocol(Case):
    @classmethod
    def start(cls, systems):
        cls.backend = systems.gunicorn()
        cls.sidecar = systems.sidecar(cls.backend.port, listener={"proxy_protocol": True})
        cls.ports = dict(zip(SENDERS, systems.haproxy(cls.sidecar.port, *SENDERS.values())))
        # The same from a listener of IPv6 for clients of IPv4, which shows them as ::ffff:127.0.0.1.
        mapped = systems.haproxy(cls.sidecar.port, "send-proxy", "send-proxy-v2", bind="ipv6@[::ffff:127.0.0.1]")
        cls.ports.update(zip(["a line, mapped", "binary, mapped"], mapped))

    def test_the_client_is_known_by_its_own_address(self):
        for number, (name, port) in enumerate(self.ports.items()):
            with self.subTest(name), Connection(port) as connection:
                own = "%s:%d" % connection.socket.getsockname()
                for path in (f"/api/echo/{number}/a", f"/api/echo/{number}/b"):
                    response = connection.request("GET", path)
                    self.assertEqual(json.loads(response.read())["target"], path)
                    self.assertEqual(self.sidecar.wait_for_line(event="request", path=path)["client"], own)

    def test_so_is_the_client_of_a_stream(self):
        with Connection(self.ports["binary"]) as connection:
            own = "%s:%d" % connection.socket.getsockname()
            next(iter(connection.request("GET", "/ticker?name=pp", {"Accept": "text/event-stream"})))
            self.assertEqual(self.sidecar.wait_for_line(event="stream_open")["client"], own)


class Checks(Case):
    """HAProxy's own connections say LOCAL and nothing more."""

    @classmethod
    def start(cls, systems):
        cls.backend = systems.gunicorn()
        cls.sidecar = systems.sidecar(cls.backend.port, listener={"proxy_protocol": True})
        [cls.port] = systems.haproxy(cls.sidecar.port, "send-proxy-v2 check check-send-proxy inter 100ms")

    def test_leave_no_trace(self):
        time.sleep(seconds(1))
        with Connection(self.port) as connection:
            self.assertEqual(connection.request("GET", "/api/echo").status, 200)
        self.sidecar.wait_for_line(event="request")
        self.assertEqual(len(self.sidecar.matching(event="request")), 1, self.sidecar.lines)


class Untold(Case):
    """A balancer that was not told to send headers."""

    @classmethod
    def start(cls, systems):
        cls.backend = systems.gunicorn()
        cls.sidecar = systems.sidecar(cls.backend.port, listener={"proxy_protocol": True})
        [cls.port] = systems.haproxy(cls.sidecar.port, "")

    def test_is_cut_off_and_the_log_says_why(self):
        with Connection(self.port) as connection:
            with self.assertRaises((EOFError, ConnectionResetError)):
                connection.request("GET", "/api/echo")
        line = self.sidecar.wait_for_line(event="request")
        self.assertEqual(line["reason"], "protocol_error")
        self.assertEqual(line["detail"], "the connection does not begin with a PROXY header")


if __name__ == "__main__":
    main()
