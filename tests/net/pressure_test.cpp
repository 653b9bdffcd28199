// Much data, slow peers, bounded memory.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::size_t kMemoryGrowthMax = 8U << 20U;
constexpr std::size_t kBlock = 1U << 20U;

std::uint64_t upload_bytes() {
  const char* wished = std::getenv("SIDECAR_TEST_UPLOAD_BYTES");
  if (wished != nullptr) return std::strtoull(wished, nullptr, 10);
  return sanitized() ? 64ULL << 20U : 1ULL << 30U;
}

std::uint64_t flood_bytes() {
  return sanitized() ? 40'000'000 : 200'000'000;
}

/// Sends blocks of the pattern's first mebibyte, whose length divides no power of two.
const std::string& block() {
  static const std::string bytes = pattern(kBlock - 7);
  return bytes;
}

/// Compares what arrives with an endless repetition of block().
class Verifier {
 public:
  void take(std::string_view bytes) {
    total_ += bytes.size();
    while (!bytes.empty()) {
      const std::string_view expected = std::string_view(block()).substr(at_, bytes.size());
      if (bytes.substr(0, expected.size()) != expected) wrong_ = true;
      at_ = (at_ + expected.size()) % block().size();
      bytes.remove_prefix(expected.size());
    }
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] bool wrong() const { return wrong_; }

 private:
  std::size_t at_ = 0;
  std::uint64_t total_ = 0;
  bool wrong_ = false;
};

void send_blocks(RawConnection& connection, std::uint64_t bytes) {
  while (bytes > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, block().size()));
    connection.send(std::string_view(block()).substr(0, size), scaled(60s));
    bytes -= size;
  }
}

void expect_bounded(const Sidecar& sidecar, const Memory& before, std::size_t growth_max = kMemoryGrowthMax) {
  const std::size_t now = sidecar.memory().resident_bytes;
  const std::size_t growth = now > before.resident_bytes ? now - before.resident_bytes : 0;
  std::cout << "memory: " << before.resident_bytes / 1024 << " kB, then " << now / 1024 << " kB\n";
  if (!sanitized()) {
    EXPECT_LT(growth, growth_max);
  }
}

Launch quiet(const RawBackend& backend, const std::string& rest = {}) {
  return configured(backend, "", "log: { level: info, format: json }\n" + rest);
}

TEST(Pressure, a_large_upload_passes_in_bounded_memory) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend));
  const std::uint64_t size = upload_bytes();
  const Memory before = sidecar.memory();
  RawConnection client = sidecar.connect();
  client.send("PUT /upload HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  Background sender([&] { send_blocks(client, size); });
  RawConnection connection = backend.accept();
  BodyReader body(connection, framing_of_request(connection.read_head()));
  Verifier verifier;
  std::size_t resident_max = 0;
  while (body.end() == BodyEnd::open) {
    verifier.take(body.read_available(scaled(30s)));
    if (verifier.total() % 64 == 0) resident_max = std::max(resident_max, sidecar.memory().resident_bytes);
  }
  sender.join();
  EXPECT_EQ(verifier.total(), size);
  EXPECT_FALSE(verifier.wrong());
  connection.send(ok("stored"));
  EXPECT_EQ(read_response(client, "PUT").body, "stored");
  expect_bounded(sidecar, before);
  if (!sanitized()) {
    EXPECT_LT(resident_max, before.resident_bytes + kMemoryGrowthMax);
  }
}

TEST(Pressure, a_large_download_passes_in_bounded_memory) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend));
  const std::uint64_t size = upload_bytes() / 4;
  const Memory before = sidecar.memory();
  RawConnection client = sidecar.connect();
  client.send(get("/download"));
  RawConnection connection = backend.accept();
  (void)connection.read_head();
  connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  Background sender([&] {
    send_blocks(connection, size);
    connection.close();
  });
  BodyReader body(client, framing_of_response(client.read_head(), "GET"));
  Verifier verifier;
  while (body.end() == BodyEnd::open) verifier.take(body.read_available(scaled(30s)));
  sender.join();
  EXPECT_EQ(body.end(), BodyEnd::complete);
  EXPECT_EQ(verifier.total(), size);
  EXPECT_FALSE(verifier.wrong());
  expect_bounded(sidecar, before);
}

TEST(Pressure, a_backend_that_does_not_read_stops_the_client) {
  BackendOptions options;
  options.receive_buffer = 16 * 1024;
  RawBackend backend(options);
  Sidecar sidecar(quiet(backend, "limits: { write_timeout: 1h }"));
  constexpr std::uint64_t kSize = 64U << 20U;
  RawConnection client = sidecar.connect();
  client.send("PUT /upload HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
  RawConnection connection = backend.accept();
  BodyReader body(connection, framing_of_request(connection.read_head()));
  const Memory before = sidecar.memory();
  std::atomic<bool> sent = false;
  Background sender([&] {
    send_blocks(client, kSize);
    sent = true;
  });
  std::this_thread::sleep_for(500ms);
  EXPECT_FALSE(sent) << "back-pressure reaches the client";
  expect_bounded(sidecar, before, 2U << 20U);
  Verifier verifier;
  while (body.end() == BodyEnd::open) verifier.take(body.read_available(scaled(30s)));
  sender.join();
  EXPECT_EQ(verifier.total(), kSize);
  EXPECT_FALSE(verifier.wrong());
}

std::vector<Milliseconds> neighbour_delays(Stream& stream, BodyReader& body, int events) {
  std::vector<Milliseconds> delays;
  for (int i = 0; i < events; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    const auto start = Clock::now();
    stream.backend.send(chunk(event));
    EXPECT_EQ(body.read_exact(event.size()), event);
    delays.push_back(since(start));
    std::this_thread::sleep_for(10ms);
  }
  std::sort(delays.begin(), delays.end());
  return delays;
}

/// Nine in ten within 100 ms: the rest belongs to the scheduler of a shared machine.
void expect_prompt(const std::vector<Milliseconds>& delays) {
  std::cout << "delay of a neighbour's events: median " << delays[delays.size() / 2].count() << " ms, 90 % "
            << delays[delays.size() * 9 / 10].count() << " ms, worst " << delays.back().count() << " ms\n";
  EXPECT_LT(delays[delays.size() * 9 / 10], scaled(100ms));
}

TEST(Pressure, a_stream_to_a_client_that_does_not_read) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend, "limits: { write_timeout: 1h }"));
  Stream neighbour = open_stream(sidecar, backend);
  BodyReader neighbour_body = body_of(neighbour);
  const Memory before = sidecar.memory();
  Stream slow = open_stream(sidecar, backend, get("/flood"),
                            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
  std::atomic<std::uint64_t> left = flood_bytes();
  Background sender([&] {
    const std::string events = [] {
      std::string text;
      while (text.size() < 60'000) text += "data: " + std::to_string(text.size()) + std::string(200, 'x') + "\n\n";
      return text;
    }();
    while (left > 0) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, events.size()));
      slow.backend.send(std::string_view(events).substr(0, size), scaled(60s));
      left -= size;
    }
    slow.backend.close();
  });
  expect_prompt(neighbour_delays(neighbour, neighbour_body, 50));
  EXPECT_GT(left, 0U) << "back-pressure reaches the backend";
  expect_bounded(sidecar, before, 2U << 20U);
  BodyReader body = body_of(slow);
  std::uint64_t received = 0;
  while (body.end() == BodyEnd::open) received += body.read_available(scaled(30s)).size();
  sender.join();
  EXPECT_EQ(body.end(), BodyEnd::complete);
  EXPECT_EQ(received, flood_bytes());
  expect_bounded(sidecar, before);
}

TEST(Pressure, a_neighbour_is_prompt_while_a_stream_is_flooded) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend));
  Stream neighbour = open_stream(sidecar, backend);
  BodyReader neighbour_body = body_of(neighbour);
  Stream fast = open_stream(sidecar, backend, get("/flood"),
                            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
  std::atomic<bool> stop = false;
  Background sender([&] {
    const std::string events(60'000, '\n');
    for (const auto start = Clock::now(); !stop && since(start) < scaled(20s);) fast.backend.send(events, scaled(10s));
    fast.backend.close();
  });
  Background reader([&] {
    BodyReader body = body_of(fast);
    while (!body.read_available(scaled(30s)).empty()) {
    }
  });
  expect_prompt(neighbour_delays(neighbour, neighbour_body, 50));
  stop = true;
  sender.join();
  reader.join();
}

TEST(Pressure, a_client_that_stalls_for_write_timeout_is_given_up) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend, "limits: { write_timeout: 500ms }"));
  Stream stream =
      open_stream(sidecar, backend, get("/"), "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", {4'096});
  const auto start = Clock::now();
  const std::string events(1 << 20, '\n');
  try {
    while (since(start) < scaled(10s)) stream.backend.send(events, scaled(10s));
    ADD_FAILURE() << "the upstream is never closed";
  } catch (const PeerGone&) {
  }
  EXPECT_GE(since(start), 400ms);
  const auto line = sidecar.wait_for_log("stream_close");
  EXPECT_EQ(text_of(line, "reason"), "client_stalled");
  EXPECT_EQ(text_of(line, "closed_by"), "sidecar");
  const End end = stream.client.wait_end();
  EXPECT_NE(end, End::open);
  EXPECT_FALSE(stream.client.buffered().ends_with(kLastChunk)) << "no clean end";
}

TEST(Pressure, a_slow_but_reading_client_is_not_given_up) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend, "limits: { write_timeout: " + to_text(scaled(600ms)) + " }"));
  Stream stream =
      open_stream(sidecar, backend, get("/"), "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", {4'096});
  constexpr std::size_t kSize = 8U << 20U;
  Background sender([&] {
    send_blocks(stream.backend, kSize);
    stream.backend.close();
  });
  BodyReader body = body_of(stream);
  std::size_t received = 0;
  const auto start = Clock::now();
  while (since(start) < scaled(1500ms)) {
    received += body.read_available().size();
    std::this_thread::sleep_for(50ms);
  }
  received += body.read_all(scaled(30s)).size();
  sender.join();
  EXPECT_EQ(received, kSize);
}

/// Twenty clients that do not read come and go.
void crowd_of_slow_clients(Sidecar& sidecar, RawBackend& backend, const Memory& before) {
  std::vector<Stream> streams;
  const std::string events(1 << 20, '\n');
  for (int i = 0; i < 20; ++i) {
    streams.push_back(
        open_stream(sidecar, backend, get("/"), "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", {4'096}));
    while (streams.back().backend.send_some(events) > 0) {
    }
  }
  expect_bounded(sidecar, before, 20 * 320U * 1024);
}

TEST(Pressure, memory_returns_when_slow_clients_leave) {
  RawBackend backend;
  Sidecar sidecar(quiet(backend, "limits: { write_timeout: 1h }"));
  crowd_of_slow_clients(sidecar, backend, sidecar.memory());
  ASSERT_TRUE(sidecar.fds_return_to_start());
  const Memory settled = sidecar.memory();
  for (int round = 0; round < 8; ++round) {
    crowd_of_slow_clients(sidecar, backend, settled);
    ASSERT_TRUE(sidecar.fds_return_to_start());
  }
  expect_bounded(sidecar, settled, 1U * 1024 * 1024);  // Eight rounds that keep theirs are 4 MiB: 25 kB a client.
}

}  // namespace
}  // namespace sidecar::nettest
