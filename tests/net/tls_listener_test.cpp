// Clients that speak TLS with a listener: what is agreed on, what is refused, and how that is told.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>

#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

/// A listener with `tls` keys behind its certificates.
std::string listening(const std::vector<Issued>& certificates, const std::string& tls = "",
                      const std::string& more = "") {
  std::string list;
  for (const Issued& issued : certificates) {
    list += "{ certificate: " + issued.certificate + ", key: " + issued.key + " }, ";
  }
  return "listeners: [{ address: \"127.0.0.1:0\", tls: { certificates: [" + list + "]" + (tls.empty() ? "" : ", ") +
         tls + " }" + more + " }]\n";
}

Launch tls_in_front_of(const RawBackend& backend, const std::string& listeners, const std::string& rest = {}) {
  Launch launch = configured(backend, "", rest);
  launch.config = listeners + launch.config.substr(launch.config.find('\n') + 1);
  return launch;
}

class TlsListener : public ::testing::Test {
 protected:
  Launch launch(const std::string& tls = "", const std::string& more = "", const std::string& rest = "") const {
    return tls_in_front_of(backend, listening({issued}, tls, more), rest);
  }
  /// A request on `client` that is answered, and what the backend got.
  Head exchange(RawConnection& client, const std::string& fields = {}) {
    client.send(get("/", fields));
    RawConnection server = backend.accept();
    Head head = server.read_head();
    server.send(ok("hello", "Connection: close\r\n"));
    EXPECT_EQ(read_response(client).body, "hello");
    return head;
  }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued issued = authority.issue("server");
  RawBackend backend;
};

/// What the handshake throws, or nothing.
std::string refusal_of(const Sidecar& sidecar, const TlsPeer& peer) {
  try {
    RawConnection client = peer.shake(sidecar.connect());
    (void)client.wait_end(300ms);  // TLS 1.3: the client is done before the server has looked at its certificate.
    return "";
  } catch (const PeerGone& gone) {
    return gone.what();
  }
}

std::string detail_of_last(Sidecar& sidecar) {
  return text_of(sidecar.wait_for_log("request"), "detail");
}

TEST_F(TlsListener, speaks_both_versions) {
  Sidecar sidecar(launch("", "", "x_forwarded: set\n"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawConnection client = TlsPeer::client(authority.ca()).version(version).shake(sidecar.connect());
    EXPECT_EQ(SSL_version(client.ssl()), version);
    const Head head = exchange(client);
    EXPECT_EQ(head.field("X-Forwarded-Proto"), "https");
    exchange(client);  // Kept alive.
    EXPECT_EQ(alpn_of(client), "");
  }
}

TEST_F(TlsListener, refuses_old_versions_and_ciphers) {
  Sidecar sidecar(launch());
  TlsPeer old = TlsPeer::client("").version(TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(old.context(), "ALL:@SECLEVEL=0");
  EXPECT_NE(refusal_of(sidecar, old).find("alert protocol version"), std::string::npos);
  EXPECT_EQ(detail_of_last(sidecar), "TLS: unsupported protocol");
  for (const char* cipher : {"ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"}) {
    TlsPeer weak = TlsPeer::client("").version(TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(weak.context(), cipher);
    EXPECT_NE(refusal_of(sidecar, weak).find("handshake failure"), std::string::npos) << cipher;
  }
  (void)sidecar.wait_for_log("request",
                             [](const auto& line) { return text_of(line, "detail") == "TLS: no shared cipher"; });
}

/// One that shakes hands again costs us more than itself (CVE-2011-1473).
TEST_F(TlsListener, renegotiates_with_nobody) {
  Sidecar sidecar(launch());
  RawConnection client = TlsPeer::client(authority.ca()).version(TLS1_2_VERSION).shake(sidecar.connect());
  exchange(client);
  int messages = 0;
  SSL_set_msg_callback_arg(client.ssl(), &messages);
  SSL_set_msg_callback(client.ssl(), [](int written, int, int type, const void*, std::size_t, SSL*, void* count) {
    if (written == 0 && type == SSL3_RT_HANDSHAKE) ++*static_cast<int*>(count);
  });
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  ERR_clear_error();
  std::string answer;
  try {
    // The answer may be there at once.
    if (SSL_do_handshake(client.ssl()) < 0 && ERR_peek_error() != 0)
      throw PeerGone(ERR_reason_error_string(ERR_peek_error()));
    (void)client.wait_end(scaled(2s));
  } catch (const PeerGone& gone) {
    answer = gone.what();
  }
  EXPECT_NE(answer.find("no renegotiation"), std::string::npos) << answer;
  EXPECT_EQ(messages, 0);
}

TEST_F(TlsListener, agrees_on_http11) {
  Sidecar sidecar(launch());
  RawConnection only = TlsPeer::client(authority.ca()).offer("http/1.1").shake(sidecar.connect());
  EXPECT_EQ(alpn_of(only), "http/1.1");
  exchange(only);
  EXPECT_TRUE(sidecar.log_of("downgrade").empty());
  RawConnection both = TlsPeer::client(authority.ca()).offer("h2,http/1.1").shake(sidecar.connect());
  EXPECT_EQ(alpn_of(both), "http/1.1");
  exchange(both);
  const auto line = sidecar.wait_for_log("downgrade");
  EXPECT_EQ(text_of(line, "how"), "alpn");
  EXPECT_EQ(text_of(line, "client").substr(0, 10), "127.0.0.1:");
  EXPECT_EQ(text_of(line, "id").size(), 16U);
  EXPECT_NE(refusal_of(sidecar, TlsPeer::client("").offer("h2")).find("no application protocol"), std::string::npos);
  EXPECT_NE(refusal_of(sidecar, TlsPeer::client("").offer("spdy/3,acme-tls/1")).find("no application protocol"),
            std::string::npos);
}

TEST_F(TlsListener, chooses_the_certificate_by_name) {
  const Issued exact = authority.issue("exact", {"exact", "DNS:a.other.test"});
  const Issued wild = authority.issue("wild", {"wild", "DNS:*.other.test"});
  const Issued part = authority.issue("part", {"part", "DNS:p*.third.test"});
  const Issued rsa = authority.issue("rsa", {"rsa", "DNS:a.other.test", -3600, 86400, false, true});
  Sidecar sidecar(tls_in_front_of(backend, listening({issued, wild, exact, part, rsa})));
  const auto shown = [&](const std::string& name, const char* signatures = nullptr) {
    TlsPeer peer = TlsPeer::client("", name);
    if (signatures != nullptr) SSL_CTX_set1_sigalgs_list(peer.context(), signatures);
    return peer_name_of(peer.shake(sidecar.connect()));
  };
  EXPECT_EQ(shown("app.test"), "app.test");
  EXPECT_EQ(shown("A.other.TEST"), "exact");
  EXPECT_EQ(shown("a.other.test", "rsa_pss_rsae_sha256"), "rsa") << "a key of the kind that the client understands";
  EXPECT_EQ(shown("b.other.test"), "wild");
  EXPECT_EQ(shown("a.b.other.test"), "app.test") << "a wildcard is one label; nobody: the first";
  EXPECT_EQ(shown("part.third.test"), "app.test") << "and no less than one";
  EXPECT_EQ(shown("unknown.test"), "app.test");
  EXPECT_EQ(shown(""), "app.test");
}

TEST_F(TlsListener, wants_certificates_of_clients) {
  const Authority strangers(folder, "strangers");
  Sidecar sidecar(launch("client_ca: " + authority.ca()));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto peer = [&] { return TlsPeer::client(authority.ca()).version(version); };
    EXPECT_NE(refusal_of(sidecar, peer()), "") << "none";
    EXPECT_NE(refusal_of(sidecar, peer().identify(strangers.issue("stranger"))), "") << "of somebody else";
    EXPECT_NE(refusal_of(sidecar, peer().identify(authority.issue("late", {"late", "", -7200, -3600}))), "") << "late";
    RawConnection client = peer().identify(authority.issue("friend")).shake(sidecar.connect());
    exchange(client);
  }
  for (const char* detail : {"TLS: peer did not return a certificate", "TLS: certificate: certificate has expired",
                             "TLS: certificate: unable to get local issuer certificate"}) {
    (void)sidecar.wait_for_log("request", [&](const auto& line) { return text_of(line, "detail") == detail; });
  }
}

TEST_F(TlsListener, resumes_with_tickets) {
  Sidecar sidecar(launch());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPeer peer = TlsPeer::client(authority.ca()).version(version);
    SSL_CTX_set_session_cache_mode(peer.context(), SSL_SESS_CACHE_CLIENT);
    RawConnection first = peer.shake(sidecar.connect());
    EXPECT_FALSE(SSL_session_reused(first.ssl()));
    exchange(first);  // TLS 1.3 sends its tickets behind the handshake.
    SSL_SESSION* session = SSL_get1_session(first.ssl());
    SSL* again = peer.make();
    SSL_set_session(again, session);
    SSL_SESSION_free(session);
    RawConnection second = sidecar.connect();
    second.start_tls(again);
    EXPECT_TRUE(SSL_session_reused(second.ssl())) << version;
    exchange(second);
  }
}

TEST_F(TlsListener, gives_up_who_does_not_come_to_the_point) {
  Sidecar sidecar(launch("handshake_timeout: 300ms"));
  const auto start = Clock::now();
  RawConnection silent = sidecar.connect();
  RawConnection slow = sidecar.connect();
  slow.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_NE(silent.wait_end(), End::open);
  EXPECT_NE(slow.wait_end(), End::open);
  EXPECT_GE(since(start), 240ms);
  EXPECT_EQ(detail_of_last(sidecar), "the TLS handshake did not come in time");
  EXPECT_EQ(sidecar.log_of("request").size(), 1U) << "who said nothing is nobody";
}

TEST_F(TlsListener, knows_who_left_from_who_only_knocked) {
  Sidecar sidecar(launch());
  for (const bool reset : {false, true}) {
    RawConnection nobody = sidecar.connect();
    reset ? nobody.reset() : nobody.close();
  }
  RawConnection leaving = sidecar.connect();
  leaving.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  leaving.flush();
  leaving.half_close();
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(text_of(line, "detail"), "the connection ended in the middle of the TLS handshake");
  EXPECT_EQ(text_of(line, "reason") + " by " + text_of(line, "closed_by"), "client_gone by client");
  leaving.close();
  EXPECT_TRUE(sidecar.fds_return_to_start());
  EXPECT_EQ(sidecar.log_of("request").size(), 1U) << "who said nothing is nobody";
}

TEST_F(TlsListener, reads_a_request_that_came_with_the_end_of_the_handshake) {
  Sidecar sidecar(launch());
  RawConnection client = sidecar.connect();
  const auto cork = [&](int on) { ::setsockopt(client.fd(), IPPROTO_TCP, TCP_CORK, &on, sizeof on); };
  cork(1);
  client.start_tls(TlsPeer::client(authority.ca()).version(TLS1_3_VERSION).make());
  exchange(client);  // Its request, and its last words of the handshake in one packet.
}

TEST_F(TlsListener, tells_plain_clients) {
  Sidecar sidecar(launch());
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  const Response response = read_response(client);
  EXPECT_EQ(response.status(), 400);
  EXPECT_EQ(response.body, "sse-sidecar: this port speaks TLS (write https://)");
  EXPECT_EQ(client.wait_end(), End::eof);
  EXPECT_EQ(detail_of_last(sidecar), "plain HTTP where TLS is spoken");
  RawConnection talkative = sidecar.connect();
  talkative.send(get("/") + std::string(64 * 1024, 'x'));
  EXPECT_EQ(read_response(talkative).status(), 400);
  EXPECT_EQ(talkative.wait_end(), End::eof) << "a reset would destroy the answer";
  RawConnection noise = sidecar.connect();
  noise.send("EHLO mail.example\r\n\r\n\r\n");
  EXPECT_NE(noise.wait_end(), End::open);
}

TEST_F(TlsListener, reads_a_proxy_header_in_front) {
  Sidecar sidecar(launch("handshake_timeout: 2s", ", proxy_protocol: true"));
  const std::string header = "PROXY TCP4 192.0.2.7 192.0.2.1 51412 443\r\n";
  const auto served_behind = [&](const std::function<void(RawConnection&)>& send_header) {
    RawConnection connection = sidecar.connect();
    send_header(connection);
    RawConnection client = TlsPeer::client(authority.ca()).shake(std::move(connection));
    exchange(client);
  };
  served_behind([&](RawConnection& connection) { connection.send(header); });
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "client"), "192.0.2.7:51412");
  served_behind([&](RawConnection& connection) {
    for (const char byte : header) {
      connection.send({&byte, 1});
      connection.flush();
    }
  });
  RawConnection without = sidecar.connect();
  EXPECT_THROW(without.start_tls(TlsPeer::client("").make()), PeerGone);
  (void)sidecar.wait_for_log("request", [](const auto& line) {
    return text_of(line, "detail") == "the connection does not begin with a PROXY header";
  });
  RawConnection half = sidecar.connect();
  half.send(header.substr(0, 9));
  EXPECT_NE(half.wait_end(scaled(4s)), End::open);
  (void)sidecar.wait_for_log(
      "request", [](const auto& line) { return text_of(line, "detail") == "the PROXY header did not come in time"; });
}

TEST_F(TlsListener, tells_one_too_many) {
  Sidecar sidecar(launch("", "", "limits: { connections: 1 }\n"));
  const TlsPeer peer = TlsPeer::client(authority.ca());
  for (int i = 0; i < 3; ++i) EXPECT_NE(refusal_of(sidecar, TlsPeer::client("").offer("h2")), "");
  EXPECT_TRUE(sidecar.fds_return_to_start()) << "who did not get in takes no place";
  RawConnection first = peer.shake(sidecar.connect());
  exchange(first);
  RawConnection second = peer.shake(sidecar.connect());
  second.send(get("/"));
  EXPECT_EQ(read_response(second).status(), 503);
}

TEST_F(TlsListener, drains_with_handshakes_under_way) {
  Sidecar sidecar(launch("", "", "drain: { grace: 30s, retry: [100ms, 200ms] }\n"));
  const TlsPeer peer = TlsPeer::client(authority.ca());
  RawConnection busy = peer.shake(sidecar.connect());
  busy.send(get("/"));
  RawConnection server = backend.accept();
  (void)server.read_head();
  RawConnection silent = sidecar.connect();
  RawConnection late = sidecar.connect();
  sidecar.signal(SIGTERM);
  (void)sidecar.wait_for_log("message", [](const auto& line) { return text_of(line, "message") == "draining"; });
  const auto start = Clock::now();
  late.start_tls(peer.make());  // He was there in time.
  late.send(get("/late"));
  RawConnection other = backend.accept();
  (void)other.read_head();
  other.send(ok("late"));
  EXPECT_EQ(read_response(late).body, "late");
  server.send(ok("busy"));
  EXPECT_EQ(read_response(busy).body, "busy");
  EXPECT_EQ(busy.wait_end(), End::eof) << "with the end of TLS";
  EXPECT_NE(silent.wait_end(), End::open);
  EXPECT_EQ(sidecar.wait_exit(), 0);
  EXPECT_LT(since(start), scaled(4s)) << "nobody waits for who says nothing";
}

TEST_F(TlsListener, keeps_nothing_of_handshakes_that_were_given_up) {
  Sidecar sidecar(launch());
  const TlsPeer peer = TlsPeer::client("");
  const std::string hello = [&] {
    SSL* ssl = peer.make();
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_do_handshake(ssl);
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(SSL_get_wbio(ssl), &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    SSL_free(ssl);
    return text;
  }();
  const auto abandon = [&](int count) {
    for (int i = 0; i < count; ++i) {
      RawConnection client = sidecar.connect();
      client.send(std::string_view(hello).substr(0, i % 3 == 0 ? hello.size() : static_cast<std::size_t>(i) % 200));
      if (i % 2 == 0) client.reset();
    }
    EXPECT_TRUE(sidecar.fds_return_to_start());
  };
  abandon(500);
  const std::size_t before = sidecar.memory().anonymous_bytes;
  abandon(2'000);
  const std::size_t after = sidecar.memory().anonymous_bytes;
  std::cout << "after 500 handshakes " << before / 1024 << " kB, after 2500 " << after / 1024 << " kB\n";
  if (!sanitized()) {
    EXPECT_LT(after, before + 512 * 1024);
  }
  RawConnection client = TlsPeer::client(authority.ca()).shake(sidecar.connect());
  exchange(client);
}

}  // namespace
}  // namespace sidecar::nettest
