// A listener behind a TCP load balancer: the PROXY header in front of the connection says who the client is.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

using namespace std::string_literals;

const std::string kLine = "PROXY TCP4 192.0.2.7 10.0.0.1 51412 443\r\n";
const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kBinary = kSignature + "\x21\x21\x00\x24"s + "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s +
                            std::string(15, '\0') + "\x01\x00\x50\x01\xbb"s;
const std::string kLocal = kSignature + "\x20\0\0\0"s;

/// The first listener expects a header, the second one does not.
Launch expecting(const RawBackend& backend, const std::string& rest = {}) {
  Launch launch = configured(backend, "", "x_forwarded: set\n" + rest);
  const std::string one = "{ address: \"127.0.0.1:0\"";
  launch.config.insert(launch.config.find(one) + one.size(), ", proxy_protocol: true }, " + one);
  launch.listeners = 2;
  return launch;
}

class ProxyProtocol : public ::testing::Test {
 protected:
  explicit ProxyProtocol(const std::string& rest = {}) : sidecar_(expecting(backend_, rest)) {}

  /// What the backend is told about the client of the next request, which it answers.
  std::string forwarded_for(RawConnection& client) {
    RawConnection connection = backend_.next_of(std::move(known_));
    const Head head = connection.read_head();
    connection.send(ok("x"));
    EXPECT_EQ(read_response(client).body, "x");
    known_ = std::move(connection);
    return head.field("X-Forwarded-For").value_or("(none)");
  }
  std::string client_of(std::string_view path) {
    return text_of(sidecar_.wait_for_log("request", [&](const auto& line) { return text_of(line, "path") == path; }),
                   "client");
  }

  RawBackend backend_;
  Sidecar sidecar_;
  RawConnection known_;
};

TEST_F(ProxyProtocol, a_line_says_who_the_client_is) {
  RawConnection client = sidecar_.connect();
  client.send(kLine + get("/one"));
  EXPECT_EQ(forwarded_for(client), "192.0.2.7");
  client.send(get("/two"));
  EXPECT_EQ(forwarded_for(client), "192.0.2.7");
  EXPECT_EQ(client_of("/one"), "192.0.2.7:51412");
  EXPECT_EQ(client_of("/two"), "192.0.2.7:51412");
}

TEST_F(ProxyProtocol, a_binary_header_with_pipelined_requests_behind_it) {
  RawConnection client = sidecar_.connect();
  client.send(kBinary + get("/one") + get("/two"));
  EXPECT_EQ(forwarded_for(client), "2001:db8::1");
  EXPECT_EQ(forwarded_for(client), "2001:db8::1");
  EXPECT_EQ(client_of("/two"), "[2001:db8::1]:80");
}

TEST_F(ProxyProtocol, a_connection_of_the_proxy_itself_keeps_its_address) {
  RawConnection client = sidecar_.connect();
  client.send(kLocal + get("/check"));
  EXPECT_EQ(forwarded_for(client), "127.0.0.1");
  EXPECT_TRUE(client_of("/check").starts_with("127.0.0.1:"));
}

TEST_F(ProxyProtocol, a_header_in_pieces) {
  for (const std::string& header : {kLine, kBinary}) {
    RawConnection client = sidecar_.connect();
    for (const char c : header) {
      client.send({&c, 1});
      client.flush();
    }
    client.send(get("/pieces"));
    EXPECT_EQ(forwarded_for(client), header == kLine ? "192.0.2.7" : "2001:db8::1");
  }
}

TEST_F(ProxyProtocol, anything_else_is_cut_off_without_an_answer) {
  for (const std::string& bytes :
       {get("/"), "G"s, "\x16\x03\x01"s, "PROXY TCP4 192.0.2.7 10.0.0.1 051412 443\r\n" + get("/"), "PROXY  "s,
        kSignature + "\x21\x12"s, kSignature + "\x31"s, std::string(200'000, 'P')}) {
    RawConnection client = sidecar_.connect();
    // What is cut off while it is still sending may fail to send the rest.
    EXPECT_GT(client.send_some(bytes), 0U);
    EXPECT_EQ(client.wait_end(), End::reset) << ::testing::PrintToString(bytes.substr(0, 40));
    EXPECT_EQ(client.buffered(), "");
  }
  EXPECT_TRUE(backend_.no_connection_for(30ms));
  const auto line = sidecar_.wait_for_log("request");
  EXPECT_EQ(text_of(line, "reason"), "protocol_error");
  EXPECT_EQ(text_of(line, "detail"), "the connection does not begin with a PROXY header");
  EXPECT_TRUE(text_of(line, "client").starts_with("127.0.0.1:"));
  EXPECT_TRUE(sidecar_.fds_return_to_start());
}

TEST_F(ProxyProtocol, is_not_guessed_where_it_is_not_expected) {
  RawConnection client = sidecar_.connect({}, 1);
  client.send(kLine + get("/"));
  EXPECT_EQ(read_response(client).status(), 400);
  RawConnection plain = sidecar_.connect({}, 1);
  plain.send(get("/plain"));
  EXPECT_EQ(forwarded_for(plain), "127.0.0.1");
}

TEST_F(ProxyProtocol, a_stream_belongs_to_the_client_that_was_named) {
  RawConnection client = sidecar_.connect();
  client.send(kLine + get("/events", "Accept: text/event-stream\r\n"));
  RawConnection connection = backend_.accept();
  static_cast<void>(connection.read_head());
  connection.send(kStreamHead);
  static_cast<void>(client.read_head());
  client.close();
  EXPECT_EQ(text_of(sidecar_.wait_for_log("stream_close"), "client"), "192.0.2.7:51412");
}

class SlowProxyProtocol : public ProxyProtocol {
 protected:
  SlowProxyProtocol() : ProxyProtocol("limits: { head_timeout: 300ms }\n") {}
};

TEST_F(SlowProxyProtocol, a_header_that_does_not_come_is_not_waited_for) {
  RawConnection silent = sidecar_.connect();
  RawConnection half = sidecar_.connect();
  half.send(kLine.substr(0, 20));
  EXPECT_NE(silent.wait_end(), End::open);
  EXPECT_NE(half.wait_end(), End::open);
  EXPECT_EQ(silent.buffered() + half.buffered(), "");
  EXPECT_EQ(text_of(sidecar_.wait_for_log("request"), "detail"), "the PROXY header did not come in time");
  EXPECT_TRUE(sidecar_.fds_return_to_start());
}

TEST_F(SlowProxyProtocol, behind_the_header_a_client_may_take_its_time) {
  RawConnection client = sidecar_.connect();
  client.send(kLine);
  EXPECT_TRUE(client.silent_for(600ms));
  client.send(get("/"));
  EXPECT_EQ(forwarded_for(client), "192.0.2.7");
}

}  // namespace
}  // namespace sidecar::nettest
