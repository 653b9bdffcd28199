"""What the APIs' streams look like on the wire, written from their public references: a float is a pause in seconds,
bytes are sent as one chunk."""

import json

from pieces import SLOW

PAUSE = 0.7 * SLOW   # two heartbeats fit in
LONG = 3.0 * SLOW    # longer than the patience that the tests give a client, by far


def _data(answer, event=None, number=None):
    named = f"event: {event}\n" if event else ""
    numbered = f"id: {number}\n" if number is not None else ""
    return f"{numbered}{named}data: {json.dumps(answer)}\n\n".encode()


# --- OpenAI: chat completions and responses -------------------------------------------------------------------

def _chunk(delta, finish=None):
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "gpt-4o-mini",
            "system_fingerprint": "fp_1", "choices": [{"index": 0, "delta": delta, "logprobs": None,
                                                       "finish_reason": finish}]}


CHUNKS = [_chunk({"role": "assistant", "content": "", "refusal": None}), _chunk({"content": "Grüße"}),
          _chunk({"content": ", world"}), _chunk({}, "stop")]
DONE = b"data: [DONE]\n\n"


def _chat(numbered=False):
    one, two, three, four = (_data(chunk, number=n if numbered else None) for n, chunk in enumerate(CHUNKS, 1))
    return [PAUSE, one, two, PAUSE, three, four, PAUSE, DONE]


def _patiently(stream):
    """The same with one long silence in it, behind its second chunk."""
    pieces = [piece for piece in stream if not isinstance(piece, float)]
    return [*pieces[:2], LONG, *pieces[2:]]


def _response(status, output):
    return {"id": "resp_1", "object": "response", "created_at": 1760000000, "model": "gpt-4o-mini", "status": status,
            "output": output}


_ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "Grüße", "annotations": []}]}
RESPONSES = [
    {"type": "response.created", "sequence_number": 0, "response": _response("in_progress", [])},
    {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0,
     "content_index": 0, "delta": "Grüße"},
    {"type": "response.completed", "sequence_number": 2, "response": _response("completed", [_ITEM])}]


def _responses():
    """Each event is named as its own type says."""
    created, delta, completed = (_data(answer, answer["type"]) for answer in RESPONSES)
    return [PAUSE, created, PAUSE, delta, PAUSE, completed]


# --- Anthropic: messages --------------------------------------------------------------------------------------

MESSAGES = [
    {"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüße"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ", world"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
     "usage": {"output_tokens": 5}},
    {"type": "message_stop"}]


def _messages():
    start, block, one, two, stop, delta, end = (_data(answer, answer["type"]) for answer in MESSAGES)
    ping = _data({"type": "ping"}, "ping")
    return [PAUSE, start, block + ping, one, PAUSE, two, stop + delta, PAUSE, end]


API = {"v1/chat/completions": _chat(), "numbered/chat/completions": _chat(numbered=True),
       "long/chat/completions": _patiently(_chat()), "v1/responses": _responses(), "v1/messages": _messages(),
       "long/v1/messages": _patiently(_messages())}
STREAMS = {"long": [b"data: one\n\n", LONG, b"data: two\n\n"],
           "json": [b"data: 1\n\n", PAUSE, b"data: 2\n\n"]}


def error(path, status):
    """The error body of an API, as its reference shows it."""
    if path.endswith("messages"):
        kind = {429: "rate_limit_error", 500: "api_error"}[status]
        return {"type": "error", "error": {"type": kind, "message": "not now"}, "request_id": "req_1"}
    kind = {429: "rate_limit_exceeded", 500: "server_error"}[status]
    return {"error": {"message": "not now", "type": kind, "param": None, "code": kind}}


# --- MCP: Streamable HTTP -------------------------------------------------------------------------------------

def _result(asked, result):
    return {"jsonrpc": "2.0", "id": asked["id"], "result": result}


def _notice(method, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params}


RESULT = {"content": [{"type": "text", "text": "Grüße"}]}
NOTICE = _notice("notifications/message", level="info", data="half way")
NEWS = _notice("notifications/resources/updated", uri="test://one")


def mcp(method, asked, options):
    """A server of revision 2025-06-18: JSON for what is quick, a stream for tools, a stream of its own for news."""
    if method == "GET":
        return [_data(NEWS, "message"), LONG, _data(NEWS, "message")] if "news" in options else (405, {})
    if method != "POST" or "id" not in asked:
        return 202, None
    if asked["method"] == "initialize":
        return 200, _result(asked, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}, "logging": {}},
                                    "serverInfo": {"name": "stub", "version": "1"}})
    if asked["method"] == "tools/list":
        return 200, _result(asked, {"tools": [{"name": "wait", "inputSchema": {"type": "object"}}]})
    meta = asked["params"].get("_meta", {})
    progress = [_data(_notice("notifications/progress", progressToken=meta["progressToken"], progress=n, total=2),
                      "message") for n in (1, 2)] if "progressToken" in meta else [b"", b""]
    notice, result = _data(NOTICE, "message"), _data(_result(asked, RESULT), "message")
    if asked["params"]["arguments"].get("long"):
        return [notice, LONG, result]
    return [PAUSE, progress[0] + notice, PAUSE, progress[1] + result]


# --- dress ----------------------------------------------------------------------------------------------------

def dressed(stream, crlf, bom):
    for piece in stream:
        if not isinstance(piece, float):
            piece = piece.replace(b"\n", b"\r\n") if crlf else piece
            piece, bom = (b"\xef\xbb\xbf" + piece, False) if bom else (piece, False)
        yield piece
