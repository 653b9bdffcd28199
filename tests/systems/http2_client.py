"""HTTP/2 by python3-h2, which shares no line with the sidecar's nghttp2: a client that says what it likes and shows
what it got, and a backend in this process for it to be connected to."""

import queue
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.settings

from harness import seconds

TIMEOUT = 10.0


class Stream:
    """What came of one request."""

    def __init__(self):
        self.status = None
        self.fields = []
        self.trailers = []
        self.body = b""
        self.interim = []
        self.end = None  # complete, or the code of a RST_STREAM

    def get(self, name):
        return dict(self.fields).get(name)


class Client:
    """One connection. Flow control is the test's: what `read` brings is given back, unless `hold` names its stream."""

    def __init__(self, port, tls=None, window=None, settings=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds(TIMEOUT))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings.update(settings)
        self.h2.initiate_connection()
        if window:
            self.h2.increment_flow_control_window(window)
        self.streams = {}
        self.hold = set()
        self.goaway = None
        self.closed = False
        self.unread = b""
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, path="/", method="GET", fields=(), body=b"", end=True, trailers=None):
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = Stream()
        head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "app.example"), *fields]
        last = end and not body and trailers is None
        self.h2.send_headers(stream, head, end_stream=last)
        if body or (end and not last):
            self.send(stream, body, end and trailers is None)
        if trailers is not None:
            self.h2.send_headers(stream, trailers, end_stream=True)
        self.flush()
        return stream

    def send(self, stream, body, end=False):
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.read()
                continue
            piece, body = body[:room], body[room:]
            self.h2.send_data(stream, piece, end_stream=end and not body)
            self.flush()

    def finish(self, stream):
        self.h2.end_stream(stream)
        self.flush()

    def cancel(self, stream):
        self.h2.reset_stream(stream, 8)
        self.flush()

    def give_back(self, stream, size):
        self.h2.acknowledge_received_data(size, stream)
        self.flush()

    def read(self, timeout=TIMEOUT):
        """One read of the socket. False: it ended."""
        self.socket.settimeout(seconds(timeout))
        try:
            received = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            received = b""
        if not received:
            self.closed = True
            return False
        self.unread += received
        while len(self.unread) >= 9 and len(self.unread) >= 9 + int.from_bytes(self.unread[:3], "big"):
            size = 9 + int.from_bytes(self.unread[:3], "big")
            frame, self.unread = self.unread[:size], self.unread[size:]
            for event in self.h2.receive_data(frame):
                self._on(event)
        self.flush_quietly()
        return True

    def flush_quietly(self):
        try:
            self.flush()
        except OSError:
            pass  # what it still says is read

    def _on(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN  # running streams go on
        elif stream is None:
            pass
        elif isinstance(event, h2.events.ResponseReceived):
            stream.fields = [(str(name), str(value)) for name, value in event.headers]
            stream.status = int(stream.get(":status"))
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(int(dict(event.headers)[":status"]))
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if event.stream_id not in self.hold:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.end = "complete"
        elif isinstance(event, h2.events.StreamReset):
            stream.end = int(event.error_code)

    def until(self, condition, timeout=TIMEOUT):
        """Reads on until it is so."""
        deadline = time.monotonic() + seconds(timeout)
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.closed:
                raise AssertionError(f"never came: {self.describe()}")
            try:
                self.read(left / seconds(1))
            except TimeoutError:
                pass
        return self

    def answer(self, stream, timeout=TIMEOUT):
        self.until(lambda: self.streams[stream].end is not None, timeout)
        return self.streams[stream]

    def until_closed(self, timeout=TIMEOUT):
        while self.read(timeout):
            pass
        return self

    def describe(self):
        return {number: (stream.status, len(stream.body), stream.end) for number, stream in self.streams.items()}


class Request:
    """One request as the backend got it; the answer is written by hand."""

    def __init__(self, connection, head, file):
        self.connection, self.file = connection, file
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, self.version = lines[0].split(" ")
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def get(self, name):
        return ", ".join(value for key, value in self.fields if key.lower() == name.lower()) or None

    def body(self):
        """Its body, and what trailed it."""
        if self.get("Transfer-Encoding"):
            body = b""
            while True:
                size = int(self.file.readline(), 16)
                if size == 0:
                    trailers = []
                    while (line := self.file.readline()) != b"\r\n":
                        trailers.append(line.strip().decode("latin-1"))
                    return body, trailers
                body += self.file.read(size)
                self.file.read(2)
        return self.file.read(int(self.get("Content-Length") or 0)), []

    def say(self, data):
        self.connection.sendall(data)

    def answer(self, body=b"", fields="", status="200 OK"):
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{fields}\r\n"
        self.say(head.encode() + body)
        self.close()

    def open_stream(self):
        self.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")

    def gone(self, timeout=TIMEOUT):
        """The proxy has closed the connection."""
        self.connection.settimeout(seconds(timeout))
        try:
            return self.connection.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.connection.close()
        self.file.close()


class Backend:
    """Requests come out of `requests`, or go to `serve` on a thread of their own."""

    def __init__(self, serve=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.requests = queue.Queue()
        self.serve = serve or self.requests.put
        threading.Thread(target=self._accept, daemon=True).start()

    def next(self):
        return self.requests.get(timeout=seconds(TIMEOUT))

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        file = connection.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return connection.close()
            head += line
        self.serve(Request(connection, head, file))
        return None
