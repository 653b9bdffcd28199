"""What clients do to the sidecar: ordinary things, whose every byte is compared, and abuse."""

import asyncio
import collections
import random
import socket

import h2.exceptions

from http2 import Deeds
from wire import LAST_CHUNK, chunk, content, drip, events, read_head, read_message, reset, send, without_heartbeats

PATIENCE = 60.0


class Wrong(Exception):
    """An ordinary client did not get what it is owed."""


class Corrupt(Wrong):
    """It got something else and was told that it is whole: no restart of a backend excuses that."""


class Clients(Deeds):
    """`deeds` counts what was done, `excused` what went wrong because the backend was being restarted, `wrongs` is what
    should never have happened."""

    _wrong, _corrupt = Wrong, Corrupt

    def __init__(self, ports, tls, backend, seed):
        """`ports`: the plain one, then the one where `tls` is spoken. Both take HTTP/2."""
        self.port, self.tls_port = ports
        self.tls, self.backend = tls, backend
        self.deeds, self.excused, self.wrongs = collections.Counter(), collections.Counter(), []
        self._random = random.Random(seed)
        self._ordinary = [self.get, self.upload, self.keep_alive, self.http10, self.pipeline, self.stream,
                          self.half_closed, self.slow_reader, self.tunnel, self.broken_backend, self.h2_requests,
                          self.h2_requests]
        self._abuse = [self.garbage, self.reset_anywhere, self.slow_head, self.slow_body, self.idle, self.unread,
                       self.leaves_stream, self.leaves_waiting, self.half_closed_tunnel, self.knocks,
                       self.half_a_handshake, self.h2_leaves, self.h2_unread, self.h2_rapid_resets,
                       self.h2_frames_that_ask_for_nothing, self.h2_endless_head, self.h2_garbage]

    async def go_on(self, until):
        """One client after the other, until the loop's time `until`."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            deed = self._random.choice(self._ordinary if self._random.random() < 0.6 else self._abuse)
            await self._do(deed)

    async def _do(self, deed):
        name, restarts, up = deed.__name__, self.backend.restarts, self.backend.up
        self.deeds[name] += 1
        try:
            await asyncio.wait_for(deed(), PATIENCE)
        except (Wrong, EOFError, OSError, ValueError, h2.exceptions.H2Error, asyncio.TimeoutError) as problem:
            undisturbed = up and restarts == self.backend.restarts
            never_right = isinstance(problem, (Corrupt, asyncio.TimeoutError))
            if never_right or deed in self._ordinary and undisturbed:
                self.wrongs.append(f"{name}: {type(problem).__name__} {problem}")
            elif deed in self._ordinary:
                self.excused[name] += 1
                await asyncio.sleep(0.3)

    async def _connect(self, receive_buffer=0, protocol="http/1.1", plain=False):
        """With TLS or without; `plain`: without."""
        tls = not plain and self._random.random() < 0.5
        raw = socket.socket()
        raw.setblocking(False)
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        options = {"ssl": self.tls[protocol], "server_hostname": "localhost"} if tls else {}
        address = ("127.0.0.2", self.tls_port) if tls else ("127.0.0.1", self.port)
        try:
            await asyncio.get_running_loop().sock_connect(raw, address)
            return Connection(*await asyncio.open_connection(sock=raw, limit=1 << 16, **options))
        except OSError:
            raw.close()
            raise

    # --- ordinary clients ---

    def _wish(self, framings=("length", "chunked", "close")):
        """A target and the body that its answer has."""
        seed, size = self._random.randrange(1000), int(self._random.paretovariate(0.5)) % 300000
        after = self._random.choice((0, 0, 0, 0.2))
        framing = self._random.choice(framings)
        return f"/content?seed={seed}&size={size}&framing={framing}&after={after}", content(seed, size)

    def _demand(self, message, body):
        if message.status != 200 or not message.whole:
            raise Wrong(f"{message.start_line!r}, whole: {message.whole}, {len(message.body)} of {len(body)} bytes")
        if message.body != body:
            raise Corrupt(f"{len(message.body)} bytes that are not the {len(body)} that were sent")

    async def get(self):
        target, body = self._wish()
        async with await self._connect() as connection:
            connection.write(get(target))
            self._demand(await read_message(connection.reader), body)

    async def upload(self):
        body = content(self._random.randrange(1000), int(self._random.paretovariate(0.5)) % 300000)
        framing = self._random.choice(("length", "chunked", "close"))
        async with await self._connect() as connection:
            head = f"POST /echo?framing={framing} HTTP/1.1\r\nHost: a\r\n".encode()
            if self._random.random() < 0.5:
                connection.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
                await connection.send(body)
            else:
                connection.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
                for at in range(0, len(body), 7777):
                    await connection.send(chunk(body[at:at + 7777]))
                connection.write(LAST_CHUNK)
            self._demand(await read_message(connection.reader), body)

    async def keep_alive(self):
        async with await self._connect() as connection:
            for _ in range(self._random.randrange(2, 6)):
                target, body = self._wish()
                connection.write(get(target))
                self._demand(await read_message(connection.reader), body)
                await asyncio.sleep(self._random.choice((0, 0.05)))

    async def http10(self):
        target, body = self._wish()
        async with await self._connect() as connection:
            connection.write(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            self._demand(await read_message(connection.reader, until_close=True), body)

    async def pipeline(self):
        wishes = [self._wish(("length", "chunked")) for _ in range(5)]
        async with await self._connect() as connection:
            connection.write(b"".join(get(target) for target, _ in wishes))
            for _, body in wishes:
                self._demand(await read_message(connection.reader), body)

    async def stream(self):
        seed, count = self._random.randrange(1000), self._random.randrange(1, 40)
        async with await self._connect() as connection:
            connection.write(get(f"/events?seed={seed}&count={count}&gap=0.6"))
            message = await read_message(connection.reader)
            message.body = without_heartbeats(message.body)
            self._demand(message, events(seed, count))

    async def half_closed(self):
        target, body = self._wish()
        async with await self._connect(plain=True) as connection:  # Python cannot do it with TLS.
            connection.write(get(target))
            connection.writer.write_eof()
            self._demand(await read_message(connection.reader), body)

    async def slow_reader(self):
        """More than the kernel's buffers take, so that the sidecar has to keep some of it."""
        seed, size = self._random.randrange(1000), self._random.randrange(5_000_000, 8_000_000)
        async with await self._connect(receive_buffer=1 << 15) as connection:
            connection.write(get(f"/content?seed={seed}&size={size}&framing=chunked"))
            await asyncio.sleep(self._random.uniform(0, 1))
            self._demand(await read_message(connection.reader), content(seed, size))

    async def tunnel(self):
        async with await self._connect() as connection:
            await connection.upgrade()
            for _ in range(self._random.randrange(1, 6)):
                said = content(self._random.randrange(1000), self._random.randrange(1, 5000))
                await connection.send(said)
                if await connection.reader.readexactly(len(said)) != said:
                    raise Wrong("the tunnel's echo differs")

    async def broken_backend(self):
        where = self._random.choice(("nothing", "head", "body", "garbage", "chunk"))
        how = self._random.choice(("reset", "close"))
        async with await self._connect() as connection:
            connection.write(get(f"/broken?where={where}&how={how}"))
            message = await read_message(connection.reader)
            if where in ("body", "chunk"):
                if message.whole or message.body not in (b"", b"half"):
                    raise Wrong(f"{where} {how}: a broken response was dressed up")
            elif message.status != 502 or not message.whole:
                raise Wrong(f"{where} {how}: {message.start_line!r}")

    # --- abuse ---

    async def garbage(self):
        async with await self._connect() as connection:
            connection.write(self._random.choice((
                self._random.randbytes(200) + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
                b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /" + b"a" * 100000)))
            await connection.reader.read()

    async def reset_anywhere(self):
        target, _ = self._wish()
        upload = b"POST /echo?framing=length HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
        whole = get(target) + upload + b"x" * 5000
        connection = await self._connect()
        connection.write(whole[:self._random.randrange(len(whole))])
        await asyncio.sleep(self._random.choice((0, 0, 0.01, 0.1)))
        reset(connection.writer)

    async def slow_head(self):
        async with await self._connect() as connection:
            await drip(connection.writer, get("/content?size=1&framing=length", "X-Long: " + "x" * 300), 0.2)
            await connection.reader.read()

    async def slow_body(self):
        connection = await self._connect()
        connection.write(b"POST /echo?framing=length HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")
        await drip(connection.writer, b"x" * 100, 0.2)
        reset(connection.writer)

    async def idle(self):
        target, body = self._wish(("length",))
        async with await self._connect() as connection:
            if self._random.random() < 0.5:
                connection.write(get(target))
                await read_message(connection.reader)
            await connection.reader.read()

    async def unread(self):
        kind = self._random.choice(("text/event-stream", "text/plain"))
        async with await self._connect(receive_buffer=4096) as connection:
            connection.write(get(f"/flood?type={kind}"))
            await asyncio.sleep(self._random.choice((0.5, 6)))

    async def leaves_stream(self):
        connection = await self._connect()
        connection.write(get("/events?seed=1&count=1000&gap=1"))
        await read_head(connection.reader)
        await asyncio.sleep(self._random.uniform(0, 0.5))
        await connection.leave(self._random.choice(("reset", "close", "half")))

    async def leaves_waiting(self):
        connection = await self._connect()
        connection.write(get("/never") + self._random.choice((b"", get("/never"))))
        await asyncio.sleep(self._random.uniform(0, 0.2))
        await connection.leave(self._random.choice(("reset", "close", "half")))

    async def half_closed_tunnel(self):
        connection = await self._connect()
        await connection.upgrade()
        connection.write(b"hello")
        await connection.leave(self._random.choice(("reset", "close", "half")))

    async def half_a_handshake(self):
        _, writer = await asyncio.open_connection("127.0.0.2", self.tls_port)
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        writer.write(hello + self._random.randbytes(self._random.randrange(600)))
        await asyncio.sleep(self._random.choice((0, 0.1, 3)))
        await Connection(None, writer).leave(self._random.choice(("reset", "close")))

    async def knocks(self):
        connection = await self._connect()
        await connection.leave(self._random.choice(("reset", "close")))


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    def write(self, data):
        self.writer.write(data)

    async def send(self, data):
        await send(self.writer, data)

    async def read_to_end(self):
        while await self.reader.read(1 << 16):
            pass

    async def upgrade(self):
        self.write(get("/tunnel", "Connection: Upgrade", "Upgrade: echo"))
        message = await read_head(self.reader)
        if message.status != 101:
            raise Wrong(message.start_line)

    async def leave(self, how):
        if how == "reset":
            reset(self.writer)
            return
        if how == "half" and self.writer.can_write_eof():
            self.writer.write_eof()
            try:
                await asyncio.wait_for(self.reader.read(), 0.5)
            except asyncio.TimeoutError:
                pass
        self.writer.close()


def get(target, *fields):
    """Half of all go to the backend through TLS: those of this host."""
    host = random.choice(("a", "secure"))
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]).encode()
