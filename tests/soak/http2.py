"""HTTP/2 by python3-h2 for the soak: requests at once, of which every byte is compared, and abuse of the protocol."""

import asyncio

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from wire import content, events, reset, without_heartbeats

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, PRIORITY, SETTINGS, PING, CONTINUATION = 1, 2, 4, 6, 9


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class Answer:
    def __init__(self):
        self.status, self.body, self.over, self.error = None, bytearray(), False, None


class Session:
    """One connection; what is read is given back to its windows."""

    def __init__(self, connection, settings=None):
        self.connection, self.answers = connection, {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        if settings is not None:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()

    async def flush(self):
        await self.connection.send(self.h2.data_to_send())

    async def request(self, target, body=None, host="a"):
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        method = "GET" if body is None else "POST"
        head = [(":method", method), (":scheme", "http"), (":path", target), (":authority", host)]
        self.h2.send_headers(stream, head, end_stream=body is None)
        await self.flush()
        return stream

    async def upload(self, stream, body):
        while body and not self.answers[stream].over:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                await self.read()
                continue
            self.h2.send_data(stream, body[:room])
            body = body[room:]
            await self.flush()
        if not self.answers[stream].over:
            self.h2.end_stream(stream)
            await self.flush()

    async def read(self):
        received = await self.connection.reader.read(1 << 16)
        if not received:
            raise EOFError("the connection ended")
        for event in self.h2.receive_data(received):
            answer = self.answers.get(getattr(event, "stream_id", None))
            if answer is None:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                answer.status = int(dict(event.headers)[b":status"])
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                answer.over, answer.error = True, getattr(event, "error_code", None)
        await self.flush()

    async def until_over(self, stream):
        while not self.answers[stream].over:
            await self.read()
        return self.answers[stream]


class Deeds:
    """For Clients: `_connect`, `_wish`, `_random`, `_wrong` and `_corrupt` are its own."""

    async def _session(self, settings=None):
        connection = await self._connect(protocol="h2")
        session = Session(connection, settings)
        await session.flush()
        return session

    async def h2_requests(self):
        session = await self._session()
        async with session.connection:
            asked = {}
            for _ in range(self._random.randrange(1, 12)):
                kind = self._random.randrange(3)
                if kind == 0:
                    target, body = self._wish()
                    asked[await session.request(target, host="secure")] = body
                elif kind == 1:
                    seed, count = self._random.randrange(1000), self._random.randrange(1, 40)
                    asked[await session.request(f"/events?seed={seed}&count={count}&gap=0.3")] = events(seed, count)
                else:
                    body = content(self._random.randrange(1000), self._random.randrange(1, 100000))
                    stream = await session.request("/echo?framing=length", body)
                    asked[stream] = body
                    await session.upload(stream, body)
                if self._random.random() < 0.2:
                    session.h2.reset_stream(await session.request("/never"), h2.errors.ErrorCodes.CANCEL)
                    await session.flush()
            for stream, body in asked.items():
                answer = await session.until_over(stream)
                if answer.status != 200 or answer.error is not None:
                    raise self._wrong(f"status {answer.status}, error {answer.error}, {len(answer.body)} bytes")
                if without_heartbeats(bytes(answer.body)) != body:
                    raise self._corrupt(f"{len(answer.body)} bytes that are not the {len(body)} that were sent")

    # --- abuse; whoever floods has to be gone within the patience ---

    async def h2_leaves(self):
        session = await self._session()
        for target in ("/never", "/flood?type=text/event-stream", "/events?seed=1&count=1000&gap=1"):
            await session.request(target)
        for _ in range(self._random.randrange(3)):
            await session.read()
        if self._random.random() < 0.5:
            reset(session.connection.writer)
        else:
            session.connection.writer.close()

    async def h2_unread(self):
        """Windows that are never given back, of streams or of the socket."""
        window = self._random.choice((0, 1, 65535, 1 << 20))
        session = await self._session({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        async with session.connection:
            for _ in range(self._random.randrange(1, 30)):
                await session.request(f"/flood?type={self._random.choice(('text/event-stream', 'text/plain'))}")
            await asyncio.sleep(self._random.choice((0.5, 6)))

    async def h2_rapid_resets(self):
        session = await self._session()
        async with session.connection:
            for _ in range(200):
                session.h2.reset_stream(await session.request("/never"), h2.errors.ErrorCodes.CANCEL)
                await session.flush()
            await session.connection.read_to_end()

    async def h2_frames_that_ask_for_nothing(self):
        session = await self._session()
        one = self._random.choice((frame(PING, 0, 0, bytes(8)), frame(SETTINGS, 0, 0), frame(PRIORITY, 0, 99, bytes(5)),
                                   frame(0xfa, 0, 0, b"unknown")))
        async with session.connection:
            for _ in range(30):
                await session.connection.send(one * 200)
            await session.connection.read_to_end()

    async def h2_endless_head(self):
        session = await self._session()
        async with session.connection:
            session.connection.write(frame(HEADERS, 0, 1, b"\x82"))
            while self._random.random() < 0.9:
                await session.connection.send(frame(CONTINUATION, 0, 1, self._random.randbytes(3)))
            await session.connection.read_to_end()

    async def h2_garbage(self):
        connection = await self._connect(protocol="h2")
        async with connection:
            connection.write(PREFACE + frame(SETTINGS, 0, 0))
            for _ in range(self._random.randrange(1, 30)):
                kind, stream = self._random.randrange(12), self._random.randrange(8)
                payload = self._random.randbytes(self._random.randrange(60))
                connection.write(frame(kind, self._random.randrange(256), stream, payload))
            await connection.read_to_end()
