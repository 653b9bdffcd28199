// Bytes through TLS: the same as without, however they are cut, and whoever ends.
#include <signal.h>

#include <iostream>

#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::size_t kIdleStreamBytesMax = 20 * 1024;
constexpr std::string_view kStreamRequest =
    "GET /events HTTP/1.1\r\nHost: app.test\r\nAccept: text/event-stream\r\n\r\n";

class TlsStream : public ::testing::Test {
 protected:
  Launch launch(const std::string& rest = "") const {
    Launch launch = configured(backend, "", rest);
    const std::string listener =
        "listeners: [{ address: \"127.0.0.1:0\", tls: { certificates: [{ certificate: " + issued.certificate +
        ", key: " + issued.key + " }] } }]\n";
    launch.config = listener + launch.config.substr(launch.config.find('\n') + 1);
    return launch;
  }
  RawConnection connect(const Sidecar& sidecar, ClientOptions options = {}) const {
    return TlsPeer::client(authority.ca()).shake(sidecar.connect(options));
  }
  Stream open(const Sidecar& sidecar, std::string_view request = kStreamRequest, std::string_view head = kStreamHead,
              ClientOptions options = {}) {
    Stream stream;
    stream.client = connect(sidecar, options);
    stream.client.send(request);
    stream.backend = backend.accept();
    stream.request = stream.backend.read_head();
    stream.backend.send(head);
    stream.head = stream.client.read_head();
    return stream;
  }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued issued = authority.issue("server");
  RawBackend backend;
};

std::string reason_of(Sidecar& sidecar) {
  const auto line = sidecar.wait_for_log("stream_close");
  return text_of(line, "reason") + " by " + text_of(line, "closed_by");
}

TEST_F(TlsStream, events_and_heartbeats) {
  Sidecar sidecar(launch("defaults: { event_stream: { heartbeat: { interval: 100ms } } }\n"));
  Stream stream = open(sidecar);
  BodyReader body = body_of(stream);
  (void)body.read_until(kHeartbeat);
  stream.backend.send(chunk("data: 1\n\n"));
  (void)body.read_until("data: 1\n\n");
  (void)body.read_until(kHeartbeat);
  stream.backend.send(kLastChunk);
  EXPECT_EQ(body.wait_end(), BodyEnd::complete);
  EXPECT_EQ(reason_of(sidecar), "complete by upstream");
}

TEST_F(TlsStream, an_event_is_one_record) {
  Sidecar sidecar(launch());
  Stream stream = open(sidecar);
  int records = 0;
  SSL_set_msg_callback(stream.client.ssl(), [](int, int, int type, const void*, std::size_t, SSL*, void* count) {
    if (type == SSL3_RT_HEADER) ++*static_cast<int*>(count);
  });
  SSL_set_msg_callback_arg(stream.client.ssl(), &records);
  BodyReader body = body_of(stream);
  for (int i = 0; i < 5; ++i) {
    stream.backend.send(chunk("data: 1\n\n"));
    (void)body.read_until("data: 1\n\n");
  }
  EXPECT_EQ(records, 5) << "size, event and line end together";
}

TEST_F(TlsStream, requests_in_records_of_one_byte) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  const std::string request = "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello" + get("/next");
  for (const char byte : request) client.send({&byte, 1});
  RawConnection server = backend.accept();
  EXPECT_EQ(read_request(server).body, "hello");
  server.send(ok("first"));
  EXPECT_EQ(read_response(client).body, "first");
  server = backend.next_of(std::move(server));
  EXPECT_EQ(server.read_head().start_line, "GET /next HTTP/1.1");
  server.send(ok("second"));
  EXPECT_EQ(read_response(client).body, "second");
}

TEST_F(TlsStream, large_bodies_both_ways) {
  constexpr std::size_t kSize = 8 << 20;
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  const std::string up = pattern(kSize);
  const std::string down = pattern(kSize, 77);
  Background upload([&] {
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n" + up);
  });
  RawConnection server = backend.accept();
  EXPECT_TRUE(read_request(server).body == up);
  upload.join();
  Background answer([&] { server.send(ok(down)); });
  EXPECT_TRUE(read_response(client).body == down);
}

TEST_F(TlsStream, a_slow_reader_holds_the_backend_back) {
  Sidecar sidecar(launch("limits: { write_timeout: 20s }\n"));
  Stream stream = open(sidecar, kStreamRequest, kStreamHead, {.receive_buffer = 4096});
  std::string event = "data: " + std::string(4000, 'x') + "\n\n";
  std::size_t sent = 0;
  std::string bytes;  // The backend's, so that a chunk that was cut goes on.
  for (std::size_t blocked = 0; blocked < 20;) {
    if (bytes.empty()) bytes = chunk(event);
    const std::size_t taken = stream.backend.send_some(bytes);
    bytes.erase(0, taken);
    sent += taken;
    blocked = taken == 0 ? blocked + 1 : 0;
    if (taken == 0) std::this_thread::sleep_for(10ms);
    ASSERT_LT(sent, std::size_t{64} << 20) << "nobody holds the backend back";
  }
  Background rest([&] { stream.backend.send(bytes + std::string(kLastChunk)); });
  BodyReader body = body_of(stream);
  const std::string all = body.read_all(scaled(30s));
  EXPECT_EQ(all.size() % event.size(), 0U);
  bool same = true;
  for (std::size_t at = 0; at < all.size(); at += event.size())
    same = same && all.compare(at, event.size(), event) == 0;
  EXPECT_TRUE(same);
  EXPECT_GT(all.size(), sent * 9 / 10);
}

TEST_F(TlsStream, a_clean_end_is_told_by_tls) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  client.send(get("/", "Connection: close\r\n"));
  RawConnection server = backend.accept();
  (void)server.read_head();
  server.send(ok("all"));
  EXPECT_EQ(read_response(client).body, "all");
  EXPECT_EQ(client.wait_end(), End::eof);
}

TEST_F(TlsStream, a_cut_body_ends_without_the_end_of_tls) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  client.send("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
  RawConnection server = backend.accept();
  (void)server.read_head();
  server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("half"));
  (void)client.read_until("half");
  server.close();
  EXPECT_EQ(client.wait_end(), End::reset) << "over HTTP/1.0 only that tells";
}

TEST_F(TlsStream, who_has_said_everything_still_gets_the_answer) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  client.send(get("/"));
  client.half_close();
  RawConnection server = backend.accept();
  (void)server.read_head();
  server.send(ok("answer"));
  EXPECT_EQ(read_response(client).body, "answer");
  EXPECT_EQ(client.wait_end(), End::eof);
}

TEST_F(TlsStream, a_fin_without_the_end_of_tls_is_a_client_that_is_gone) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  client.send(get("/"));
  RawConnection server = backend.accept();
  (void)server.read_head();
  client.cut();
  EXPECT_NE(server.wait_end(), End::open);
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "reason"), "client_gone");
}

TEST_F(TlsStream, a_client_that_leaves_takes_its_backend_along) {
  Sidecar sidecar(launch());
  for (const bool reset : {false, true}) {
    Stream stream = open(sidecar);
    if (reset) {
      stream.client.reset();
    } else {
      stream.client.close();
    }
    EXPECT_NE(stream.backend.wait_end(), End::open);
  }
  EXPECT_EQ(reason_of(sidecar), "client_gone by client");
}

TEST_F(TlsStream, keys_are_changed_while_it_runs) {
  Sidecar sidecar(launch());
  Stream stream = open(sidecar);
  ASSERT_EQ(SSL_version(stream.client.ssl()), TLS1_3_VERSION);
  BodyReader body = body_of(stream);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(SSL_key_update(stream.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(stream.client.ssl()), 1);
    stream.backend.send(chunk("data: 1\n\n"));
    EXPECT_EQ(body.read_exact(9), "data: 1\n\n");
  }
  stream.backend.send(kLastChunk);
  EXPECT_EQ(body.wait_end(), BodyEnd::complete);
}

/// Not too many in a row, but any number of them over the time of a conversation.
TEST_F(TlsStream, keys_are_changed_before_each_of_many_requests) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  RawConnection server;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    client.send(get("/"));
    server = server.fd() < 0 ? backend.accept() : backend.next_of(std::move(server));
    (void)server.read_head();
    server.send(ok("x"));
    ASSERT_EQ(read_response(client).body, "x") << i;
  }
}

/// The sidecar's answer to new keys cannot go out, and later it can.
TEST_F(TlsStream, keys_are_changed_while_the_client_reads_nothing) {
  Sidecar sidecar(launch("limits: { write_timeout: 30s }\n"));
  Stream stream = open(sidecar, kStreamRequest, kStreamHead, {.receive_buffer = 4096});
  const std::string event = "data: " + std::string(4000, 'x') + "\n\n";
  std::string bytes;
  std::size_t events = 0;
  for (std::size_t blocked = 0; blocked < 10;) {
    if (bytes.empty()) {
      bytes = chunk(event);
      ++events;
    }
    const std::size_t taken = stream.backend.send_some(bytes);
    bytes.erase(0, taken);
    blocked = taken == 0 ? blocked + 1 : 0;
    if (taken == 0) std::this_thread::sleep_for(10ms);
  }
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(SSL_key_update(stream.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(stream.client.ssl()), 1);
  }
  Background rest([&] { stream.backend.send(bytes + std::string(kLastChunk)); });
  BodyReader body = body_of(stream);
  EXPECT_EQ(body.read_all(scaled(30s)).size(), events * event.size());
  stream.client.send(get("/again"));
  RawConnection again = backend.next_of(std::move(stream.backend));
  EXPECT_EQ(again.read_head().start_line, "GET /again HTTP/1.1");
  again.send(ok("again"));
  EXPECT_EQ(read_response(stream.client).body, "again");
}

TEST_F(TlsStream, nothing_but_new_keys_is_no_conversation) {
  Sidecar sidecar(launch());
  RawConnection client = connect(sidecar);
  ASSERT_EQ(SSL_version(client.ssl()), TLS1_3_VERSION);
  bool refused = false;
  for (int i = 0; i < 2'000 && !refused; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    refused = SSL_do_handshake(client.ssl()) != 1;
  }
  EXPECT_NE(client.wait_end(), End::open);
}

TEST_F(TlsStream, memory_of_an_idle_stream) {
  constexpr std::size_t kFew = 100;
  constexpr std::size_t kMany = 500;
  ASSERT_GT(raise_open_file_limit(), 3 * kMany);
  Sidecar sidecar(launch("log: { level: info, format: json }\n"));
  std::vector<Stream> streams;
  const auto open_until = [&](std::size_t count) {
    while (streams.size() < count) {
      streams.push_back(open(sidecar));
      streams.back().backend.send(chunk("data: 1\n\n"));
      EXPECT_EQ(body_of(streams.back()).read_exact(9), "data: 1\n\n");
    }
    return sidecar.memory().anonymous_bytes;
  };
  const std::size_t few = open_until(kFew);
  const std::size_t many = open_until(kMany);
  const std::size_t per_stream = (many - few) / (kMany - kFew);
  std::cout << "memory of an idle TLS stream: " << per_stream << " bytes (" << few / 1024 << " kB with " << kFew << ", "
            << many / 1024 << " kB with " << kMany << ")\n";
  RecordProperty("bytes_per_idle_tls_stream", static_cast<int>(per_stream));
  if (sanitized()) GTEST_SKIP() << "a sanitizer's memory is not ours";
  EXPECT_LE(per_stream, kIdleStreamBytesMax);
}

}  // namespace
}  // namespace sidecar::nettest
