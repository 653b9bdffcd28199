#!/usr/bin/env python3
"""A small legacy backend with the usual flaw: its event stream says one thing, works in silence, then says the result.

    GET /            a page that follows the stream
    GET /events      text/event-stream: `started`, silence, `result`
    GET /api/hello   JSON
    POST /jobs       the same stream, answered to a POST
"""

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>A silent backend</title>
<style>body { font: 16px/1.5 monospace; margin: 2em; } .error { color: #b00; }</style>
<h1>A silent backend</h1>
<p>readyState: <b id="state">-</b></p>
<ol id="log"></ol>
<script>
  const states = ["0 connecting", "1 open", "2 closed"];
  const began = performance.now();
  const source = new EventSource("events");
  function note(text, kind) {
    const line = document.createElement("li");
    line.textContent = ((performance.now() - began) / 1000).toFixed(1) + " s  " + text;
    if (kind) line.className = kind;
    document.getElementById("log").append(line);
    document.getElementById("state").textContent = states[source.readyState];
  }
  source.onopen = () => note("open");
  source.onerror = () => note("error, readyState " + states[source.readyState], "error");
  source.addEventListener("started", (event) => note("started " + event.data));
  source.addEventListener("result", (event) => { source.close(); note("result " + event.data); });
</script>
"""


class Handler(BaseHTTPRequestHandler):
    server_version = "silent-backend"

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/":
            self.answer("text/html; charset=utf-8", PAGE)
        elif path == "/events":
            self.stream({"task": "render"})
        elif path == "/api/hello":
            self.answer("application/json", json.dumps({"hello": "world"}))
        else:
            self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.split("?")[0] == "/jobs":
            self.stream({"job_bytes": len(body)})
        else:
            self.send_error(404)

    def answer(self, content_type, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, about):
        """The head and the first event at once, the last one after the silence; the end is the end of the
        connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        try:
            self.event("started", about)
            time.sleep(self.server.silence)
            self.event("result", {"took": f"{self.server.silence:g} s"})
        except (BrokenPipeError, ConnectionResetError):
            pass

    def event(self, name, data):
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, silence):
        super().__init__(address, Handler)
        self.silence = silence


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; in a container 0.0.0.0")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one")
    parser.add_argument("--silence", type=float, default=12, help="seconds between the two events")
    options = parser.parse_args()
    server = Server((options.host, options.port), options.silence)
    print(f"listening on http://{options.host}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
