// Thousands of clients that are slow, silent or hostile, all at once: memory stays within what is configured, and
// ordinary clients are served in time.
#include <sys/socket.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::size_t kPendingBytes = 32U * 1024;

/// What all slow peers together may make the program hold.
constexpr std::size_t kPooledBytes = 4U << 20U;

/// What a connection and its session may hold beside what is pending: sessions, heads, log lines, the heap's slack.
constexpr std::size_t kConnectionBytes = 4U * 1024;

/// The limits of this test; every one of them bounds what a hostile client can hold.
std::string limits(std::size_t pooled_bytes) {
  return "limits:\n  pending_bytes: " + std::to_string(kPendingBytes) +
         "B\n  pooled_memory: " + std::to_string(pooled_bytes) +
         "B\n"
         "  connections: 4000\n"
         "  streams: 300\n"
         "  body_timeout: null\n"
         "  head_timeout: 1h\n"
         "  idle_timeout: 1h\n"
         "  write_timeout: 1h\n"
         "log: { level: info, format: json }\n";
}

/// `/ordinary` is answered at once; `/flood` never ends; `/stream` is an event stream that says much; `/never` gets no
/// answer; whatever else has a body is read as it comes and answered behind it.
void serve(RawConnection& connection) {
  const int small = 16 * 1024;  // The kernel's memory is not what is tested here.
  ::setsockopt(connection.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  while (true) {
    const Head head = connection.read_head(1h);
    const std::string& line = head.start_line;
    if (line.find("/flood") != std::string::npos || line.find("/stream") != std::string::npos) {
      const bool stream = line.find("/stream") != std::string::npos;
      connection.send(stream ? std::string(kStreamHead) : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const std::string bytes = chunk("data: " + std::string(16'000, 'x') + "\n\n");
      while (true) connection.send(bytes, 1h);
    }
    if (line.find("/never") != std::string::npos) {
      (void)connection.wait_end(1h);
      return;
    }
    BodyReader body(connection, framing_of_request(head));
    (void)body.read_all(1h);
    connection.send(ok("ordinary"));
  }
}

struct Hostility {
  const char* name;
  std::string sent;
};

const std::vector<Hostility>& hostilities() {
  static const std::vector<Hostility> all = {
      {"says nothing", ""},
      {"half a head", "GET /ordinary HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(8'000, 'x')},
      {"half a body", "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + std::string(10'000, 'x')},
      {"half a chunk", "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nxxx"},
      {"does not read a response", get("/flood")},
      {"does not read a stream", get("/stream", "Accept: text/event-stream\r\n")},
      {"pipelines and does not read", get("/never") + std::string(100'000, '\n') + get("/ordinary")},
      {"never closes", get("/ordinary")},
  };
  return all;
}

/// Sends what the kernel takes and then only holds the connection.
std::vector<RawConnection> crowd(const Sidecar& sidecar, std::size_t count) {
  std::vector<RawConnection> clients;
  clients.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(sidecar.connect({4'096}));
    (void)clients.back().send_some(hostilities()[i % hostilities().size()].sent);
  }
  return clients;
}

/// Milliseconds of `count` ordinary requests, sorted; half of them on a connection of their own.
std::vector<std::int64_t> ordinary_requests(const Sidecar& sidecar, int count) {
  std::vector<std::int64_t> delays;
  RawConnection kept = sidecar.connect();
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    RawConnection fresh;
    if (i % 2 == 0) fresh = sidecar.connect();
    RawConnection& client = i % 2 == 0 ? fresh : kept;
    client.send(get("/ordinary"));
    EXPECT_EQ(read_response(client, "GET", scaled(20s)).body, "ordinary");
    delays.push_back(since(start).count());
    std::this_thread::sleep_for(5ms);
  }
  std::sort(delays.begin(), delays.end());
  return delays;
}

TEST(Crowd, of_hostile_clients_is_bounded_and_keeps_nobody_waiting) {
  const std::size_t count = sanitized() ? 800 : 3'000;
  ASSERT_GT(raise_open_file_limit(), 3 * count);
  BackendOptions options;
  options.receive_buffer = 4'096;
  options.backlog = 4'096;  // Who does not fit is asked to come again in a second.
  ServingBackend backend(serve, options);
  Sidecar sidecar(configured(backend.listener(), "response_timeout: 10s, keepalive: { idle_timeout: 500ms }",
                             limits(kPooledBytes)));
  const Memory before = sidecar.memory();
  {
    const auto start = Clock::now();
    std::vector<RawConnection> clients = crowd(sidecar, count);
    std::cout << count << " clients within " << since(start).count() << " ms\n";
    const std::vector<std::int64_t> delays = ordinary_requests(sidecar, 500);
    const auto p99 = delays[delays.size() * 99 / 100];
    std::cout << "ordinary requests: median " << delays[delays.size() / 2] << " ms, p99 " << p99 << " ms, longest "
              << delays.back() << " ms\n";
    EXPECT_LT(p99, scaled(100ms).count()) << "who asks for little waits for those who move much";
    const std::size_t grown = sidecar.memory().resident_bytes - before.resident_bytes;
    std::cout << "memory: " << grown / 1024 << " kB more, " << grown / count << " bytes a client\n";
    if (!sanitized()) {
      EXPECT_LT(grown, kPooledBytes + count * kConnectionBytes);
    }
  }
  EXPECT_TRUE(sidecar.fds_return_to_start(scaled(20s)));
  EXPECT_EQ(backend.failures(), std::vector<std::string>{});
}

// Resets by the thousand, at every stage of an exchange.

TEST(Resets, by_the_thousand_leave_nothing) {
  const int rounds = sanitized() ? 1'000 : 5'000;
  ServingBackend backend(serve);
  Sidecar sidecar(configured(backend.listener(), "keepalive: { idle_timeout: 500ms }", limits(256U << 20U)));
  for (int i = 0; i < rounds; ++i) {
    RawConnection client = sidecar.connect();
    const std::string& sent = hostilities()[static_cast<std::size_t>(i) % hostilities().size()].sent;
    (void)client.send_some(sent);
    if (i % 3 == 0 && (sent.find("/stream") != std::string::npos || sent.find("/flood") != std::string::npos)) {
      (void)client.read_head();
    }
    client.reset();
  }
  EXPECT_TRUE(sidecar.fds_return_to_start(scaled(20s)));
  RawConnection client = sidecar.connect();
  client.send(get("/ordinary"));
  EXPECT_EQ(read_response(client).body, "ordinary");
  std::map<std::string, int> reasons;
  for (const auto& event : {"request", "stream_close"}) {
    for (const auto& line : sidecar.log_of(event)) {
      ++reasons[line.contains("reason") ? text_of(line, "reason") : "complete"];
    }
  }
  for (const auto& [reason, count] : reasons) {
    EXPECT_TRUE(reason == "client_gone" || reason == "complete") << count << " times " << reason;
  }
  EXPECT_GT(reasons["client_gone"], rounds / 4);
}

}  // namespace
}  // namespace sidecar::nettest
