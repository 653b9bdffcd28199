// Backends that authenticate connections (NTLM, Negotiate): one client, one connection, from the first challenge on.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::string_view kChallenge = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";

/// `request`, answered by `connection`, as the client got it.
int exchange(RawConnection& client, RawConnection& connection, std::string_view request, std::string_view answer) {
  client.send(request);
  (void)read_request(connection);
  connection.send(answer);
  return read_response(client).status();
}

TEST(Authentication, of_a_connection_stays_with_its_client) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream challenged = open_stream(sidecar, backend, get("/"), kChallenge);
  RawConnection& client = challenged.client;
  RawConnection& connection = challenged.backend;
  EXPECT_EQ(challenged.head.start_line, "HTTP/1.1 401 No");
  // The handshake needs the same connection, whatever the method.
  const std::string second = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM VHlwZTI=\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(exchange(client, connection, get("/", "Authorization: NTLM VHlwZTE=\r\n"), second), 401);
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: NTLM VHlwZTM=\r\nContent-Length: 2\r\n\r\nab";
  EXPECT_EQ(exchange(client, connection, post, ok("known")), 200);
  EXPECT_EQ(exchange(client, connection, get("/mine"), ok("mine")), 200);

  // Nobody else gets it, not even when it has nothing to do.
  RawConnection stranger = sidecar.connect();
  stranger.send(get("/stranger"));
  RawConnection other = backend.accept();
  EXPECT_EQ(other.read_head().start_line, "GET /stranger HTTP/1.1");
  other.send(ok("stranger"));
  EXPECT_EQ(read_response(stranger).status(), 200);
  EXPECT_TRUE(connection.silent_for(0ms));

  // It goes with its client.
  client.close();
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
}

TEST(Authentication, starts_anew_when_the_backend_closed_the_connection) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream challenged = open_stream(sidecar, backend, get("/"), kChallenge);
  RawConnection& client = challenged.client;
  RawConnection& connection = challenged.backend;
  EXPECT_EQ(challenged.head.start_line, "HTTP/1.1 401 No");
  connection.close();
  client.send("POST /again HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  RawConnection fresh = backend.accept();
  EXPECT_EQ(fresh.read_head().start_line, "POST /again HTTP/1.1");
  fresh.send(ok("again"));
  EXPECT_EQ(read_response(client).status(), 200);
}

TEST(Authentication, what_a_held_connection_says_unasked_is_no_answer) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream challenged = open_stream(sidecar, backend, get("/"), kChallenge);
  RawConnection& client = challenged.client;
  RawConnection& connection = challenged.backend;
  EXPECT_EQ(challenged.head.start_line, "HTTP/1.1 401 No");
  connection.send(ok("planted"));
  EXPECT_NE(connection.wait_end(scaled(1s)), End::open);
  client.send(get("/next"));
  RawConnection fresh = backend.accept();
  (void)fresh.read_head();
  fresh.send(ok("true"));
  EXPECT_EQ(read_response(client).body, "true");
}

}  // namespace
}  // namespace sidecar::nettest
