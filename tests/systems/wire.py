"""HTTP/1.x by hand: a client that shows when each byte came, how a message was framed, and whether its end was an
honest one."""

import socket
import struct
import time

from harness import seconds


class Response:
    """A head, and a body that is read piece by piece; `end` tells how it ended: complete, truncated or reset."""

    def __init__(self, connection, method):
        self._connection = connection
        self.interim = []
        while True:
            lines = connection.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status, reason = (lines[0].split(" ", 2) + ["", ""])[:3]
            if status[:1] != "1" or status == "101":
                break
            self.interim.append(int(status))
        self.version, self.status, self.reason = version, int(status), reason
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        self.head_at = time.monotonic()
        self.end = None
        self.pieces = []
        self._method = method
        self._body = self._read_body()

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    @property
    def body(self):
        return b"".join(piece for _, piece in self.pieces)

    def __iter__(self):
        for piece in self._body:
            self.pieces.append((time.monotonic(), piece))
            yield self.pieces[-1]

    def read(self):
        for _ in self:
            pass
        return self.body

    def _read_body(self):
        if self.status == 101:
            self.end = "complete"
            return
        if self._method == "HEAD" or self.status in (204, 304):
            self.end = "complete"
            return
        try:
            if "chunked" in (self.get("Transfer-Encoding") or "").lower():
                yield from self._read_chunks()
            elif self.get("Content-Length") is not None:
                yield from self._read_counted(int(self.get("Content-Length")))
            else:
                yield from self._read_until_close()
            self.end = "complete"
        except EOFError:
            self.end = "truncated"
        except ConnectionResetError:
            self.end = "reset"

    def _read_chunks(self):
        while True:
            size = int(self._connection.read_until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self._connection.read_until(b"\r\n") != b"\r\n":
                    pass
                return
            yield from self._read_counted(size)
            if self._connection.read_exactly(2) != b"\r\n":
                raise ValueError("a chunk that does not end where it says")

    def _read_counted(self, left):
        while left:
            piece = self._connection.read_some(left)
            if not piece:
                raise EOFError
            left -= len(piece)
            yield piece

    def _read_until_close(self):
        while True:
            piece = self._connection.read_some(1 << 16)
            if not piece:
                return
            yield piece


class Connection:
    def __init__(self, port, timeout=20.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds(timeout))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.opened_at = time.monotonic()
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def request(self, method, target, fields=(), body=b"", version="HTTP/1.1"):
        """Sends a request and returns its response; `fields` may name Host and Content-Length to replace the usual
        ones."""
        self.send(head(method, target, fields, body, version) + body)
        return self.response(method)

    def response(self, method="GET"):
        return Response(self, method)

    def read_some(self, limit):
        if self._buffer:
            piece, self._buffer = self._buffer[:limit], self._buffer[limit:]
            return piece
        return self.socket.recv(limit)

    def read_exactly(self, count):
        while len(self._buffer) < count:
            self._fill()
        piece, self._buffer = self._buffer[:count], self._buffer[count:]
        return piece

    def read_until(self, mark):
        while mark not in self._buffer:
            self._fill()
        end = self._buffer.index(mark) + len(mark)
        piece, self._buffer = self._buffer[:end], self._buffer[end:]
        return piece

    def _fill(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise EOFError(f"the connection ended behind {self._buffer!r}")
        self._buffer += piece


def head(method, target, fields=(), body=b"", version="HTTP/1.1"):
    fields = list(fields.items() if isinstance(fields, dict) else fields)
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "portal.example"))
    if (body or method in ("POST", "PUT", "PATCH")) and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    target = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + target + b" " + version.encode()]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def fetch(port, target, method="GET", fields=(), body=b"", version="HTTP/1.1", timeout=20.0):
    """One request on a connection of its own, its response read to the end."""
    with Connection(port, timeout) as connection:
        response = connection.request(method, target, fields, body, version)
        response.read()
        return response


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
