// `sse-sidecar healthcheck`: the exit code is all that a container runtime looks at.
#include <signal.h>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

std::string port_of(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

Outcome check(const std::string& admin) {
  return run_sidecar({"healthcheck", "--admin", admin});
}

void expect_unhealthy(const Outcome& run, const std::string& line) {
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(run.err, "sse-sidecar: " + line + "\n");
  EXPECT_EQ(run.out, "");
}

void expect_healthy(const Outcome& run) {
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err + run.out, "");
}

TEST(Healthcheck, of_a_running_process) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend, {"--admin", "127.0.0.1:0"}));
  const std::string admin = text_of(sidecar.wait_for_log("admin_listening"), "address");
  expect_healthy(check(admin));
  expect_healthy(check("localhost:" + port_of(admin)));
  expect_healthy(run_sidecar({"healthcheck"}, {"SSE_SIDECAR_ADMIN=" + admin}));
  TemporaryFolder folder;
  const std::string file = folder.write("sidecar.yaml", "admin: { address: '" + admin + "' }\n");
  expect_healthy(run_sidecar({"healthcheck", "-c", file}, {"SSE_SIDECAR_ADMIN="}));
  expect_healthy(run_sidecar({"healthcheck"}, {"SSE_SIDECAR_ADMIN=", "SSE_SIDECAR_CONFIG=" + file}));
}

TEST(Healthcheck, of_a_process_that_drains) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend, {"--admin", "127.0.0.1:0"}));
  const std::string admin = text_of(sidecar.wait_for_log("admin_listening"), "address");
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection connection = backend.accept();
  sidecar.signal(SIGTERM);
  (void)sidecar.wait_for_log("message", [](const auto& line) { return text_of(line, "message") == "draining"; });
  expect_unhealthy(check(admin), admin + ": not ready: the answer is 503");
  connection.send(ok("last"));
  EXPECT_EQ(read_response(client).body, "last");
  client.close();
  EXPECT_EQ(sidecar.wait_exit(), 0);
  expect_unhealthy(check(admin), admin + ": cannot be reached: Connection refused");
}

TEST(Healthcheck, who_listens_everywhere_is_asked_on_loopback) {
  RawBackend backend;
  {
    Sidecar sidecar(in_front_of(backend, {"--admin", ":0"}));
    const std::string port = port_of(text_of(sidecar.wait_for_log("admin_listening"), "address"));
    for (const char* const everywhere : {":", "0.0.0.0:", "[::]:"}) expect_healthy(check(everywhere + port));
  }
  Sidecar sidecar(in_front_of(backend, {"--admin", "0.0.0.0:0"}));
  const std::string port = port_of(text_of(sidecar.wait_for_log("admin_listening"), "address"));
  for (const char* const everywhere : {":", "0.0.0.0:"}) expect_healthy(check(everywhere + port));
}

TEST(Healthcheck, through_a_unix_socket) {
  RawBackend backend;
  TemporaryFolder folder;
  const std::string admin = "unix:" + folder.path("admin.sock");
  {
    Sidecar sidecar(in_front_of(backend, {"--admin", admin}));
    expect_healthy(check(admin));
  }
  expect_unhealthy(check(admin), admin + ": cannot be reached: No such file or directory");
}

TEST(Healthcheck, of_nobody) {
  expect_unhealthy(check("off"),
                   "the admin listener is off, nobody can be asked (admin.address in the configuration, --admin, "
                   "SSE_SIDECAR_ADMIN)");
  expect_unhealthy(check("127.0.0.1:0"),
                   "127.0.0.1:0: port 0 is any free port; give --admin with the port that is in use");
  expect_unhealthy(check("no-such-host.invalid:1"), "no-such-host.invalid:1: the name is not known");
}

/// Nothing that answers on that port may pass for health, and nothing may take longer than two seconds.
TEST(Healthcheck, of_a_stranger) {
  RawBackend stranger;
  const std::string admin = stranger.address();
  const std::string late = admin + ": no answer within 2000 ms";
  const std::string odd = admin + ": no answer that can be understood";
  const std::pair<std::string, std::string> answers[] = {
      {"HTTP/1.1 404 Not Found\r\n\r\n", admin + ": not ready: the answer is 404"},
      {"HTTP/1.1 20\r\n\r\n", admin + ": not ready: the answer is 20"},
      {"SSH-2.0-OpenSSH\r\n", odd},
      {"SSH-2.0 200\r\n", odd},
      {std::string(100'000, 'x'), odd},
  };
  for (const auto& [answer, line] : answers) {
    const Background peer([&stranger, answer = answer] {
      RawConnection connection = stranger.accept();
      EXPECT_EQ(connection.read_head().start_line, "GET /readyz HTTP/1.1");
      connection.send(answer);
      connection.half_close();
      (void)connection.wait_end();
    });
    expect_unhealthy(check(admin), line);
  }
  const auto start = Clock::now();
  expect_unhealthy(check(admin), late);
  EXPECT_GE(since(start), 1900ms);
  EXPECT_LT(since(start), scaled(4s));
}

}  // namespace
}  // namespace sidecar::nettest
