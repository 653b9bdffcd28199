// What an idle stream and an event cost, measured on the real binary and printed.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::size_t kIdleStreamBytesMax = 900;
constexpr double kSyscallsPerEventMax = 4.0;
constexpr double kSyscallsPerEventOfTlsMax = 4.0;
constexpr long kAttachingCalls = 8;  ///< Interrupted waits that are entered anew, and a line of the log.

Launch plain(const RawBackend& backend) {
  return configured(backend, "", "log: { level: info, format: json }\nlimits: { write_timeout: 30s }");
}

void open_idle_streams(std::vector<Stream>& streams, std::size_t count, const Sidecar& sidecar, RawBackend& backend) {
  while (streams.size() < count) {
    streams.push_back(open_stream(sidecar, backend));
    Stream& stream = streams.back();
    stream.backend.send(chunk("data: 1\n\n"));
    BodyReader body = body_of(stream);
    EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  }
}

TEST(Budget, memory_of_an_idle_stream) {
  constexpr std::size_t kFew = 200;
  constexpr std::size_t kMany = 1'200;
  ASSERT_GT(raise_open_file_limit(), 3 * kMany);
  RawBackend backend;
  Sidecar sidecar(plain(backend));
  std::vector<Stream> streams;
  open_idle_streams(streams, kFew, sidecar, backend);
  const std::size_t few = sidecar.memory().anonymous_bytes;
  open_idle_streams(streams, kMany, sidecar, backend);
  const std::size_t many = sidecar.memory().anonymous_bytes;
  const std::size_t per_stream = (many - few) / (kMany - kFew);
  std::cout << "memory of an idle stream: " << per_stream << " bytes (" << few / 1024 << " kB with " << kFew << ", "
            << many / 1024 << " kB with " << kMany << ")\n";
  RecordProperty("bytes_per_idle_stream", static_cast<int>(per_stream));
  if (sanitized()) GTEST_SKIP() << "a sanitizer's memory is not ours";
  EXPECT_LE(per_stream, kIdleStreamBytesMax);
}

TEST(Budget, streams_that_come_and_go_do_not_grow) {
  RawBackend backend;
  Sidecar sidecar(plain(backend));
  std::vector<Stream> streams;
  const auto round = [&] {
    open_idle_streams(streams, 100, sidecar, backend);
    streams.clear();
    EXPECT_TRUE(sidecar.fds_return_to_start());
  };
  for (int i = 0; i < 3; ++i) round();
  const std::size_t before = sidecar.memory().anonymous_bytes;
  for (int i = 0; i < 10; ++i) round();
  const std::size_t after = sidecar.memory().anonymous_bytes;
  std::cout << "after 300 streams " << before / 1024 << " kB, after 1300 " << after / 1024 << " kB\n";
  if (!sanitized()) {
    EXPECT_LT(after, before + 256 * 1024);
  }
}

/// The total of `strace -c`'s table.
long total_calls(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.ends_with(" total")) continue;
    std::istringstream words(line);
    std::string percent;
    std::string seconds;
    std::string microseconds;
    long calls = 0;
    words >> percent >> seconds >> microseconds >> calls;
    return calls;
  }
  return -1;
}

bool wait_until_attached(const Process& strace) {
  std::string text;
  char byte = 0;
  while (::read(strace.stderr_fd(), &byte, 1) == 1) {
    text += byte;
    if (text.find("attached") != std::string::npos) return true;
  }
  return false;
}

/// What an event from `backend` costs at a low rate; nullopt where that cannot be counted.
std::optional<double> calls_per_event(const Sidecar& sidecar, RawConnection& backend, BodyReader& body) {
  const std::string program = find_program("strace");
  if (program.empty()) return std::nullopt;
  constexpr int kEvents = 100;
  TemporaryFolder folder;
  const std::string table = folder.path("calls");
  Process strace(program, {"-f", "-c", "-o", table, "-p", std::to_string(sidecar.pid())});
  if (!wait_until_attached(strace)) return std::nullopt;
  auto next = Clock::now() + 100ms;  // Further threads are attached one by one.
  for (int i = 0; i < kEvents; ++i) {
    std::this_thread::sleep_until(next);
    next += 20ms;
    backend.send(chunk("data: event\n\n"));
    EXPECT_EQ(body.read_exact(13), "data: event\n\n");
  }
  strace.signal(SIGINT);
  if (!strace.wait(scaled(5s))) throw Failure("strace does not end");
  const long calls = total_calls(table);
  EXPECT_GT(calls, 0);
  const double per_event = static_cast<double>(std::max(0L, calls - kAttachingCalls)) / kEvents;
  std::ifstream shown(table);
  std::cout << shown.rdbuf() << "system calls of an event: " << per_event << "\n";
  return per_event;
}

TEST(Budget, system_calls_of_an_event_at_a_low_rate) {
  RawBackend backend;
  Sidecar sidecar(plain(backend));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  const auto calls = calls_per_event(sidecar, stream.backend, body);
  if (!calls || sanitized()) GTEST_SKIP() << "strace is needed, and a sanitizer's calls are not ours";
  EXPECT_LE(*calls, kSyscallsPerEventMax);
}

/// A record is read with one call and written with one: read-ahead, and pieces that are gathered.
TEST(Budget, system_calls_of_an_event_through_tls) {
  TemporaryFolder folder;
  const Authority authority(folder);
  const Issued issued = authority.issue("server");
  RawBackend backend;
  Launch launch;
  launch.config = "listeners: [{ address: \"127.0.0.1:0\", tls: { certificates: [{ certificate: " + issued.certificate +
                  ", key: " + issued.key + " }] } }]\nupstreams: { app: { url: \"https://" + backend.address() +
                  "\", tls: { ca: " + authority.ca() + " } } }\nlog: { level: info, format: json }\n";
  Sidecar sidecar(launch);
  RawConnection client = TlsPeer::client(authority.ca()).shake(sidecar.connect());
  client.send(get("/events", "Accept: text/event-stream\r\n"));
  RawConnection server = TlsPeer::server(issued).shake(backend.accept());
  (void)server.read_head();
  server.send(kStreamHead);
  BodyReader body(client, framing_of_response(client.read_head(), "GET"));
  const auto calls = calls_per_event(sidecar, server, body);
  if (!calls || sanitized()) GTEST_SKIP() << "strace is needed, and a sanitizer's calls are not ours";
  EXPECT_LE(*calls, kSyscallsPerEventOfTlsMax);
}

}  // namespace
}  // namespace sidecar::nettest
