// The admin listener: is the process alive, is it ready, and who may ask.
#include <netdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

const std::string kHost = "Host: localhost\r\n";

Launch with_admin(const RawBackend& backend, const std::string& address = "127.0.0.1:0") {
  return in_front_of(backend, {"--admin", address});
}

std::string admin_of(Sidecar& sidecar) {
  return text_of(sidecar.wait_for_log("admin_listening"), "address");
}

/// `head` without its empty line, on a connection of its own.
Response ask(const std::string& address, const std::string& head, std::string_view method = "GET") {
  RawConnection client = connect_to(address);
  client.send(head + "\r\n");
  Response response = read_response(client, method);
  EXPECT_EQ(client.wait_end(), End::eof);
  EXPECT_EQ(client.buffered(), "");
  return response;
}

int status_of(const std::string& address, const std::string& head) {
  return ask(address, head).status();
}

int ready(const std::string& address) {
  return status_of(address, "GET /readyz HTTP/1.1\r\n" + kHost);
}

/// Unlike the harness, which counts before the admin listener is open.
bool fds_return_to(std::size_t count, const Sidecar& sidecar) {
  const auto start = Clock::now();
  while (sidecar.open_fds() > count && since(start) < patience()) std::this_thread::sleep_for(5ms);
  return sidecar.open_fds() <= count;
}

TEST(Admin, alive_and_ready) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  const std::size_t fds = sidecar.open_fds();
  for (const char* const path : {"/livez", "/readyz", "/readyz?verbose"}) {
    const Response response = ask(admin, "GET " + std::string(path) + " HTTP/1.1\r\n" + kHost);
    EXPECT_EQ(response.status(), 200) << path;
    EXPECT_EQ(response.body, "ok\n");
    EXPECT_EQ(response.head.field("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(response.head.field("Cache-Control"), "no-store");
    EXPECT_EQ(response.head.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(response.head.field("Content-Security-Policy"), "default-src 'none'");
    EXPECT_TRUE(response.head.lists("Connection", "close"));
  }
  const Response head = ask(admin, "HEAD /readyz HTTP/1.1\r\n" + kHost, "HEAD");
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(head.head.field("Content-Length"), "3");
  EXPECT_TRUE(sidecar.log_of("request").empty()) << "nobody's request";
  EXPECT_TRUE(sidecar.log_of("message").empty()) << "nothing to warn about";
  EXPECT_TRUE(fds_return_to(fds, sidecar));
}

TEST(Admin, not_ready_from_the_first_second_of_a_drain_and_alive_to_its_end) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  auto [client, connection, request] = begin_request(sidecar, backend);
  EXPECT_EQ(ready(admin), 200);
  const RawConnection idle = connect_to(admin);
  sidecar.signal(SIGTERM);
  (void)sidecar.wait_for_log("message", [](const auto& line) { return text_of(line, "message") == "draining"; });
  const Response response = ask(admin, "GET /readyz HTTP/1.1\r\n" + kHost);
  EXPECT_EQ(response.status(), 503);
  EXPECT_EQ(response.body, "draining\n");
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.1\r\n" + kHost), 200);
  connection.send(ok("last"));
  EXPECT_EQ(read_response(client).body, "last");
  client.close();
  EXPECT_EQ(sidecar.wait_exit(scaled(1s)), 0) << "an idle admin connection delays nothing";
}

TEST(Admin, a_foreign_host_is_refused) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  const auto status_for = [&](const std::string& host) {
    return status_of(admin, "GET /livez HTTP/1.1\r\nHost: " + host + "\r\n");
  };
  for (const char* const own :
       {"localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:9901", "192.0.2.7:80", "[::1]", "[2001:db8::1]:9901"}) {
    EXPECT_EQ(status_for(own), 200) << own;
  }
  for (const char* const foreign : {"evil.example", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil", "",
                                    "127.0.0.1@evil.example", "[evil.example]", "[", "]", ":9901", "::1", "127.1"}) {
    EXPECT_EQ(status_for(foreign), 421) << foreign;
  }
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.1\r\n"), 400);
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"), 400);
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.0\r\n"), 200) << "old probes have none";
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.0\r\nHost: evil.example\r\n"), 421);
}

/// Only a name that somebody wrote down is a name of ours.
TEST(Admin, the_configured_name_is_no_foreign_host) {
  RawBackend backend;
  char name[256] = {};
  ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
  addrinfo* found = nullptr;
  if (::getaddrinfo(name, nullptr, nullptr, &found) != 0) GTEST_SKIP() << name << " is no name to listen on";
  ::freeaddrinfo(found);
  Sidecar sidecar(with_admin(backend, std::string(name) + ":0"));
  const std::string admin = admin_of(sidecar);
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.1\r\nHost: " + std::string(name) + ":9901\r\n"), 200);
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.1\r\nHost: x" + std::string(name) + "\r\n"), 421);
}

TEST(Admin, only_what_it_knows) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  for (const char* const method : {"POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
    const Response response = ask(admin, std::string(method) + " /livez HTTP/1.1\r\n" + kHost);
    EXPECT_EQ(response.status(), 405) << method;
    EXPECT_EQ(response.head.field("Allow"), "GET, HEAD");
  }
  for (const char* const path : {"/", "/livez/", "/readyz2", "/../livez", "//livez", "*", "/%6civez", "/<script>"}) {
    const Response response = ask(admin, "GET " + std::string(path) + " HTTP/1.1\r\n" + kHost);
    EXPECT_EQ(response.status(), 404) << path;
    EXPECT_EQ(response.body, "not found\n") << "nothing from outside is repeated";
    EXPECT_EQ(response.head.field("Content-Security-Policy"), "default-src 'none'");
  }
  for (const char* const nonsense :
       {"nonsense\r\n", "GET /livez HTTP/2.0\r\nHost: localhost\r\n", "GET /livez HTTP/1.1\r\nHost : localhost\r\n",
        "GET /livez HTTP/1.1\r\nContent-Length: x\r\n", "\x16\x03\x01\r\n"}) {
    EXPECT_EQ(status_of(admin, nonsense), 400) << nonsense;
  }
}

TEST(Admin, a_long_head_and_a_body_cost_nothing) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  const std::string line = "X-Long: " + std::string(9'000, 'x') + "\r\n";
  EXPECT_EQ(status_of(admin, "GET /livez HTTP/1.1\r\n" + kHost + line), 431);
  EXPECT_EQ(status_of(admin, "GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\n" + kHost), 431);
  RawConnection client = connect_to(admin);
  client.send("POST /livez HTTP/1.1\r\n" + kHost + "Content-Length: 100000000000\r\n\r\n");
  const std::string part(64 * 1024, 'x');
  for (int i = 0; i < 64; ++i) client.send(part);
  EXPECT_EQ(read_response(client).status(), 405) << "an answer behind unread bytes arrives";
  EXPECT_EQ(client.wait_end(), End::eof);
}

TEST(Admin, whoever_is_slow_is_closed) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  const std::size_t fds = sidecar.open_fds();
  RawConnection silent = connect_to(admin);
  RawConnection slow = connect_to(admin);
  slow.send("GET /livez HTTP/1.1\r\nX-Slow:");
  RawConnection lingering = connect_to(admin);
  lingering.send("GET /livez HTTP/1.1\r\n" + kHost + "\r\n");
  EXPECT_EQ(read_response(lingering).status(), 200);
  EXPECT_EQ(lingering.wait_end(), End::eof);
  const auto start = Clock::now();
  for (int i = 0; i < 8 && !slow.readable_within(500ms); ++i) slow.send("x");  // Patience is not renewed by crumbs.
  EXPECT_NE(silent.wait_end(), End::open);
  EXPECT_NE(slow.wait_end(), End::open);
  EXPECT_LT(since(start), scaled(7s));
  EXPECT_TRUE(fds_return_to(fds, sidecar)) << "also of the one that never closes its half";
}

TEST(Admin, a_crowd_gives_way_to_who_comes_last) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend));
  const std::string admin = admin_of(sidecar);
  std::vector<RawConnection> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(connect_to(admin));
  const auto start = Clock::now();
  EXPECT_EQ(ready(admin), 200);
  EXPECT_LT(since(start), scaled(2s)) << "before anybody's time was over";
  EXPECT_LE(sidecar.open_fds(), 60U);
  EXPECT_NE(crowd.front().wait_end(), End::open);
  EXPECT_EQ(crowd.back().end(), End::open);
}

TEST(Admin, on_a_unix_socket) {
  TemporaryFolder folder;
  RawBackend backend;
  const std::string path = folder.path("admin.sock");
  {
    Sidecar sidecar(with_admin(backend, "unix:" + path));
    EXPECT_EQ(admin_of(sidecar), "unix:" + path);
    EXPECT_EQ(ready("unix:" + path), 200);
  }
  struct stat status {};
  EXPECT_NE(::stat(path.c_str(), &status), 0) << "it is gone";
}

bool warned(Sidecar& sidecar, std::string_view words) {
  for (const auto& line : sidecar.log_of("message")) {
    if (text_of(line, "level") == "warn" && text_of(line, "message").find(words) != std::string::npos) return true;
  }
  return false;
}

TEST(Admin, who_can_be_reached_from_elsewhere_is_warned) {
  RawBackend backend;
  for (const char* const address : {"0.0.0.0:0", ":0"}) {
    Sidecar sidecar(with_admin(backend, address));
    (void)sidecar.wait_for_log("message");
    EXPECT_TRUE(warned(sidecar, "can be reached from other machines")) << address;
  }
}

/// Whoever holds the default port, we or a stranger: it is held.
TEST(Admin, a_default_port_in_use_is_a_warning) {
  RawBackend backend;
  Launch launch = in_front_of(backend);
  launch.environment = {"SSE_SIDECAR_ADMIN="};
  Launch first = launch;
  Sidecar holder(std::move(first));
  Sidecar sidecar(std::move(launch));
  (void)sidecar.wait_for_log("message");
  EXPECT_TRUE(warned(sidecar, "no admin listener: cannot listen on 127.0.0.1:9901")) << sidecar.log_text();
  EXPECT_TRUE(sidecar.log_of("admin_listening").empty());
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  backend.accept().send(ok("served"));
  EXPECT_EQ(read_response(client).body, "served");
}

TEST(Admin, a_configured_port_in_use_is_an_error) {
  RawBackend backend;
  TemporaryFolder folder;
  const std::string file = folder.write("sidecar.yaml", "upstreams: { app: { url: '" + backend.url() +
                                                            "' } }\nadmin: { address: '" + backend.address() + "' }\n");
  const std::vector<std::string> common{"--listen", "127.0.0.1:0", "--upstream", backend.url()};
  std::vector<std::string> by_option = common;
  by_option.insert(by_option.end(), {"--admin", backend.address()});
  const Outcome runs[] = {run_sidecar(by_option), run_sidecar(common, {"SSE_SIDECAR_ADMIN=" + backend.address()}),
                          run_sidecar({"--listen", "127.0.0.1:0", "--config", file}, {"SSE_SIDECAR_ADMIN="})};
  for (const Outcome& run : runs) {
    EXPECT_EQ(run.code, 1);
    EXPECT_EQ(run.err, "sse-sidecar: admin: cannot listen on " + backend.address() + ": Address already in use\n");
  }
}

TEST(Admin, off) {
  RawBackend backend;
  Sidecar sidecar(with_admin(backend, "off"));
  Launch configured_off = configured(backend, "", "admin: off");
  configured_off.environment = {"SSE_SIDECAR_ADMIN="};
  Sidecar by_file(configured_off);
  Sidecar* const both[] = {&sidecar, &by_file};
  for (Sidecar* const one : both) {
    RawConnection client = one->connect();
    client.send(get("/"));
    backend.accept().send(ok("served"));
    EXPECT_EQ(read_response(client).body, "served");
    EXPECT_TRUE(one->log_of("admin_listening").empty());
    EXPECT_TRUE(one->log_of("message").empty());
  }
}

}  // namespace
}  // namespace sidecar::nettest
