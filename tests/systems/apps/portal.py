"""The company portal: a Flask application of some years, with a login by QR code, sessions, files and a small
JSON API."""

import gzip
import hashlib
import io
import os
import time
from datetime import datetime
from pathlib import Path

from flask import Flask, Response, jsonify, redirect, request, send_file, send_from_directory, session

from pieces import pieces

app = Flask(__name__, static_folder="static")
app.secret_key = "not much of a secret"
SILENCE = float(os.environ.get("SILENCE", "3"))
SLOW = float(os.environ.get("APP_SLOW", "1"))
BLOCK = bytes(range(256)) * 256
REPORT = b"".join(b"line %06d of the report\n" % n for n in range(5000))


def journal(line):
    with open(os.environ["JOURNAL"], "a") as book:
        book.write(line + "\n")


# --- the login by QR code ---

@app.route("/login/stream")
def login_stream():
    journal(f"login {request.args.get('ticket')}")

    def wait_for_scan():
        yield "data: data:image/png;base64,iVBORw0KGgo=\n\n"
        time.sleep(SILENCE)
        yield "event: status\ndata: 200\n\n"
        yield "data: done\n\n"

    response = Response(wait_for_scan(), mimetype="text/event-stream")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    return response


@app.route("/ticker")
def ticker():
    name = request.args["name"]

    def tick():
        try:
            while True:
                yield "data: tick\n\n"
                time.sleep(0.2)
        except GeneratorExit:
            journal(f"closed {name}")
            raise

    return Response(tick(), mimetype="text/event-stream")


@app.route("/streams/<name>")
def stream(name):
    def play():
        for piece in pieces(name):
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                yield piece

    return Response(play(), mimetype=request.args.get("type", "text/event-stream"))


# --- generating pictures: the token travels in the URL ---

@app.route("/api/generate/stream/<token>")
def generate(token):
    if request.args.get("late"):
        time.sleep(0.3 * SLOW)
    if token == "expired":
        response = jsonify(success=False, error="token expired")
        response.status_code = 401
        response.headers["WWW-Authenticate"] = 'Bearer realm="portal", error="invalid_token"'
        return response
    if token == "unknown":
        return jsonify(error="no such task"), 404
    if token == "busy":
        return Response("busy\n", 503, {"Retry-After": "7", "Content-Type": "text/event-stream"})
    return Response("event: finish\ndata: {}\n\n", mimetype="text/event-stream")


# --- pages, sessions, cookies ---

@app.route("/")
def home():
    return "<h1>Portal</h1>"


@app.route("/forbidden")
def forbidden():
    return jsonify(error="not for you"), 403


@app.route("/teapot")
def teapot():
    return Response("short and stout", "418 I'm a little teapot",
                    {"X-Empty": "", "x-lower": "1", "X-Latin": "gr\u00fc\u00dfe"})


@app.route("/old-address")
def old_address():
    response = redirect("/session/me?from=old%20address")
    response.set_cookie("theme", "dark", path="/", httponly=True)
    response.set_cookie("lang", "de", expires=datetime(2030, 1, 1), samesite="Lax")
    response.set_cookie("seen", "1", max_age=60)
    response.headers.add("Link", "</static/style.css>; rel=preload")
    response.headers.add("Link", "</static/logo.svg>; rel=preload")
    return response


@app.route("/session/login", methods=["POST"])
def login():
    if request.form.get("password") != "s\u00e4sam & co=1":
        return jsonify(error="wrong password"), 401
    session["user"] = request.form["user"]
    return redirect("/session/me", 303)


@app.route("/session/me")
def me():
    if "user" not in session:
        return jsonify(error="who are you?"), 401
    return jsonify(user=session["user"])


@app.route("/empty", methods=["GET", "POST", "DELETE"])
def empty():
    return "", 204


# --- an API that says what it was asked ---

@app.route("/api/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@app.route("/api/echo/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def echo(rest=""):
    body = request.get_data()
    return jsonify(method=request.method, target=request.environ.get("RAW_URI"),
                   query=request.environ["QUERY_STRING"],
                   fields=sorted([name, value] for name, value in request.headers if name != "Connection"),
                   length=len(body), sha256=hashlib.sha256(body).hexdigest(), json=request.get_json(silent=True))


@app.route("/api/sleep")
def sleep():
    time.sleep(float(request.args.get("for", "0.5")) * SLOW)
    return jsonify(slept=True)


# --- files, both ways ---

@app.route("/report")
def report():
    return send_file(io.BytesIO(REPORT), "text/plain", download_name="report.txt", conditional=True, etag="report-5000",
                     last_modified=1700000000)


@app.route("/files/<path:name>")
def files(name):
    return send_from_directory(Path(__file__).resolve().parent / "static", name)


@app.route("/compressed")
def compressed():
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(REPORT, mimetype="text/plain", headers={"Vary": "Accept-Encoding"})
    return Response(gzip.compress(REPORT, mtime=0), mimetype="text/plain",
                    headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "ETag": 'W/"report-gz"'})


@app.route("/compressed/stream")
def compressed_stream():
    events = b"".join(b"data: %s\n\n" % hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(40))
    wanted = "gzip" in request.headers.get("Accept-Encoding", "")
    body = gzip.compress(events, mtime=0) if wanted else events
    middle = body.index(b"\n", 100) + 1 + (not wanted)

    def play():
        yield body[:middle]
        time.sleep(0.8 * SLOW)
        yield body[middle:]

    return Response(play(), mimetype="text/event-stream", headers={"Content-Encoding": "gzip"} if wanted else {})


@app.route("/download")
def download():
    size = int(request.args["mb"]) << 20
    response = Response((BLOCK for _ in range(size // len(BLOCK))), mimetype="application/octet-stream")
    if request.args.get("counted"):
        response.headers["Content-Length"] = str(size)
    return response


@app.route("/upload", methods=["POST"])
def upload():
    received = []
    for field, file in request.files.items(multi=True):
        digest, size = hashlib.sha256(), 0
        while block := file.stream.read(1 << 20):
            digest.update(block)
            size += len(block)
        received.append([field, file.filename, size, digest.hexdigest()])
    return jsonify(files=received, form=request.form)


@app.route("/upload/raw", methods=["POST", "PUT"])
def upload_raw():
    digest, size = hashlib.sha256(), 0
    while block := request.stream.read(1 << 20):
        digest.update(block)
        size += len(block)
    return jsonify(size=size, sha256=digest.hexdigest(), length=request.headers.get("Content-Length"),
                   coding=request.headers.get("Transfer-Encoding")), 201
