"""A backend that does whatever its path says, and that is killed and restarted every few seconds."""

import asyncio
import random
from urllib.parse import parse_qs, urlsplit

from wire import LAST_CHUNK, chunk, content, event, read_body, read_head, reset, send


class Backend:
    """The same twice: in the clear, and behind `tls`."""

    def __init__(self, seed, tls):
        self.port, self.tls_port, self._tls = 0, 0, tls
        self.restarts = 0
        self.up = False
        self._random = random.Random(seed)
        self._servers = []
        self._writers = set()

    async def start(self):
        self._servers = [await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=512, ssl=tls)
                         for port, tls in ((self.port, None), (self.tls_port, self._tls))]
        self.port, self.tls_port = (server.sockets[0].getsockname()[1] for server in self._servers)
        self.up = True

    async def stop(self):
        """As if it had been killed: every connection is gone at once."""
        self.up = False
        self.restarts += 1
        for server in self._servers:
            server.close()
        for writer in list(self._writers):
            reset(writer)
        for server in self._servers:
            await server.wait_closed()

    async def come_and_go(self, until):
        """Until the loop's time `until`; then it stays."""
        loop = asyncio.get_running_loop()
        while (pause := self._random.uniform(1, 6)) < until - loop.time():
            await asyncio.sleep(pause)
            await self.stop()
            await asyncio.sleep(self._random.uniform(0.05, 1))
            await self.start()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (EOFError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader, writer):
        request = await read_head(reader)
        method, target, _ = request.start_line.split(" ")
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        seed = int(query.get("seed", "0"))
        if url.path != "/tunnel":
            await read_body(reader, request, False)
            if not request.whole:
                return False
        play = getattr(self, "_play_" + url.path.strip("/"))
        return await play(reader, writer, request, query, seed)

    async def _send(self, writer, body, framing):
        if framing == "length":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        elif framing == "chunked":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 5000):
                writer.write(chunk(body[at:at + 5000]))
                await writer.drain()
            writer.write(LAST_CHUNK)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        return framing != "close"

    async def _play_content(self, reader, writer, request, query, seed):
        await asyncio.sleep(float(query.get("after", "0")))
        return await self._send(writer, content(seed, int(query["size"])), query["framing"])

    async def _play_echo(self, reader, writer, request, query, seed):
        return await self._send(writer, request.body, query["framing"])

    async def _play_events(self, reader, writer, request, query, seed):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(int(query["count"])):
            text = event(seed, number)
            cut = self._random.randrange(1, len(text))
            for piece in (text[:cut], text[cut:]):
                writer.write(chunk(piece))
                await writer.drain()
                if self._random.random() < 0.2:
                    await asyncio.sleep(self._random.uniform(0, float(query["gap"])))
        writer.write(LAST_CHUNK)
        await writer.drain()
        return True

    async def _play_flood(self, reader, writer, request, query, seed):
        kind = query["type"].encode()
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: %s\r\n\r\n" % kind)
        piece = chunk(b"data: %s\n\n" % (b"x" * 20000))
        while True:
            await send(writer, piece)

    async def _play_never(self, reader, writer, request, query, seed):
        await reader.read()
        return False

    async def _play_broken(self, reader, writer, request, query, seed):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        writer.write({"nothing": b"", "head": head[:20], "body": head + b"half",
                      "garbage": b"\x16\x03\x01 hello\r\n\r\n",
                      "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"}[query["where"]])
        await writer.drain()
        await asyncio.sleep(0.02)
        if query["how"] == "reset":
            reset(writer)
        return False

    async def _play_tunnel(self, reader, writer, request, query, seed):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while piece := await reader.read(1 << 14):
            writer.write(piece)
            await writer.drain()
        return False
