// Backends that are away for a while, and clients whose streams wait for them.
#include <signal.h>

#include "tests/net/opted_in.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kBusy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
const std::string kPatient = "unavailable: { hold: 20s }";

RawConnection ask(const Sidecar& sidecar, std::string_view request) {
  RawConnection client = sidecar.connect();
  client.send(request);
  return client;
}

/// The next attempt, and its head is read.
RawConnection attempt(RawBackend& backend, RawConnection known = {}) {
  RawConnection connection = known.fd() < 0 ? backend.accept() : backend.next_of(std::move(known));
  EXPECT_EQ(connection.read_head().start_line, "GET /events HTTP/1.1");
  return connection;
}

TEST(Unavailable, a_backend_that_starts_late_is_found) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kPatient));
  RawConnection client = ask(sidecar, browser_get());
  EXPECT_TRUE(client.silent_for(400ms));
  backend.listen();
  RawConnection connection = attempt(backend);
  connection.send(kStreamHead);
  connection.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_all(), "data: 1\n\n");
  const auto line = expect_close(sidecar, "complete", "upstream");
  EXPECT_EQ(text_of(line, "detail"), "(no detail)") << "what was wrong is over";
  EXPECT_GE(number_of(sidecar.wait_for_log("stream_open"), "ttfb_ms"), 400);
}

TEST(Unavailable, answers_of_a_backend_that_starts_are_not_passed_on) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kPatient));
  RawConnection client = ask(sidecar, browser_get());
  RawConnection connection = attempt(backend);
  connection.send(kBusy);
  connection = attempt(backend);
  connection.send("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n");
  connection = attempt(backend);
  connection.reset();
  connection = attempt(backend);
  connection.send(kStreamHead);
  connection.send(chunk("data: 1\n\n") + std::string(kLastChunk));
  Reader reader(std::move(client));
  EXPECT_EQ(reader.body.read_all(), "data: 1\n\n");
  expect_close(sidecar, "complete", "upstream");
}

TEST(Unavailable, gives_up_in_time_with_the_plain_error) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, "unavailable: { hold: 1s }"));
  const auto start = Clock::now();
  RawConnection client = ask(sidecar, browser_get());
  EXPECT_EQ(read_response(client).status(), 502);
  EXPECT_GE(since(start), 300ms);
  EXPECT_LE(since(start), 1s + scaled(500ms));
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "upstream_unreachable");
}

TEST(Unavailable, the_last_answer_is_the_backends_own) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "unavailable: { hold: 400ms }"));
  RawConnection client = ask(sidecar, browser_get());
  Background serving([&] {
    while (!backend.no_connection_for(1s)) backend.accept().send(kBusy);
  });
  EXPECT_EQ(read_response(client).body, "busy");
}

TEST(Unavailable, is_kept_alive_where_the_error_would_be_told) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend,
                           "unavailable: { hold: 1s }, error_event: { statuses: [502] }, "
                           "heartbeat: { interval: 100ms }"));
  const auto start = Clock::now();
  Reader reader(ask(sidecar, browser_get()));
  EXPECT_LT(since(start), scaled(200ms));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(reader.body.read_exact(kHeartbeat.size()), kHeartbeat);
  const std::string rest = reader.body.read_all();
  EXPECT_TRUE(rest.ends_with("event: upstream_error\ndata: {\"status\":502,\"reason\":\"connection refused\"}\n\n"))
      << rest;
  EXPECT_GE(since(start), 300ms);
  EXPECT_LE(since(start), 1s + scaled(500ms));
  expect_close(sidecar, "upstream_unreachable", "upstream");
}

TEST(Unavailable, without_that_the_head_waits_for_an_interval) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kPatient + ", heartbeat: { interval: 500ms }"));
  const auto start = Clock::now();
  Reader reader(ask(sidecar, browser_get("1.0")));
  EXPECT_GE(since(start), 400ms);
  EXPECT_EQ(reader.client.read_exact(kHeartbeat.size()), kHeartbeat);
  backend.listen();
  RawConnection connection = attempt(backend);
  connection.send(std::string(kStreamUntilClose) + "data: 1\n\n");
  connection.close();
  EXPECT_TRUE(reader.client.read_to_end().ends_with("data: 1\n\n"));
}

TEST(Unavailable, a_post_is_not_repeated) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kPatient + ", error_event: { statuses: [5xx] }"));
  RawConnection client =
      ask(sidecar, "POST / HTTP/1.1\r\nHost: app.test\r\nAccept: text/event-stream\r\nContent-Length: 0\r\n\r\n");
  backend.accept().send(kBusy);
  EXPECT_EQ(read_response(client).status(), 503);
  EXPECT_TRUE(backend.no_connection_for(500ms));
}

class Departed : public ::testing::TestWithParam<const char*> {
 protected:
  static void leave(RawConnection& client) {
    const std::string_view how = GetParam();
    if (how == "fin") {
      client.half_close();
    } else if (how == "reset") {
      client.reset();
    } else {
      client.close();
    }
  }
};

TEST_P(Departed, nobody_asks_for_him_any_more) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kPatient));
  RawConnection client = ask(sidecar, browser_get());
  RawConnection connection = attempt(backend);
  connection.send(kBusy);
  EXPECT_NE(connection.wait_end(), End::open);
  leave(client);
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(text_of(line, "reason"), "client_gone");
  EXPECT_EQ(text_of(line, "closed_by"), "client");
  EXPECT_TRUE(backend.no_connection_for(1s));
}

TEST_P(Departed, behind_an_open_head_neither) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kPatient + ", error_event: { statuses: [502] }"));
  RawConnection client = ask(sidecar, browser_get());
  RawConnection connection = attempt(backend);
  connection.send(kBusy);
  (void)client.read_head();
  leave(client);
  expect_close(sidecar, "client_gone", "client");
  EXPECT_TRUE(backend.no_connection_for(1s));
}

TEST_P(Departed, an_attempt_that_is_under_way_ends_at_once) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kPatient + ", error_event: { statuses: [502] }"));
  RawConnection client = ask(sidecar, browser_get());
  attempt(backend).send(kBusy);
  (void)client.read_head();
  RawConnection second = attempt(backend);
  leave(client);
  EXPECT_NE(second.wait_end(scaled(1s)), End::open);
  expect_close(sidecar, "client_gone", "client");
}

INSTANTIATE_TEST_SUITE_P(Unavailable, Departed, ::testing::Values("fin", "close", "reset"),
                         [](const auto& param) { return std::string(param.param); });

TEST(Unavailable, a_drain_ends_an_open_stream) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kPatient + ", error_event: { statuses: [502] }", {},
                           "drain: { grace: 1s, retry: [100ms, 300ms] }"));
  Reader reader(ask(sidecar, browser_get()));
  sidecar.signal(SIGTERM);
  const std::string rest = reader.body.read_all();
  EXPECT_TRUE(rest.starts_with("retry: ") && rest.ends_with("\n\n")) << rest;
  EXPECT_EQ(sidecar.wait_exit(), 0);
  expect_close(sidecar, "drain", "sidecar");
}

TEST(Unavailable, a_drain_answers_who_waits_at_once) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, "unavailable: { hold: 1h }"));
  RawConnection client = ask(sidecar, browser_get());
  EXPECT_TRUE(client.silent_for(2'500ms)) << "by now it is asked every few seconds";
  const auto start = Clock::now();
  sidecar.signal(SIGTERM);
  EXPECT_EQ(read_response(client).status(), 502);
  EXPECT_LT(since(start), scaled(700ms));
  client.close();
  EXPECT_EQ(sidecar.wait_exit(), 0);
}

TEST(Unavailable, a_reload_lets_who_waits_wait) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kPatient));
  RawConnection client = ask(sidecar, browser_get());
  EXPECT_TRUE(client.silent_for(200ms));
  sidecar.rewrite(opted_in(backend, "unavailable: null").config);
  sidecar.signal(SIGHUP);
  (void)sidecar.wait_for_log("message",
                             [](const auto& line) { return text_of(line, "message") == "configuration reloaded"; });
  RawConnection late = ask(sidecar, browser_get());
  EXPECT_EQ(read_response(late).status(), 502);
  EXPECT_TRUE(client.silent_for(200ms));
  backend.listen();
  RawConnection connection = attempt(backend);
  connection.send(kStreamHead);
  EXPECT_EQ(client.read_head().status(), 200);
}

}  // namespace
}  // namespace sidecar::nettest
