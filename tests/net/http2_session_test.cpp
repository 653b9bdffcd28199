// A connection of HTTP/2 as a whole: its limits, its time and its end.
#include <signal.h>

#include "tests/net/harness/http2.hpp"
#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

// RFC 9113 §6.5.2 and §7.
constexpr int kConcurrentStreams = 3;
constexpr int kHeaderListSize = 6;
constexpr std::int64_t kNoError = 0;

Launch translating(const RawBackend& backend, const std::string& rest, const std::string& tls = "") {
  Launch launch = configured(backend, "", rest);
  const std::string listener = "listeners: [{ address: \"127.0.0.1:0\", http2: translate" + tls + " }]\n";
  launch.config = listener + launch.config.substr(launch.config.find('\n') + 1);
  return launch;
}

/// One request, answered.
void exchange(Http2Client& client, RawBackend& backend) {
  const std::int32_t stream = client.get("/");
  RawConnection server = backend.accept();
  (void)server.read_head();
  server.send(ok("hello", "Connection: close\r\n"));
  EXPECT_EQ(client.wait(stream).body, "hello");
}

TEST(Http2Session, announces_its_limits) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "limits: { http2: { concurrent_streams: 7, header_list: 16KiB } }\n"));
  Http2Client client(sidecar.connect());
  exchange(client, backend);
  EXPECT_EQ(client.remote_setting(kConcurrentStreams), 7U);
  EXPECT_EQ(client.remote_setting(kHeaderListSize), 16U * 1024);
}

TEST(Http2Session, that_is_idle_ends_and_says_so) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "limits: { idle_timeout: 300ms }\n"));
  Http2Client client(sidecar.connect());
  exchange(client, backend);
  const auto start = Clock::now();
  client.wait_end();
  EXPECT_GE(since(start), 240ms);
  EXPECT_EQ(client.goaway(), kNoError);
}

TEST(Http2Session, one_too_many_is_told_so) {
  TemporaryFolder folder;
  const Authority authority(folder);
  const Issued issued = authority.issue("server");
  const std::string tls =
      ", tls: { certificates: [{ certificate: " + issued.certificate + ", key: " + issued.key + " }] }";
  const TlsPeer peer = TlsPeer::client(authority.ca()).offer("h2");
  for (const bool with_tls : {false, true}) {
    RawBackend backend;
    Sidecar sidecar(translating(backend, "limits: { connections: 1 }\n", with_tls ? tls : ""));
    const auto connect = [&] { return with_tls ? peer.shake(sidecar.connect()) : sidecar.connect(); };
    Http2Client first(connect());
    exchange(first, backend);
    Http2Client second(connect());
    EXPECT_EQ(second.wait(second.get("/")).status, 503) << with_tls;
    second.wait_end();
    EXPECT_EQ(second.goaway(), kNoError);
    exchange(first, backend);
  }
}

/// A window that stays closed is a reader that stalls, whatever else happens on the connection.
TEST(Http2Session, a_stream_that_nobody_reads_is_given_up) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "limits: { write_timeout: 500ms }\n"));
  Http2Client client(sidecar.connect(), 0);
  const std::int32_t stalled = client.get("/stalled");
  RawConnection server = backend.accept();
  (void)server.read_head();
  server.send(ok(pattern(100'000)));
  client.until(stalled, [](const auto& answer) { return answer.status == 200; });
  EXPECT_NE(client.wait(stalled).error, 0U);
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "client_stalled");
  EXPECT_NE(server.wait_end(), End::open) << "its backend is not kept either";
  const std::int32_t empty = client.get("/empty");
  RawConnection next = backend.accept();
  (void)next.read_head();
  next.send(ok("", "Connection: close\r\n"));
  EXPECT_EQ(client.wait(empty).status, 200) << "the connection lives on";
}

/// Each stream may keep so much for its reader; all of them together no more than there is.
TEST(Http2Session, what_waits_for_many_slow_readers_is_bounded) {
  constexpr int kStreams = 100;
  RawBackend backend;
  Sidecar sidecar(translating(backend, "limits: { pooled_memory: 4MiB, write_timeout: 30s }\n"));
  Http2Client client(sidecar.connect(), 0);
  const std::size_t before = sidecar.memory().anonymous_bytes;
  std::vector<std::int32_t> streams;
  std::vector<RawConnection> servers;
  const std::string body = pattern(1 << 20);
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(client.get("/slow"));
    servers.push_back(backend.accept());
    (void)servers.back().read_head();
    servers.back().send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  }
  for (int quiet = 0; quiet < 10; ++quiet) {
    for (RawConnection& server : servers) {
      if (server.send_some(body) > 0) quiet = 0;
    }
    std::this_thread::sleep_for(10ms);
  }
  const std::size_t after = sidecar.memory().anonymous_bytes;
  std::cout << "100 streams that nobody reads: " << (after - before) / 1024 << " kB\n";
  if (!sanitized()) {
    EXPECT_LT(after - before, std::size_t{9} << 19) << "the pool, and a little beside it";
  }
}

TEST(Http2Session, what_the_grace_leaves_is_forced) {
  RawBackend backend;
  Sidecar sidecar(translating(backend, "drain: { grace: 500ms, retry: [100ms, 200ms] }\n"));
  Http2Client client(sidecar.connect());
  const std::int32_t stream = client.get("/never");
  RawConnection server = backend.accept();
  (void)server.read_head();
  sidecar.signal(SIGTERM);
  EXPECT_THROW(
      {
        const auto& answer = client.wait(stream);
        if (answer.error != 0) throw PeerGone("reset");
      },
      PeerGone);
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "forced");
  EXPECT_EQ(sidecar.wait_exit(), 0);
}

}  // namespace
}  // namespace sidecar::nettest
