// When a heartbeat is sent, which bytes it is made of, and where none may be.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

/// Rounding of the sidecar's deadlines: a little early rather than late.
constexpr Milliseconds kGrid = 60ms;

TEST(Heartbeat, follows_the_interval_of_silence) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 300ms));
  const auto start = Clock::now();
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
    EXPECT_GE(since(start), (300ms - kGrid) * i);
    EXPECT_LT(since(start), 300ms * i + scaled(200ms));
  }
  EXPECT_EQ(body.chunks(), 3U) << "each is a chunk of its own";
}

TEST(Heartbeat, is_counted_from_the_last_byte) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 400ms));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  EXPECT_TRUE(body.silent_for(200ms));
  const auto last = Clock::now();
  stream.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  EXPECT_GE(since(last), 400ms - kGrid);
}

TEST(Heartbeat, is_not_sent_while_events_flow) {
  RawBackend backend;
  const auto interval = scaled(500ms);
  Sidecar sidecar(with_heartbeat(backend, interval));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  for (int i = 0; i < 30; ++i) {
    stream.backend.send(chunk("data: 1\n\n"));
    EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
    EXPECT_TRUE(body.silent_for(interval / 10));
  }
  EXPECT_EQ(body.chunks(), 30U);
  EXPECT_TRUE(sidecar.log_of("heartbeat").empty());
}

TEST(Heartbeat, a_dripping_event_postpones_it) {
  RawBackend backend;
  const auto interval = scaled(500ms);
  Sidecar sidecar(with_heartbeat(backend, interval));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  const std::string line = "data: slowly\n";  // Behind each of them a comment would be legal.
  for (int i = 0; i < 22; ++i) {
    stream.backend.send(chunk(line));
    EXPECT_EQ(body.read_exact(line.size()), line);
    EXPECT_TRUE(body.silent_for(interval / 10));
  }
}

struct Placed {
  const char* name;
  std::string before;     ///< Sent by the backend, then silence.
  std::string heartbeat;  ///< What the silence brings.
  std::string after;
};

void PrintTo(const Placed& placed, std::ostream* out) {
  *out << placed.name;
}

class Placement : public ::testing::TestWithParam<Placed> {};

TEST_P(Placement, takes_the_form_that_is_legal_there) {
  const Placed& placed = GetParam();
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 150ms));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  stream.backend.send(chunk(placed.before));
  EXPECT_EQ(body.read_exact(placed.before.size()), placed.before);
  if (placed.heartbeat.empty()) {
    EXPECT_TRUE(body.silent_for(500ms));
  } else {
    EXPECT_EQ(body.read_exact(placed.heartbeat.size()), placed.heartbeat);
    EXPECT_EQ(body.read_exact(placed.heartbeat.size()), placed.heartbeat) << "and again";
  }
  stream.backend.send(chunk(placed.after) + std::string(kLastChunk));
  std::string rest = body.read_all();
  while (!placed.heartbeat.empty() && rest.starts_with(placed.heartbeat)) rest.erase(0, placed.heartbeat.size());
  EXPECT_EQ(rest, placed.after);
}

INSTANTIATE_TEST_SUITE_P(
    Heartbeat, Placement,
    ::testing::Values(Placed{"boundary_lf", "data: 1\n\n", ": heartbeat\n\n", "data: 2\n\n"},
                      Placed{"boundary_crlf", "data: 1\r\n\r\n", ": heartbeat\r\n\r\n", "data: 2\r\n\r\n"},
                      Placed{"inside_lf", "id: 1\ndata: 1\n", ": heartbeat\n", "\n"},
                      Placed{"inside_crlf", "data: 1\r\n", ": heartbeat\r\n", "\r\n"},
                      Placed{"behind_a_comment_line", ": hi\n", ": heartbeat\n", "\ndata: 1\n\n"},
                      Placed{"mid_line", "data: 1", "", "\n\n"}, Placed{"mid_name", "da", "", "ta: 1\n\n"},
                      Placed{"mid_comment", ": hi", "", "\n\n"},
                      Placed{"mid_line_of_a_second_event", "data: 1\n\nda", "", "ta\n\n"},
                      Placed{"mid_bom", "\xef\xbb", "",
                             "\xbf"
                             "data: 1\n\n"},
                      Placed{"behind_a_bom", "\xef\xbb\xbf", ": heartbeat\n\n", "data: 1\n\n"},
                      Placed{"behind_a_cr_inside", "data: 1\r", ": heartbeat\r", "\r"},
                      Placed{"between_cr_and_lf", "data: 1\r\ndata: 2\r", ": heartbeat\r", "\n\r\n"}),
    [](const auto& param) { return param.param.name; });

TEST(Heartbeat, stops_with_the_stream) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 100ms));
  Stream stream = open_stream(sidecar, backend);
  {
    BodyReader body = body_of(stream);
    EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
    stream.backend.send(kLastChunk);
    (void)body.read_all();
  }
  EXPECT_TRUE(stream.client.silent_for(350ms)) << "and the connection stays";
  stream.client.send(get("/next"));
  RawConnection connection = backend.next_of(std::move(stream.backend));
  EXPECT_EQ(connection.read_head().start_line, "GET /next HTTP/1.1");
  connection.send(ok("next"));
  EXPECT_EQ(read_response(stream.client).body, "next");
}

TEST(Heartbeat, switched_off) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend, {"--heartbeat-interval", "off"}));
  Stream stream = open_stream(sidecar, backend);
  EXPECT_TRUE(body_of(stream).silent_for(300ms));
}

TEST(Heartbeat, of_a_route_beats_the_default) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "", R"(
defaults: { event_stream: { heartbeat: { interval: 1h } } }
routes:
  - { name: quick, match: { path: "/quick" }, upstream: app, event_stream: { heartbeat: { interval: 100ms } } }
  - { name: everything, match: { path: "/**" }, upstream: app }
)"));
  Stream slow = open_stream(sidecar, backend, get("/slow"));
  Stream quick = open_stream(sidecar, backend, get("/quick"));
  EXPECT_EQ(body_of(quick).read_exact(kHeartbeat.size()), kHeartbeat);
  EXPECT_TRUE(body_of(slow).silent_for(100ms));
}

struct Untouched {
  const char* name;
  const char* request;
  const char* response;
};

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
constexpr Untouched kUntouched[] = {
    {"ndjson", kGet, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"},
    {"longer subtype", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-streamx\r\n\r\n"},
    {"plural", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n"},
    {"parameter", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/plain;t=text/event-stream\r\n\r\n"},
    {"no type", kGet, "HTTP/1.1 200 OK\r\n\r\n"},
    {"HEAD", "HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"},
    {"204", kGet, "HTTP/1.1 204 No Content\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"},
    {"206", kGet, "HTTP/1.1 206 Partial\r\nContent-Type: text/event-stream\r\nContent-Range: bytes 0-1/2\r\n\r\n"},
    {"304", kGet, "HTTP/1.1 304 Not Modified\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"},
    {"404", kGet, "HTTP/1.1 404 Not Found\r\nContent-Type: text/event-stream\r\n\r\n"},
    {"503", kGet, "HTTP/1.1 503 Busy\r\nContent-Type: text/event-stream\r\n\r\n"},
    {"gzip", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n"},
    {"br", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: identity, br\r\n\r\n"},
    {"latin1", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=ISO-8859-1\r\n\r\n"},
    {"utf-16", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=\"utf-16\"\r\n\r\n"},
    {"Digest", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nDigest: sha-256=x\r\n\r\n"},
    {"Content-Digest", kGet,
     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Digest: sha-256=:x:\r\n\r\n"},
    {"Repr-Digest", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nRepr-Digest: sha-256=:x:\r\n\r\n"},
    {"Content-MD5", kGet, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-MD5: x\r\n\r\n"},
};

TEST(Heartbeat, is_not_sent_where_nothing_may_be_inserted) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 100ms));
  std::vector<Stream> streams;
  for (const auto& untouched : kUntouched) {
    streams.push_back(open_stream(sidecar, backend, untouched.request, untouched.response));
  }
  (void)streams.back().client.silent_for(400ms);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    EXPECT_TRUE(streams[i].client.silent_for(0ms)) << kUntouched[i].name << ": " << streams[i].client.buffered();
  }
}

constexpr const char* kInsertable[] = {
    "Content-Type: text/event-stream",
    "content-type: Text/Event-Stream",
    "Content-Type:text/event-stream;charset=utf-8",
    "Content-Type: text/event-stream ; charset=\"UTF-8\"",
    "Content-Type: TEXT/EVENT-STREAM; a=b; Charset=Utf-8",
    "Content-Type: text/event-stream\r\nContent-Encoding: identity",
};

TEST(Heartbeat, is_sent_into_every_spelling_of_an_event_stream) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 100ms));
  std::vector<Stream> streams;
  for (const std::string fields : kInsertable) {
    streams.push_back(open_stream(sidecar, backend, get("/"), "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n"));
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    EXPECT_EQ(body_of(streams[i]).read_exact(kHeartbeat.size()), kHeartbeat) << kInsertable[i];
  }
}

TEST(Heartbeat, reaches_http_1_0_unwrapped) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 100ms));
  Stream stream = open_stream(sidecar, backend, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  EXPECT_EQ(stream.client.read_exact(2 * kHeartbeat.size()), std::string(kHeartbeat) + std::string(kHeartbeat));
}

TEST(Heartbeat, before_the_head_there_is_none) {
  RawBackend backend;
  Sidecar sidecar(with_heartbeat(backend, 100ms));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/", "Accept: text/event-stream\r\n"));
  EXPECT_TRUE(client.silent_for(300ms));
  connection.send("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(read_response(client).head.start_line, "HTTP/1.1 401 Unauthorized");
}

}  // namespace
}  // namespace sidecar::nettest
