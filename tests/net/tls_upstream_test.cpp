// Backends that speak TLS: who is believed, what is told when nobody is, and where a body ends.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

/// The one behind `before` others.
boost::json::object request_line(Sidecar& sidecar, std::size_t before) {
  std::size_t seen = 0;
  return sidecar.wait_for_log("request", [&](const auto&) { return seen++ == before; });
}

class TlsUpstream : public ::testing::Test {
 protected:
  /// `tls` keys, and further keys of the upstream.
  Launch launch(const std::string& tls, const std::string& more = "", const std::string& rest = "",
                const std::string& host = "127.0.0.1") const {
    Launch launch = configured(backend, "tls: { " + tls + " }" + (more.empty() ? "" : ", ") + more, rest);
    const std::string url = backend.url();
    launch.config.replace(launch.config.find(url), url.size(),
                          "https://" + host + ":" + std::to_string(backend.port()));
    return launch;
  }
  std::string believing(const Authority& someone) const { return "ca: " + someone.ca(); }
  RawConnection accept(const TlsPeer& server) { return server.shake(backend.accept()); }
  /// One request that `server` answers.
  RawConnection serve(RawConnection& client, const TlsPeer& server, const std::string& target = "/") {
    client.send(get(target));
    RawConnection connection = accept(server);
    EXPECT_EQ(connection.read_head().start_line, "GET " + target + " HTTP/1.1");
    connection.send(ok("hello"));
    EXPECT_EQ(read_response(client).body, "hello");
    return connection;
  }
  /// What a client is told when the backend shows `shown`.
  std::string refusal_of(Sidecar& sidecar, const TlsPeer& server) {
    RawConnection client = sidecar.connect();
    client.send(get("/"));
    RawConnection connection = backend.accept();
    try {
      connection.start_tls(server.make());
      (void)connection.wait_end(200ms);
    } catch (const PeerGone&) {
      // As it should be.
    }
    const Response response = read_response(client);
    EXPECT_EQ(response.status(), 502);
    return response.body + "|" + text_of(request_line(sidecar, requests++), "detail");
  }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued issued = authority.issue("server");
  RawBackend backend;
  std::size_t requests = 0;  ///< To the sidecar of which refusal_of() was asked.
};

std::string untrusted(const std::string& why) {
  return "502 Bad Gateway\nsse-sidecar: upstream 'app': certificate not trusted\n|TLS: certificate: " + why;
}

std::string asked_name(const RawConnection& connection) {
  const char* name = SSL_get_servername(connection.ssl(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

TEST_F(TlsUpstream, is_believed_by_address_and_by_name) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Sidecar by_address(launch(believing(authority)));
    RawConnection client = by_address.connect();
    RawConnection connection = serve(client, TlsPeer::server(issued).version(version));
    EXPECT_EQ(asked_name(connection), "") << "an address is no name (RFC 6066)";
    client.close();
    connection.close();
  }
  Sidecar by_name(launch(believing(authority) + ", server_name: app.test"));
  RawConnection client = by_name.connect();
  RawConnection connection = serve(client, TlsPeer::server(issued));
  EXPECT_EQ(asked_name(connection), "app.test");
}

TEST_F(TlsUpstream, is_believed_by_an_address_of_version_6) {
  Sidecar sidecar(launch(believing(authority) + ", server_name: \"::1\""));
  RawConnection client = sidecar.connect();
  (void)serve(client, TlsPeer::server(authority.issue("six", {"six", "IP:::1"})));
}

TEST_F(TlsUpstream, is_believed_by_the_authorities_of_the_system) {
  const Authority newer(folder, "newer");
  const std::string file = folder.path("believed");
  const auto over = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy_file(authority.ca(), file, over);
  Launch start = launch("", "keepalive: { idle_timeout: 1h }");
  start.environment = {"SSL_CERT_FILE=" + file};
  Sidecar sidecar(start);
  RawConnection client = sidecar.connect();
  RawConnection idle = serve(client, TlsPeer::server(issued));
  std::filesystem::copy_file(newer.ca(), file, over);
  sidecar.signal(SIGHUP);
  EXPECT_NE(idle.wait_end(), End::open) << "whom the system believes has changed";
}

TEST_F(TlsUpstream, agrees_on_http11) {
  Sidecar sidecar(launch(believing(authority)));
  TlsPeer server = TlsPeer::server(issued);
  std::string offered;
  SSL_CTX_set_alpn_select_cb(
      server.context(),
      [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned int in_size,
         void* to) {
        *static_cast<std::string*>(to) = std::string(reinterpret_cast<const char*>(in), in_size);
        *out = in + 1;
        *size = in[0];
        return SSL_TLSEXT_ERR_OK;
      },
      &offered);
  RawConnection client = sidecar.connect();
  RawConnection connection = serve(client, server);
  EXPECT_EQ(offered, "\x08http/1.1");
}

TEST_F(TlsUpstream, is_not_believed) {
  const Authority strangers(folder, "strangers");
  Sidecar sidecar(launch(believing(authority)));
  EXPECT_EQ(refusal_of(sidecar, TlsPeer::server(issue_self_signed(folder, "self"))),
            untrusted("self-signed certificate"));
  EXPECT_EQ(refusal_of(sidecar, TlsPeer::server(strangers.issue("strange"))),
            untrusted("unable to get local issuer certificate"));
  EXPECT_EQ(refusal_of(sidecar, TlsPeer::server(authority.issue("old", {"app.test", "IP:127.0.0.1", -7200, -3600}))),
            untrusted("certificate has expired"));
  EXPECT_EQ(refusal_of(sidecar, TlsPeer::server(authority.issue("new", {"app.test", "IP:127.0.0.1", 3600, 7200}))),
            untrusted("certificate is not yet valid"));
  EXPECT_EQ(refusal_of(sidecar, TlsPeer::server(authority.issue("other", {"other", "IP:127.0.0.2"}))),
            untrusted("IP address mismatch"));
  EXPECT_EQ(text_of(request_line(sidecar, 0), "reason"), "upstream_unreachable");
  Sidecar by_name(launch(believing(authority) + ", server_name: else.some.test"));
  requests = 0;
  EXPECT_EQ(refusal_of(by_name, TlsPeer::server(issued)), untrusted("hostname mismatch"));
  EXPECT_EQ(refusal_of(by_name, TlsPeer::server(authority.issue("part", {"part", "DNS:el*.some.test"}))),
            untrusted("hostname mismatch"))
      << "a part of a label is no wildcard (RFC 9110 §4.3.4)";
  Sidecar of_the_system(launch(""));
  requests = 0;
  EXPECT_EQ(refusal_of(of_the_system, TlsPeer::server(issued)), untrusted("unable to get local issuer certificate"));
}

TEST_F(TlsUpstream, may_be_anybody_without_verification) {
  Sidecar sidecar(launch("verify: false"));
  RawConnection client = sidecar.connect();
  (void)serve(client, TlsPeer::server(issue_self_signed(folder, "self", {"x", "", -7200, -3600})));
}

TEST_F(TlsUpstream, may_be_known_by_its_own_certificate) {
  Sidecar sidecar(launch("ca: " + issued.certificate));
  RawConnection client = sidecar.connect();
  (void)serve(client, TlsPeer::server(issued));
}

TEST_F(TlsUpstream, is_shown_who_we_are) {
  const Issued ours = authority.issue("ours", {"sidecar", ""});
  TlsPeer server = TlsPeer::server(issued);
  SSL_CTX_load_verify_file(server.context(), authority.ca().c_str());
  SSL_CTX_set_verify(server.context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  Sidecar sidecar(launch(believing(authority) + ", certificate: " + ours.certificate + ", key: " + ours.key));
  RawConnection client = sidecar.connect();
  RawConnection connection = serve(client, server);
  EXPECT_EQ(peer_name_of(connection), "sidecar");
  Sidecar nobody(launch(believing(authority)));
  EXPECT_NE(
      refusal_of(nobody, server.version(TLS1_3_VERSION)).find("|TLS: the peer says: tlsv13 alert certificate required"),
      std::string::npos);
}

TEST_F(TlsUpstream, is_shown_who_we_are_now) {
  const std::string file = folder.path("ours.crt");
  const std::string key = folder.path("ours.key");
  const auto become = [&](const Issued& identity) {
    const auto over = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(identity.certificate, file, over);
    std::filesystem::copy_file(identity.key, key, over);
  };
  become(authority.issue("old", {"old", ""}));
  Sidecar sidecar(
      launch(believing(authority) + ", certificate: " + file + ", key: " + key, "keepalive: { idle_timeout: 1h }"));
  RawConnection client = sidecar.connect();
  RawConnection idle = serve(client, TlsPeer::server(issued));
  become(authority.issue("new", {"new", ""}));
  sidecar.signal(SIGHUP);
  EXPECT_NE(idle.wait_end(), End::open) << "it knows us by another name";
}

TEST_F(TlsUpstream, that_speaks_no_tls) {
  Sidecar sidecar(launch(believing(authority)));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection connection = backend.accept();
  connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_NE(read_response(client).body.find("TLS handshake failed"), std::string::npos);
  EXPECT_EQ(text_of(sidecar.wait_for_log("request"), "detail"), "TLS: wrong version number");
}

TEST_F(TlsUpstream, that_never_shakes_hands) {
  Sidecar sidecar(launch(believing(authority), "connect_timeout: 300ms"));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection connection = backend.accept();
  EXPECT_EQ(read_response(client).status(), 504);
  EXPECT_NE(connection.wait_end(), End::open);
}

TEST_F(TlsUpstream, connections_are_used_again) {
  Sidecar sidecar(launch(believing(authority)));
  TlsPeer server = TlsPeer::server(issued).version(TLS1_3_VERSION);
  RawConnection client = sidecar.connect();
  RawConnection connection = serve(client, server);
  for (int i = 0; i < 3; ++i) {
    // A new ticket, while nobody asks for anything, is no news from the backend.
    SSL_new_session_ticket(connection.ssl());
    ASSERT_EQ(SSL_do_handshake(connection.ssl()), 1);
    connection.flush();
    client.send(get("/again"));
    connection = backend.next_of(std::move(connection));
    ASSERT_NE(connection.ssl(), nullptr) << "another connection";
    EXPECT_EQ(connection.read_head().start_line, "GET /again HTTP/1.1");
    connection.send(ok("again"));
    EXPECT_EQ(read_response(client).body, "again");
  }
  client.close();
  connection.close();
  RawConnection next = sidecar.connect();
  connection = serve(next, server);
  EXPECT_TRUE(SSL_session_reused(connection.ssl())) << "where the last one left off";
}

TEST_F(TlsUpstream, ends_a_body_with_the_end_of_tls) {
  Sidecar sidecar(launch(believing(authority)));
  const TlsPeer server = TlsPeer::server(issued);
  const auto answer = [&](const std::string& response, const std::function<void(RawConnection&)>& end) {
    RawConnection client = sidecar.connect();
    client.send(get("/"));
    RawConnection connection = accept(server);
    (void)connection.read_head();
    connection.send(response);
    end(connection);
    const Head head = client.read_head();
    BodyReader body(client, framing_of_response(head, "GET"));
    const BodyEnd how = body.wait_end();
    EXPECT_EQ(body.buffered(), "body");
    return how;
  };
  const auto clean = [](RawConnection& connection) { connection.half_close(); };
  const auto cut = [](RawConnection& connection) { connection.cut(); };
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nbody";
  EXPECT_EQ(answer(until_close, clean), BodyEnd::complete);
  EXPECT_EQ(answer(until_close, cut), BodyEnd::truncated) << "anybody on the way can send a FIN";
  EXPECT_EQ(text_of(request_line(sidecar, 1), "reason"), "upstream_truncated");
  EXPECT_EQ(answer(ok("body"), cut), BodyEnd::complete) << "the length says that it is";
}

TEST_F(TlsUpstream, large_bodies_both_ways) {
  constexpr std::size_t kSize = 8 << 20;
  Sidecar sidecar(launch(believing(authority)));
  RawConnection client = sidecar.connect();
  const std::string up = pattern(kSize);
  const std::string down = pattern(kSize, 77);
  Background upload([&] {
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n" + up);
  });
  RawConnection connection = accept(TlsPeer::server(issued));
  EXPECT_TRUE(read_request(connection).body == up);
  upload.join();
  Background answer([&] { connection.send(ok(down)); });
  EXPECT_TRUE(read_response(client).body == down);
}

TEST_F(TlsUpstream, event_stream_in_records_of_one_byte) {
  Sidecar sidecar(launch(believing(authority)));
  RawConnection client = sidecar.connect();
  client.send(get("/events", "Accept: text/event-stream\r\n"));
  RawConnection connection = accept(TlsPeer::server(issued));
  (void)connection.read_head();
  const std::string bytes = std::string(kStreamHead) + chunk("data: 1\n\n") + std::string(kLastChunk);
  for (const char byte : bytes) connection.send({&byte, 1});
  BodyReader body(client, framing_of_response(client.read_head(), "GET"));
  EXPECT_EQ(body.read_all(), "data: 1\n\n");
}

TEST_F(TlsUpstream, a_client_that_leaves_takes_it_along) {
  Sidecar sidecar(launch(believing(authority)));
  RawConnection client = sidecar.connect();
  client.send(get("/events"));
  RawConnection connection = accept(TlsPeer::server(issued));
  (void)connection.read_head();
  connection.send(kStreamHead);
  (void)client.read_head();
  client.close();
  EXPECT_NE(connection.wait_end(), End::open);
}

TEST_F(TlsUpstream, a_reload_reads_the_files_again) {
  const Authority newer(folder, "newer");
  const Issued theirs = newer.issue("theirs");
  const std::string file = folder.path("believed");
  const auto copy = [&](const std::string& from) {
    std::filesystem::copy_file(from, file, std::filesystem::copy_options::overwrite_existing);
  };
  copy(authority.ca());
  Launch start = launch("ca: " + file, "keepalive: { idle_timeout: 1h }");
  Sidecar sidecar(start);
  RawConnection client = sidecar.connect();
  RawConnection idle = serve(client, TlsPeer::server(issued));
  const auto reload = [&](std::size_t times) {
    sidecar.signal(SIGHUP);
    const auto done = [](const auto& line) { return text_of(line, "message") == "configuration reloaded"; };
    for (const auto began = Clock::now(); since(began) < patience();) {
      const auto lines = sidecar.log_of("message");
      if (static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), done)) == times) return;
      std::this_thread::sleep_for(1ms);
    }
    throw Failure("nothing comes of SIGHUP");
  };
  reload(1);
  EXPECT_TRUE(idle.silent_for(200ms)) << "nothing changed: it is kept";
  copy(newer.ca());
  reload(2);
  EXPECT_NE(idle.wait_end(), End::open) << "who vouches for it now?";
  (void)serve(client, TlsPeer::server(theirs), "/new");
  requests = 2;
  EXPECT_EQ(refusal_of(sidecar, TlsPeer::server(issued)), untrusted("unable to get local issuer certificate"));
}

}  // namespace
}  // namespace sidecar::nettest
