// Connections to the backend outlive their exchange, and a dead one is never the client's problem.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

std::string post(std::string_view target) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nab";
}

/// One GET through a client of its own; gives back the backend's connection, idle in the pool unless `fields` forbid.
RawConnection used_connection(const Sidecar& sidecar, RawBackend& backend, std::string_view fields = {}) {
  auto [client, connection, request] = begin_request(sidecar, backend, get("/first"));
  connection.send(ok("first", fields));
  EXPECT_EQ(read_response(client).body, "first");
  return std::move(connection);
}

TEST(Pool, a_get_of_another_client_reuses_the_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection connection = used_connection(sidecar, backend);
  for (const std::string target : {"/second", "/third"}) {
    RawConnection client = sidecar.connect();
    client.send(get(target));
    EXPECT_EQ(connection.read_head().start_line, "GET " + target + " HTTP/1.1");
    connection.send(ok(target));
    EXPECT_EQ(read_response(client).body, target);
  }
  EXPECT_TRUE(backend.no_connection_for(0ms));
}

/// A backend that writes head and body with Nagle's algorithm on sends the body when the head is acknowledged, and on a
/// connection in use the kernel takes 40 ms for that.
TEST(Pool, an_answer_in_two_pieces_waits_for_no_acknowledgement) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection connection = used_connection(sidecar, backend);
  const int off = 0;
  ASSERT_EQ(::setsockopt(connection.fd(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof off), 0);
  auto quickest = Clock::duration::max();
  for (int i = 0; i < 8; ++i) {
    RawConnection client = sidecar.connect();
    client.send(get("/"));
    (void)connection.read_head();
    const auto start = Clock::now();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    connection.send("bo");
    connection.send("dy");
    EXPECT_EQ(read_response(client).body, "body");
    quickest = std::min(quickest, Clock::duration(Clock::now() - start));
  }
  EXPECT_LT(quickest, 20ms);
}

TEST(Pool, a_chunked_response_leaves_a_reusable_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/1"));
  connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one") + "0\r\n\r\n");
  EXPECT_EQ(read_response(client).body, "one");
  client.send(get("/2"));
  EXPECT_EQ(connection.read_head().start_line, "GET /2 HTTP/1.1");
  connection.send(ok("two"));
  EXPECT_EQ(read_response(client).body, "two");
}

TEST(Pool, a_post_starts_on_a_fresh_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection pooled = used_connection(sidecar, backend);
  for (const std::string method : {"POST", "PATCH", "FOO"}) {
    RawConnection client = sidecar.connect();
    client.send(method + " /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nab");
    RawConnection fresh = backend.accept();
    EXPECT_EQ(read_request(fresh).body, "ab");
    fresh.send(ok(method, "Connection: close\r\n"));
    EXPECT_EQ(read_response(client, method).body, method);
  }
  EXPECT_TRUE(pooled.silent_for(0ms));
}

TEST(Pool, unsafe_methods_may_reuse_when_configured) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "keepalive: { unsafe_methods: reuse }"));
  RawConnection pooled = used_connection(sidecar, backend);
  RawConnection client = sidecar.connect();
  client.send(post("/x"));
  EXPECT_EQ(read_request(pooled).body, "ab");
}

TEST(Pool, a_connection_that_the_backend_closed_is_not_used) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "keepalive: { unsafe_methods: reuse }"));
  RawConnection connection = used_connection(sidecar, backend);
  connection.close();
  RawConnection client = sidecar.connect();
  client.send(post("/second"));  // Which is never repeated.
  RawConnection fresh = backend.accept();
  EXPECT_EQ(fresh.read_head().start_line, "POST /second HTTP/1.1");
  fresh.send(ok("second"));
  EXPECT_EQ(read_response(client).body, "second");
}

class DiesOnReuse : public ::testing::TestWithParam<bool> {};

TEST_P(DiesOnReuse, a_get_is_repeated_once_on_a_fresh_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection pooled = used_connection(sidecar, backend);
  RawConnection client = sidecar.connect();
  const std::string request = get("/second", "X-A: b\r\n");
  client.send(request);
  EXPECT_EQ(pooled.read_head().bytes, request);
  GetParam() ? pooled.reset() : pooled.close();
  RawConnection fresh = backend.accept();
  EXPECT_EQ(fresh.read_head().bytes, request);
  fresh.send(ok("second"));
  EXPECT_EQ(read_response(client).body, "second");
}

TEST_P(DiesOnReuse, the_repetition_is_not_repeated) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection pooled = used_connection(sidecar, backend);
  RawConnection client = sidecar.connect();
  client.send(get("/second"));
  (void)pooled.read_head();
  GetParam() ? pooled.reset() : pooled.close();
  RawConnection fresh = backend.accept();
  (void)fresh.read_head();
  GetParam() ? fresh.reset() : fresh.close();
  EXPECT_EQ(read_response(client).status(), 502);
  EXPECT_TRUE(backend.no_connection_for(100ms));
}

INSTANTIATE_TEST_SUITE_P(Pool, DiesOnReuse, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "by_reset" : "by_close"; });

TEST(Pool, even_the_repetition_never_uses_a_second_pooled_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection clients[2] = {sidecar.connect(), sidecar.connect()};
  RawConnection pooled[2];
  for (int i = 0; i < 2; ++i) {
    clients[i].send(get("/" + std::to_string(i)));
    pooled[i] = backend.accept();
    (void)pooled[i].read_head();
  }
  for (int i = 0; i < 2; ++i) {
    pooled[i].send(ok("x"));
    EXPECT_EQ(read_response(clients[i]).body, "x");
  }
  clients[0].send(get("/again"));
  const int used = pooled[0].readable_within(50ms) ? 0 : 1;
  EXPECT_EQ(pooled[used].read_head().start_line, "GET /again HTTP/1.1");
  pooled[used].close();
  RawConnection fresh = backend.accept();
  EXPECT_EQ(fresh.read_head().start_line, "GET /again HTTP/1.1");
  fresh.send(ok("again"));
  EXPECT_EQ(read_response(clients[0]).body, "again");
  EXPECT_TRUE(pooled[1 - used].silent_for(0ms));
}

TEST(Pool, idempotent_methods_without_a_body_are_repeated_too) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string method : {"HEAD", "DELETE", "OPTIONS"}) {
    RawConnection pooled = used_connection(sidecar, backend);
    RawConnection client = sidecar.connect();
    client.send(method + " /second HTTP/1.1\r\nHost: app.test\r\n\r\n");
    (void)pooled.read_head();
    pooled.close();
    RawConnection fresh = backend.accept();
    EXPECT_EQ(fresh.read_head().start_line, method + " /second HTTP/1.1");
    fresh.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(read_response(client, method).status(), 200);
  }
}

TEST(Pool, nothing_is_repeated_behind_the_first_response_byte) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection pooled = used_connection(sidecar, backend);
  RawConnection client = sidecar.connect();
  client.send(get("/second"));
  (void)pooled.read_head();
  pooled.send("HTTP/1.1 2");
  pooled.close();
  EXPECT_EQ(read_response(client).status(), 502);
  EXPECT_TRUE(backend.no_connection_for(100ms));
}

TEST(Pool, nothing_is_repeated_that_began_on_a_fresh_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string& request : {get("/"), post("/")}) {
    auto [client, connection, head] = begin_request(sidecar, backend, request);
    connection.close();
    EXPECT_EQ(read_response(client).status(), 502);
    EXPECT_TRUE(backend.no_connection_for(100ms));
  }
}

TEST(Pool, a_post_on_a_reused_connection_is_not_repeated) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "keepalive: { unsafe_methods: reuse }"));
  RawConnection pooled = used_connection(sidecar, backend);
  RawConnection client = sidecar.connect();
  client.send(post("/x"));
  (void)read_request(pooled);
  pooled.close();
  EXPECT_EQ(read_response(client, "POST").status(), 502);
  EXPECT_TRUE(backend.no_connection_for(100ms));
}

TEST(Pool, the_backends_keep_alive_timeout_is_honoured) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "keepalive: { idle_timeout: 60s }"));
  auto [client, connection, request] = begin_request(sidecar, backend);
  const auto answered = Clock::now();
  connection.send(ok("x", "Keep-Alive: timeout=1, max=100\r\n"));
  EXPECT_FALSE(read_response(client).head.has("Keep-Alive"));
  EXPECT_EQ(connection.wait_end(scaled(2s)), End::eof);
  EXPECT_LT(since(answered), scaled(1s)) << "given up before the backend does";
}

TEST(Pool, a_connection_is_given_up_behind_its_idle_timeout) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "keepalive: { idle_timeout: 300ms }"));
  const auto start = Clock::now();
  RawConnection connection = used_connection(sidecar, backend);
  EXPECT_EQ(connection.wait_end(scaled(1500ms)), End::eof);
  EXPECT_GE(since(start), 200ms);
}

TEST(Pool, holds_at_most_max_idle) {
  RawBackend backend;
  Sidecar sidecar(configured(backend, "keepalive: { max_idle: 2 }"));
  RawConnection clients[3] = {sidecar.connect(), sidecar.connect(), sidecar.connect()};
  RawConnection pooled[3];
  for (int i = 0; i < 3; ++i) {
    clients[i].send(get("/"));
    pooled[i] = backend.accept();
    (void)pooled[i].read_head();
  }
  for (int i = 0; i < 3; ++i) {
    pooled[i].send(ok("x"));
    EXPECT_EQ(read_response(clients[i]).body, "x");
  }
  EXPECT_EQ(pooled[0].wait_end(scaled(1s)), End::eof) << "the one that was used longest ago";
  EXPECT_TRUE(pooled[1].silent_for(50ms));
  EXPECT_TRUE(pooled[2].silent_for(50ms));
}

class NotReusable : public ::testing::TestWithParam<const char*> {};

TEST_P(NotReusable, connection_is_dropped) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/1"));
  connection.send(GetParam());
  EXPECT_EQ(read_response(client).body, "one");
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  client.send(get("/2"));
  RawConnection fresh = backend.accept();
  (void)fresh.read_head();
  fresh.send(ok("two"));
  EXPECT_EQ(read_response(client).body, "two");
}

INSTANTIATE_TEST_SUITE_P(
    Pool, NotReusable,
    ::testing::Values(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: X-Hop, CLOSE\r\n\r\none",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneEXTRA",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"));

TEST(Pool, bytes_on_an_idle_connection_drop_it) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection connection = used_connection(sidecar, backend);
  connection.send(ok("poison"));
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  auto [client, fresh, request] = begin_request(sidecar, backend, get("/second"));
  fresh.send(ok("second"));
  EXPECT_EQ(read_response(client).body, "second");
}

TEST(Pool, a_keep_alive_of_http_1_0_is_reused) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/1"));
  connection.send("HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\none");
  EXPECT_EQ(read_response(client).body, "one");
  client.send(get("/2"));
  EXPECT_EQ(connection.read_head().start_line, "GET /2 HTTP/1.1");
  connection.send(ok("two"));
  EXPECT_EQ(read_response(client).body, "two");
}

}  // namespace
}  // namespace sidecar::nettest
