// Everything has a limit, and whoever meets it is told, or waits; nobody else notices.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

Launch limited(const RawBackend& backend, const std::string& limits, const std::string& rest = {}) {
  return configured(backend, "keepalive: { idle_timeout: 300ms }", "limits: { " + limits + " }\n" + rest);
}

std::size_t warnings(Sidecar& sidecar, std::string_view text) {
  const auto lines = sidecar.log_of("message");
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
    return text_of(line, "message").find(text) != std::string::npos;
  }));
}

void wait_for_warning(Sidecar& sidecar, std::string_view text) {
  (void)sidecar.wait_for_log(
      "message", [&](const auto& line) { return text_of(line, "message").find(text) != std::string::npos; });
}

/// Answers everything.
void serve(RawConnection& connection) {
  while (true) {
    (void)read_request(connection, 1h);
    connection.send(ok("served"));
  }
}

int status_of_next(RawConnection& client) {
  client.send(get("/"));
  return read_response(client).status();
}

// Connections.

constexpr std::string_view kTooMany = "further clients get 503";
constexpr std::string_view kPauses = "accepting pauses";

TEST(Connections, one_too_many_is_told_to_come_back) {
  ServingBackend backend(serve);
  Sidecar sidecar(limited(backend.listener(), "connections: 2"));
  RawConnection first = sidecar.connect();
  RawConnection second = sidecar.connect();
  EXPECT_EQ(status_of_next(first), 200);
  EXPECT_EQ(status_of_next(second), 200);
  for (int i = 0; i < 3; ++i) {
    RawConnection third = sidecar.connect();
    third.send(get("/"));
    const Response response = read_response(third);
    EXPECT_EQ(response.status(), 503);
    EXPECT_TRUE(response.head.has("Retry-After"));
    EXPECT_TRUE(response.head.lists("Connection", "close"));
    EXPECT_EQ(third.wait_end(), End::eof);
  }
  wait_for_warning(sidecar, kTooMany);
  EXPECT_EQ(status_of_next(first), 200) << "who is in stays in";
  second.close();
  const auto start = Clock::now();
  int status = 503;
  while (status == 503 && since(start) < patience()) {
    RawConnection again = sidecar.connect();
    status = status_of_next(again);
  }
  EXPECT_EQ(status, 200);
  EXPECT_EQ(warnings(sidecar, kTooMany), 1U);
}

/// Fills the one place, and those of all who are told so.
std::vector<RawConnection> fill(Sidecar& sidecar) {
  std::vector<RawConnection> silent;
  for (int i = 0; i < 129; ++i) silent.push_back(sidecar.connect());
  std::vector<RawConnection> one_more;
  while (warnings(sidecar, kPauses) == 0) {
    one_more.push_back(sidecar.connect());
    std::this_thread::sleep_for(1ms);
    if (one_more.size() > 1'000) throw Failure("accepting never pauses");
  }
  return silent;
}

TEST(Connections, far_too_many_wait) {
  ServingBackend backend(serve);
  Sidecar sidecar(limited(backend.listener(), "connections: 1"));
  std::vector<RawConnection> silent = fill(sidecar);
  std::vector<RawConnection> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(sidecar.connect());
    waiting.back().send(get("/"));
  }
  EXPECT_TRUE(waiting.back().silent_for(500ms));
  silent.clear();
  for (RawConnection& client : waiting) {
    const int status = read_response(client).status();
    EXPECT_TRUE(status == 200 || status == 503) << status;
  }
  EXPECT_EQ(warnings(sidecar, kPauses), 1U);
  EXPECT_EQ(warnings(sidecar, kTooMany), 1U);
}

TEST(Connections, who_waits_is_answered_in_a_drain_too) {
  ServingBackend backend(serve);
  Sidecar sidecar(limited(backend.listener(), "connections: 1", "drain: { grace: 5s }"));
  const std::vector<RawConnection> silent = fill(sidecar);
  std::vector<RawConnection> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(sidecar.connect());
    waiting.back().send(get("/"));
  }
  EXPECT_TRUE(waiting.back().silent_for(300ms));
  sidecar.signal(SIGTERM);
  for (RawConnection& client : waiting) {
    const int status = read_response(client).status();
    EXPECT_TRUE(status == 200 || status == 503) << status;
    client.close();
  }
  EXPECT_EQ(sidecar.wait_exit(scaled(4s)), 0);
}

TEST(Connections, wait_for_descriptors) {
  // The sanitizer opens a pipe to find out what an address is, and takes the lack of one for a bad address.
  if (sanitized()) GTEST_SKIP() << "tests/faults/kernel_test plays this on the sanitizer build";
  ServingBackend backend(serve);
  Sidecar sidecar(limited(backend.listener(), "connections: 1000"));
  const std::size_t files = sidecar.open_fds() + 45;
  const rlimit few{files, files};
  ASSERT_EQ(::prlimit(sidecar.pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<RawConnection> idle;
  for (int i = 0; i < 60; ++i) idle.push_back(sidecar.connect());
  wait_for_warning(sidecar, kPauses);
  std::vector<RawConnection> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(sidecar.connect());
    waiting.back().send(get("/"));
  }
  EXPECT_TRUE(waiting.back().silent_for(500ms));
  idle.clear();
  for (RawConnection& client : waiting) EXPECT_EQ(read_response(client).status(), 200);
  EXPECT_EQ(warnings(sidecar, kPauses), 1U);
}

// Streams.

TEST(Streams, one_too_many_is_told_to_come_back_and_none_is_ended) {
  RawBackend backend;
  Sidecar sidecar(limited(backend, "streams: 2"));
  Stream first = open_stream(sidecar, backend);
  Stream second = open_stream(sidecar, backend);
  {
    Stream third = open_stream(sidecar, backend);
    EXPECT_EQ(third.head.status(), 503);
    EXPECT_TRUE(third.head.has("Retry-After"));
    EXPECT_NE(third.backend.wait_end(), End::open);
    EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "limit");
    (void)body_of(third).read_all();
    third.client.send(get("/ordinary"));
    RawConnection connection = backend.accept();
    (void)connection.read_head();
    connection.send(ok("served"));
    EXPECT_EQ(read_response(third.client).body, "served") << "only streams are too many";
  }
  for (Stream* stream : {&first, &second}) {
    stream->backend.send(chunk("data: 1\n\n"));
    EXPECT_EQ(body_of(*stream).read_until("data: 1\n\n"), "data: 1\n\n");
  }
  first.client.close();
  EXPECT_NE(first.backend.wait_end(), End::open);
  Stream again = open_stream(sidecar, backend);
  EXPECT_EQ(again.head.status(), 200);
}

/// Connects from an address of this machine's choice.
RawConnection connect_from(const char* source, const Sidecar& sidecar) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  ::inet_pton(AF_INET, source, &own.sin_addr);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer.sin_port = htons(sidecar.port());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      ::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) {
    ::close(fd);
    throw Failure(std::string("cannot connect from ") + source);
  }
  return {fd, "client"};
}

/// A stream for `client`, and what it was answered.
int status_of_stream(Stream& stream, RawConnection client, RawBackend& backend, std::string_view fields = {}) {
  stream.client = std::move(client);
  stream.client.send(get("/events", fields));
  stream.backend = backend.accept();
  (void)stream.backend.read_head();
  stream.backend.send(kStreamHead);
  stream.head = stream.client.read_head();
  return stream.head.status();
}

TEST(Streams, of_one_client_by_address) {
  RawBackend backend;
  Sidecar sidecar(limited(backend, "streams_per_client: 2"));
  Stream streams[5];
  EXPECT_EQ(status_of_stream(streams[0], connect_from("127.0.0.1", sidecar), backend), 200);
  EXPECT_EQ(status_of_stream(streams[1], connect_from("127.0.0.1", sidecar), backend), 200);
  EXPECT_EQ(status_of_stream(streams[2], connect_from("127.0.0.1", sidecar), backend), 503);
  EXPECT_TRUE(streams[2].head.has("Retry-After"));
  EXPECT_EQ(status_of_stream(streams[3], connect_from("127.0.0.5", sidecar), backend), 200);
  streams[0].client.close();
  EXPECT_NE(streams[0].backend.wait_end(), End::open);
  EXPECT_EQ(status_of_stream(streams[4], connect_from("127.0.0.1", sidecar), backend), 200);
}

TEST(Streams, of_one_client_by_header) {
  RawBackend backend;
  Sidecar sidecar(
      limited(backend, "streams_per_client: 1", "client_address: { header: X-Forwarded-For, trusted: [127.0.0.0/8] }"));
  Stream streams[3];
  EXPECT_EQ(status_of_stream(streams[0], sidecar.connect(), backend, "X-Forwarded-For: 192.0.2.1\r\n"), 200);
  EXPECT_EQ(status_of_stream(streams[1], sidecar.connect(), backend, "X-Forwarded-For: 192.0.2.1\r\n"), 503);
  EXPECT_EQ(status_of_stream(streams[2], sidecar.connect(), backend, "X-Forwarded-For: 192.0.2.2\r\n"), 200);
}

// Time.

constexpr const char* kUpload = "POST /upload HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000000\r\n\r\n";

TEST(BodyTimeout, of_a_silent_client_is_408) {
  RawBackend backend;
  Sidecar sidecar(limited(backend, "body_timeout: 400ms"));
  auto [client, connection, request] = begin_request(sidecar, backend, kUpload);
  auto start = Clock::now();
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(150ms);
    start = Clock::now();
    client.send("piece");
  }
  EXPECT_EQ(connection.read_exact(20).size(), 20U) << "slow is not silent";
  const Response response = read_response(client, "POST");
  EXPECT_EQ(response.status(), 408);
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_GE(since(start), 300ms);
  EXPECT_LT(since(start), scaled(1s));
  EXPECT_NE(connection.wait_end(), End::open);
}

class DeafBackend : public ::testing::TestWithParam<bool> {};

TEST_P(DeafBackend, is_a_gateway_timeout) {
  TemporaryFolder folder;
  BackendOptions options;
  if (GetParam()) options.unix_path = folder.path("app.sock");
  options.receive_buffer = GetParam() ? 0 : 16 * 1024;
  RawBackend backend(options);
  Sidecar sidecar(limited(backend, "write_timeout: 500ms"));
  auto [client, connection, request] = begin_request(sidecar, backend, kUpload);
  const auto start = Clock::now();
  const std::string block(1 << 20, 'x');
  while (!client.readable_within(1ms)) {
    (void)client.send_some(block);
    if (since(start) > scaled(5s)) break;
  }
  EXPECT_EQ(client.read_head().status(), 504);
  EXPECT_GE(since(start), 400ms);
  EXPECT_LT(since(start), scaled(2s));
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(text_of(line, "reason"), "upstream_timeout");
  EXPECT_NE(connection.wait_end(), End::open);
}

INSTANTIATE_TEST_SUITE_P(Limits, DeafBackend, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "unix" : "tcp"; });

TEST(WriteTimeout, is_not_for_a_backend_that_is_only_slow) {
  BackendOptions options;
  options.receive_buffer = 16 * 1024;
  RawBackend backend(options);
  Sidecar sidecar(limited(backend, "write_timeout: " + to_text(scaled(400ms))));
  auto [client, connection, request] = begin_request(sidecar, backend, kUpload);
  const std::string block(1 << 20, 'x');
  for (const auto start = Clock::now(); since(start) < scaled(1'200ms);) {
    (void)client.send_some(block);
    (void)connection.read_available();
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_TRUE(client.silent_for(1ms));
}

TEST(HalfClosed, and_silent_a_tunnel_has_an_end) {
  RawBackend backend;
  Sidecar sidecar(limited(backend, "idle_timeout: 400ms"));
  for (const bool by_client : {true, false}) {
    Stream tunnel =
        open_stream(sidecar, backend, get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    EXPECT_TRUE(tunnel.client.silent_for(600ms)) << "an open one may be silent";
    RawConnection& gone = by_client ? tunnel.client : tunnel.backend;
    RawConnection& there = by_client ? tunnel.backend : tunnel.client;
    gone.half_close();
    EXPECT_EQ(there.wait_end(), End::eof);
    auto start = Clock::now();
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(200ms);
      start = Clock::now();
      there.send("x");
      EXPECT_EQ(gone.read_exact(1), "x");
    }
    EXPECT_NE(gone.wait_end(), End::open);
    EXPECT_GE(since(start), 300ms);
    EXPECT_LT(since(start), scaled(1s));
  }
  for (const auto start = Clock::now(); sidecar.log_of("request").size() < 2 && since(start) < patience();) {
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_EQ(sidecar.log_of("request").size(), 2U);
  for (const auto& line : sidecar.log_of("request")) EXPECT_EQ(text_of(line, "reason"), "limit");
}

/// So much behind its request that it is not read any more.
TEST(Blind, to_a_client_it_is_noticed_all_the_same_that_it_goes) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/") + std::string(200'000, 'x'));
  EXPECT_TRUE(connection.silent_for(200ms));
  const auto start = Clock::now();
  client.reset();
  EXPECT_NE(connection.wait_end(), End::open);
  EXPECT_LT(since(start), scaled(1'500ms));
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "client_gone");
}

// Memory.

TEST(PooledMemory, is_shared_by_all_slow_peers) {
  constexpr std::size_t kClients = 200;
  ServingBackend backend([](RawConnection& connection) {
    while (true) {
      if (connection.read_head(1h).start_line.find("/flood") == std::string::npos) {
        connection.send(ok("ordinary"));
        continue;
      }
      const int small = 16 * 1024;
      ::setsockopt(connection.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
      connection.send(kStreamHead);
      const std::string bytes = chunk("data: " + std::string(60'000, 'x') + "\n\n");
      while (true) connection.send(bytes, 1h);
    }
  });
  Sidecar sidecar(limited(backend.listener(), "pooled_memory: 1MiB, pending_bytes: 256KiB, write_timeout: 1h"));
  const Memory before = sidecar.memory();
  std::vector<RawConnection> slow;
  for (std::size_t i = 0; i < kClients; ++i) {
    slow.push_back(sidecar.connect({4'096}));
    slow.back().send(get("/flood"));
  }
  (void)sidecar.wait_for_log("stream_close");
  std::this_thread::sleep_for(300ms);
  RawConnection client = sidecar.connect();
  for (int i = 0; i < 20; ++i) {
    client.send(get("/ordinary"));
    EXPECT_EQ(read_response(client).body, "ordinary");
  }
  const std::size_t grown = sidecar.memory().anonymous_bytes - before.anonymous_bytes;
  std::size_t given_up = 0;
  for (const auto& line : sidecar.log_of("stream_close")) {
    EXPECT_EQ(text_of(line, "reason"), "limit");
    EXPECT_EQ(text_of(line, "closed_by"), "sidecar");
    ++given_up;
  }
  std::cout << grown / 1024 << " kB more, " << given_up << " of " << kClients << " given up\n";
  EXPECT_LT(given_up, kClients - 30) << "what fits may stay";
  if (!sanitized()) {
    EXPECT_LT(grown, 4U << 20U);
  }
}

}  // namespace
}  // namespace sidecar::nettest
