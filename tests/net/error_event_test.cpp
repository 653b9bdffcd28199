// Statuses that are told as events to pages which could not see them; and clients that are held behind one.
#include <signal.h>

#include "tests/net/opted_in.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kUnauthorized =
    "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\nContent-Length: 7\r\n\r\nexpired";
constexpr std::string_view kTold =
    "retry: 2500\nevent: denied\ndata: {\"status\":401,\"reason\":\"Unauthorized\",\"content_type\":\"text/plain\","
    "\"body\":\"expired\"}\n\n";

const std::string kTells = "error_event: { statuses: [401, 5xx], event: denied, retry: 2500ms";

TEST(ErrorEvent, stands_for_a_status_and_ends_the_stream) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + " }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send(kUnauthorized);
  Reader reader(std::move(client));
  EXPECT_EQ(reader.head.status(), 200);
  EXPECT_EQ(reader.head.field("Content-Type"), "text/event-stream");
  EXPECT_EQ(reader.head.field("Set-Cookie"), "a=b");
  EXPECT_EQ(reader.body.read_all(), kTold);
  const auto line = expect_close(sidecar, "upstream_error", "upstream");
  EXPECT_EQ(number_of(line, "status"), 200);
  EXPECT_EQ(text_of(line, "detail"), "an answer that is no event stream");
  reader.client.send(get("/next"));
  connection = backend.next_of(std::move(connection));
  EXPECT_EQ(connection.read_head().start_line, "GET /next HTTP/1.1") << "both connections go on";
  connection.send(ok("next"));
  EXPECT_EQ(read_response(reader.client).body, "next");
}

TEST(ErrorEvent, over_http_1_0_the_end_is_a_fin) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + " }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get("1.0"));
  connection.send(kUnauthorized);
  (void)client.read_head();
  EXPECT_EQ(client.read_to_end(), kTold);
}

TEST(ErrorEvent, of_a_body_that_does_not_come) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + " }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send("HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\npart");
  const auto start = Clock::now();
  Reader reader(std::move(client));
  EXPECT_LT(since(start), scaled(2s)) << "the head does not wait for the body";
  EXPECT_NE(reader.body.read_all(scaled(15s)).find("\"body\":\"part\""), std::string::npos);
  EXPECT_GE(since(start), 4s);
  EXPECT_NE(connection.wait_end(), End::open);
}

TEST(ErrorEvent, concerns_nothing_but_event_streams) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + " }"));
  for (const std::string& request : {get("/"), get("/", "Accept: application/json, text/event-stream\r\n"),
                                     get("/", "Accept: text/event-stream\r\nOrigin: https://other.test\r\n"),
                                     std::string("POST / HTTP/1.1\r\nHost: app.test\r\nAccept: text/event-stream\r\n"
                                                 "Content-Length: 0\r\n\r\n")}) {
    auto [client, connection, head] = begin_request(sidecar, backend, request);
    connection.send(kUnauthorized);
    EXPECT_EQ(client.read_exact(kUnauthorized.size()), kUnauthorized) << request;
    connection.close();
  }
}

TEST(ErrorEvent, other_statuses_pass) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + " }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(read_response(client).status(), 404);
}

TEST(ErrorEvent, ours_are_told_too) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kTells + " }"));
  RawConnection client = sidecar.connect();
  client.send(browser_get());
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_all(),
            "retry: 2500\nevent: denied\ndata: {\"status\":502,\"reason\":\"connection refused\"}\n\n");
  expect_close(sidecar, "upstream_unreachable", "upstream");
}

TEST(HeldClient, is_kept_alive_without_a_backend) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + ", then: hold }, heartbeat: { interval: 100ms }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send(kUnauthorized);
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_exact(kTold.size()), kTold);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reader.body.read_exact(kHeartbeat.size()), kHeartbeat);
  auto [other, same, head] = [&] {
    RawConnection asking = sidecar.connect();
    asking.send(get("/other"));
    RawConnection known = backend.next_of(std::move(connection));
    Head seen = known.read_head();
    return Begun{std::move(asking), std::move(known), std::move(seen)};
  }();
  same.send(ok("served"));
  EXPECT_EQ(read_response(other).body, "served") << "the backend's connection serves others";
  EXPECT_TRUE(sidecar.log_of("stream_close").empty());
  reader.client.close();
  const auto line = expect_close(sidecar, "client_gone", "client");
  EXPECT_GE(number_of(line, "heartbeats"), 3);
  EXPECT_TRUE(backend.no_connection_for(100ms));
}

TEST(HeldClient, is_let_go_at_a_drain) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + ", then: hold }", {}, "drain: { grace: 1s, retry: [100ms, 300ms] }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send(kUnauthorized);
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_exact(kTold.size()), kTold);
  sidecar.signal(SIGTERM);
  const std::string rest = reader.body.read_all();
  EXPECT_TRUE(rest.starts_with("retry: ") && rest.ends_with("\n\n")) << rest;
  EXPECT_EQ(sidecar.wait_exit(), 0);
  expect_close(sidecar, "drain", "sidecar");
}

TEST(HeldClient, goes_on_behind_a_reload) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kTells + ", then: hold }, heartbeat: { interval: 100ms, text: held }"));
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send(kUnauthorized);
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_exact(kTold.size()), kTold);
  sidecar.rewrite(opted_in(backend, "error_event: null").config);
  sidecar.signal(SIGHUP);
  (void)sidecar.wait_for_log("message",
                             [](const auto& line) { return text_of(line, "message") == "configuration reloaded"; });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reader.body.read_exact(8), ": held\n\n");
  auto [second, same, head] = [&] {
    RawConnection asking = sidecar.connect();
    asking.send(browser_get());
    RawConnection known = backend.next_of(std::move(connection));
    Head seen = known.read_head();
    return Begun{std::move(asking), std::move(known), std::move(seen)};
  }();
  same.send(kUnauthorized);
  EXPECT_EQ(read_response(second).status(), 401);
}

}  // namespace
}  // namespace sidecar::nettest
