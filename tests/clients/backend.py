"""The backends of these tests, in one program: the event streams of ../systems/apps/streams.json, and LLM and MCP
servers as they look from outside. `backend.py PORT`.

The first segment of a path names the sidecar's route and means nothing here. `?ends=crlf` and `?bom` change a stream's
dress, `?cut=N` breaks it off with a reset behind its N-th piece, `?wait=S` keeps the head back for so many seconds, and
`?status=N` answers with an error of the API instead.
"""

import asyncio
import json
import os
import socket
import struct
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "systems" / "apps"))
import wires  # noqa: E402
from pieces import SLOW, STREAMS, pieces  # noqa: E402

REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 404: "Not Found", 405: "Method Not Allowed",
           429: "Too Many Requests", 500: "Internal Server Error"}


class Backend:
    async def serve(self, reader, writer):
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await self._body(reader, fields)
        url = urllib.parse.urlsplit(target)
        options = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        options.update(json.loads(fields.get("x-options", "{}")))  # of clients that build the URL themselves
        path = url.path.split("/", 2)[2]
        await asyncio.sleep(float(options.get("wait", 0)) * SLOW)
        if "status" in options:
            return await self._json(writer, int(options["status"]), wires.error(path, int(options["status"])))
        found = self._stream(path, method, body, options)
        if isinstance(found, tuple):
            return await self._json(writer, *found)
        return await self._play(writer, wires.dressed(found, "crlf" in options.get("ends", ""), "bom" in options),
                                int(options["cut"]) if "cut" in options else None)

    @staticmethod
    async def _body(reader, fields):
        if "content-length" in fields:
            return await reader.readexactly(int(fields["content-length"]))
        body = b""
        while "transfer-encoding" in fields:
            size = int(await reader.readline(), 16)
            body += await reader.readexactly(size)
            await reader.readline()
            if size == 0:
                break
        return body

    @staticmethod
    def _stream(path, method, body, options):
        """Pieces, or the status and object of an ordinary answer."""
        if path.startswith("streams/"):
            name = path.removeprefix("streams/")
            return pieces(name) if name in STREAMS else wires.STREAMS[name]
        if path == "mcp":
            return wires.mcp(method, json.loads(body or "null"), options)
        asked = json.loads(body)
        return wires.API[path] if asked.get("stream") else (404, {})

    @staticmethod
    async def _json(writer, status, answer):
        body = b"" if answer is None else json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                     % (status, REASONS[status].encode(), len(body), body))
        await writer.drain()
        return True

    @staticmethod
    async def _play(writer, stream, cut):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        for piece in stream:
            await writer.drain()
            if isinstance(piece, float):
                await asyncio.sleep(piece)
                continue
            if sent == cut:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            sent += 1
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


async def main():
    server = await asyncio.start_server(Backend().serve, "127.0.0.1", int(sys.argv[1]), limit=1 << 20, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    os.environ.setdefault("APP_SLOW", "1")
    asyncio.run(main())
