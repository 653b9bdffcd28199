// The program as a whole: listeners, signals, exit codes.
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

void expect_served(RawConnection client, RawBackend& backend) {
  client.send(get("/", "Connection: close\r\n"));
  RawConnection connection = backend.accept();
  (void)connection.read_head();
  connection.send(ok("served", "Connection: close\r\n"));
  EXPECT_EQ(read_response(client).body, "served");
}

Launch listening_on(const RawBackend& backend, const std::vector<std::string>& addresses) {
  Launch launch;
  launch.arguments = {"--upstream", backend.url(), "--log-format", "json"};
  for (const auto& address : addresses) launch.arguments.insert(launch.arguments.end(), {"--listen", address});
  launch.listeners = addresses.size();
  return launch;
}

std::string port_of(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

TEST(Listeners, tcp_ipv6_and_unix_together) {
  TemporaryFolder folder;
  RawBackend backend;
  const std::string path = "unix:" + folder.path("in.sock");
  Sidecar sidecar(listening_on(backend, {"127.0.0.1:0", "[::1]:0", path}));
  EXPECT_EQ(sidecar.address(2), path);
  for (std::size_t i = 0; i < 3; ++i) expect_served(sidecar.connect({}, i), backend);
}

TEST(Listeners, a_bare_port_is_dual_stack) {
  RawBackend backend;
  Sidecar sidecar(listening_on(backend, {":0"}));
  const std::string port = port_of(sidecar.address());
  expect_served(connect_to("127.0.0.1:" + port), backend);
  expect_served(connect_to("[::1]:" + port), backend);
}

TEST(Listeners, a_stale_unix_socket_is_replaced_and_removed_at_the_end) {
  TemporaryFolder folder;
  RawBackend backend;
  const std::string path = folder.path("in.sock");
  {
    BackendOptions options;
    options.unix_path = path;
    const RawBackend left_behind(options);
  }
  {
    Sidecar sidecar(listening_on(backend, {"unix:" + path}));
    expect_served(sidecar.connect(), backend);
  }
  struct stat status {};
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

/// A unix peer may be bound to any path: nothing of what a stranger chose may reach the backend or the log.
TEST(Listeners, a_unix_peer_has_no_say_in_its_name) {
  TemporaryFolder folder;
  RawBackend backend;
  const std::string path = folder.path("in.sock");
  std::ofstream(folder.path("sidecar.yaml"))
      << "listeners: [{ address: 'unix:" << path << "' }]\nx_forwarded: append\nupstreams: { app: { url: '"
      << backend.url() << "' } }\n";
  Launch launch;
  launch.arguments = {"--config", folder.path("sidecar.yaml"), "--log-format", "json"};
  Sidecar sidecar(launch);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto unix_address = [](const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  };
  const sockaddr_un own = unix_address(folder.path("x\r\nInjected: yes\r\nq:z"));
  const sockaddr_un listener = unix_address(path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&listener), sizeof listener), 0);
  RawConnection client(fd, "client");
  client.send(get("/"));
  RawConnection connection = backend.accept();
  const std::string head = connection.read_head().bytes;
  EXPECT_NE(head.find("\r\nX-Forwarded-For: unix\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Injected"), std::string::npos) << head;
}

TEST(Upstream, on_a_unix_socket) {
  TemporaryFolder folder;
  BackendOptions options;
  options.unix_path = folder.path("app.sock");
  RawBackend backend(options);
  Sidecar sidecar(in_front_of(backend));
  expect_served(sidecar.connect(), backend);
  Stream stream = open_stream(sidecar, backend);
  stream.client.close();
  EXPECT_NE(stream.backend.wait_end(scaled(1s)), End::open);
}

TEST(Upstream, by_name) {
  RawBackend backend;
  Launch launch = in_front_of(backend);
  for (auto& argument : launch.arguments) {
    if (argument == backend.url()) argument = "http://localhost:" + std::to_string(backend.port());
  }
  Sidecar sidecar(launch);
  expect_served(sidecar.connect(), backend);
}

TEST(Signals, sigterm_and_sigint_end_with_0) {
  RawBackend backend;
  for (const int number : {SIGTERM, SIGINT}) {
    Sidecar sidecar(in_front_of(backend));
    expect_served(sidecar.connect(), backend);
    const auto start = Clock::now();
    EXPECT_EQ(sidecar.stop(number), 0);
    EXPECT_LT(since(start), scaled(2s));
  }
}

/// Until nobody accepts any more.
void wait_until_closed(const Sidecar& sidecar) {
  const auto start = Clock::now();
  try {
    while (since(start) < patience()) (void)sidecar.connect();
  } catch (const Failure&) {
    return;
  }
  FAIL() << "the listener stays open";
}

TEST(Drain, ends_with_its_last_exchange_and_not_with_a_timer) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection idle = sidecar.connect();
  expect_served(sidecar.connect(), backend);
  auto [client, connection, request] = begin_request(sidecar, backend);
  sidecar.signal(SIGTERM);
  wait_until_closed(sidecar);
  EXPECT_NE(idle.wait_end(), End::open);
  EXPECT_TRUE(client.silent_for(200ms)) << "what runs may end";
  connection.send(ok("last"));
  const Response response = read_response(client);
  EXPECT_EQ(response.body, "last");
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  client.close();
  EXPECT_EQ(sidecar.wait_exit(scaled(1s)), 0);
}

TEST(Drain, does_not_wait_for_clients_that_have_gone) {
  RawBackend backend;
  for (int round = 0; round < 10; ++round) {
    Sidecar sidecar(in_front_of(backend));
    RawConnection client = sidecar.connect();
    client.send("GET  / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(read_response(client).status(), 400);
    client.close();
    sidecar.signal(SIGTERM);
    EXPECT_EQ(sidecar.wait_exit(scaled(500ms)), 0);
    if (HasFailure()) break;
  }
}

TEST(Signals, sigterm_ends_open_streams_and_writes_them_down) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend);
  const auto start = Clock::now();
  EXPECT_EQ(sidecar.stop(), 0);
  EXPECT_LT(since(start), scaled(10s)) << "the patience of a container runtime";
  EXPECT_NE(stream.client.wait_end(), End::open);
  EXPECT_NE(stream.backend.wait_end(), End::open);
  const auto lines = sidecar.log_of("stream_close");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(text_of(lines[0], "reason"), "drain");
  EXPECT_EQ(text_of(lines[0], "closed_by"), "sidecar");
}

TEST(Signals, sigterm_cuts_a_post_stream_visibly) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  Stream stream = open_stream(sidecar, backend, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(sidecar.stop(), 0);
  BodyReader body = body_of(stream, "POST");
  const BodyEnd end = body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset) << "its reader takes a clean end for success";
}

TEST(Signals, sigpipe_and_a_closed_log_do_not_kill) {
  RawBackend backend;
  Process process(SIDECAR_BINARY, {"--listen", "127.0.0.1:0", "--upstream", backend.url(), "--log-format", "json"});
  std::string line;
  for (char byte = 0; byte != '\n';) {
    ASSERT_EQ(::read(process.stdout_fd(), &byte, 1), 1);
    line += byte;
    if (byte == '\n' && line.find("\"listening\"") == std::string::npos) {
      line.clear();
      byte = 0;
    }
  }
  process.close_stdout();
  const auto start = line.find("127.0.0.1:");
  const std::string address = line.substr(start, line.find('"', start) - start);
  for (int i = 0; i < 3; ++i) expect_served(connect_to(address), backend);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(scaled(10s)), 0);
}

TEST(Signals, a_log_that_nobody_reads_blocks_neither_service_nor_exit) {
  RawBackend backend;
  Process process(SIDECAR_BINARY, {"--listen", "127.0.0.1:0", "--upstream", backend.url(), "--log-format", "json"});
  std::string line;
  while (line.find("\"listening\"") == std::string::npos || line.back() != '\n') {
    char byte = 0;
    ASSERT_EQ(::read(process.stdout_fd(), &byte, 1), 1);
    line += byte;
  }
  const auto start = line.rfind("127.0.0.1:");
  RawConnection client = connect_to(line.substr(start, line.find('"', start) - start));
  RawConnection connection;
  const std::string target = "/" + std::string(1'000, 'x');
  for (int i = 0; i < 1'500; ++i) {  // More than a pipe of 64 kB and a queue of 1024 lines hold.
    client.send(get(target));
    if (i == 0) connection = backend.accept();
    (void)connection.read_head();
    connection.send(ok("x"));
    ASSERT_EQ(read_response(client).body, "x");
  }
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(scaled(10s)), 0);
}

TEST(Log, is_json_on_a_pipe_without_being_asked) {
  RawBackend backend;
  Launch launch;
  launch.arguments = {"--listen", "127.0.0.1:0", "--upstream", backend.url()};
  Sidecar sidecar(launch);
  expect_served(sidecar.connect(), backend);
  EXPECT_EQ(number_of(sidecar.wait_for_log("request"), "status"), 200);
}

TEST(Environment, says_what_the_options_say) {
  RawBackend backend;
  Launch launch;
  launch.environment = {"SSE_SIDECAR_LISTEN=127.0.0.1:0", "SSE_SIDECAR_UPSTREAM=" + backend.url(),
                        "SSE_SIDECAR_HEARTBEAT_INTERVAL=100ms", "SSE_SIDECAR_LOG_FORMAT=json"};
  Sidecar sidecar(launch);
  Stream stream = open_stream(sidecar, backend);
  EXPECT_EQ(body_of(stream).read_exact(kHeartbeat.size()), kHeartbeat);
}

TEST(ExitCodes, an_address_in_use_is_1_and_wrong_usage_2) {
  RawBackend backend;
  const Outcome in_use = run_sidecar({"--listen", backend.address(), "--upstream", backend.url()});
  EXPECT_EQ(in_use.code, 1);
  EXPECT_FALSE(in_use.err.empty() && in_use.out.empty());
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--upstream", "http://a", "--no-such-option"},
                                             {"--upstream", "ftp://x"},
                                             {"--upstream", "http://a", "--heartbeat-interval", "10x"},
                                             {"--config", "/no/such/file"},
                                             {}}) {
    const Outcome run = run_sidecar(arguments);
    EXPECT_EQ(run.code, 2) << (arguments.empty() ? "" : arguments[0]);
    EXPECT_FALSE(run.err.empty());
  }
  EXPECT_EQ(run_sidecar({"--version"}).code, 0);
  EXPECT_EQ(run_sidecar({"--help"}).code, 0);
  EXPECT_EQ(run_sidecar({"--check", "--upstream", backend.url()}).code, 0);
}

TEST(Files, the_limit_of_open_files_is_raised) {
  RawBackend backend;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit lowered{limit.rlim_max / 2, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
  Sidecar sidecar(in_front_of(backend));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  std::ifstream file("/proc/" + std::to_string(sidecar.pid()) + "/limits");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto at = text.find("Max open files");
  ASSERT_NE(at, std::string::npos);
  std::istringstream words(text.substr(at + 14));
  std::string soft;
  std::string hard;
  words >> soft >> hard;
  EXPECT_EQ(soft, hard);
}

}  // namespace
}  // namespace sidecar::nettest
