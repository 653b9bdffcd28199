// SIGHUP: new requests are served as the new file says, what runs goes on as it began, and nobody loses anything.
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

std::size_t count_messages(Sidecar& sidecar, std::string_view text) {
  const auto lines = sidecar.log_of("message");
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const auto& line) {
    return text_of(line, "message").find(text) != std::string::npos;
  }));
}

/// Another file, SIGHUP, and the line that says what came of it, as often as it was there before and once more.
void reload(Sidecar& sidecar, const std::string& config, std::string_view outcome = "configuration reloaded") {
  const std::size_t before = count_messages(sidecar, outcome);
  sidecar.rewrite(config);
  sidecar.signal(SIGHUP);
  for (const auto start = Clock::now(); count_messages(sidecar, outcome) == before;) {
    if (since(start) > patience()) throw Failure("nothing comes of SIGHUP");
    std::this_thread::sleep_for(1ms);
  }
}

constexpr std::string_view kStays = "reload: the configuration stays as it was";

std::string listening_on(const std::vector<std::string>& listeners) {
  std::string text = "listeners:\n";
  for (const auto& listener : listeners) text += "  - { address: \"" + listener + "\" }\n";
  return text;
}

/// A configuration of one upstream with one route to it, which says which version answered.
std::string version(int number, const RawBackend& backend, const std::string& rest = {},
                    const std::string& listeners = listening_on({"127.0.0.1:0"})) {
  return listeners + "upstreams: { app: { url: \"" + backend.url() + "\", keepalive: { idle_timeout: 1h } } }\n" +
         "routes: [{ name: all, upstream: app, response_headers: { set: { X-Version: \"" + std::to_string(number) +
         "\" } } }]\n" + (rest.find("log:") == std::string::npos ? "log: { level: info, format: json }\n" : "") + rest;
}

Launch started_with(const std::string& config, std::size_t listeners = 1) {
  Launch launch;
  launch.config = config;
  launch.listeners = listeners;
  return launch;
}

/// Answers the next request at the backend.
RawConnection answer(RawBackend& backend, RawConnection connection = {}) {
  connection = connection.fd() < 0 ? backend.accept() : backend.next_of(std::move(connection));
  (void)connection.read_head();
  connection.send(ok("served"));
  return connection;
}

/// Which version of the configuration serves `client`.
std::string version_of(RawConnection& client, RawBackend& backend) {
  client.send(get("/", "X-Who: me\r\n"));
  RawConnection connection = answer(backend);
  connection.close();
  return read_response(client).head.field("X-Version").value_or("none");
}

bool refuses(const std::string& address) {
  try {
    (void)connect_to(address);
    return false;
  } catch (const Failure&) {
    return true;
  }
}

bool becomes_refused(const std::string& address) {
  for (const auto start = Clock::now(); since(start) < patience();) {
    if (refuses(address)) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Reload, serves_new_requests_anew_and_leaves_streams_alone) {
  RawBackend before;
  RawBackend after;
  const auto heartbeat = [](const std::string& interval) {
    return "defaults: { event_stream: { heartbeat: { interval: " + interval + " } } }\n";
  };
  Sidecar sidecar(started_with(version(1, before, heartbeat("100ms"))));
  RawConnection client = sidecar.connect();
  EXPECT_EQ(version_of(client, before), "1");
  Stream stream = open_stream(sidecar, before);
  BodyReader body = body_of(stream);
  auto [in_flight, slow, request] = begin_request(sidecar, before, get("/slow"));

  reload(sidecar, version(2, after, heartbeat("1h")));
  EXPECT_EQ(version_of(client, after), "2") << "a connection from before, a request from after";
  RawConnection newcomer = sidecar.connect();
  EXPECT_EQ(version_of(newcomer, after), "2");
  slow.send(ok("late"));
  const Response late = read_response(in_flight);
  EXPECT_EQ(late.body, "late");
  EXPECT_EQ(late.head.field("X-Version"), "1");
  (void)body.read_until(kHeartbeat);
  (void)body.read_until(kHeartbeat);
  stream.backend.send(chunk("data: 1\n\n"));
  (void)body.read_until("data: 1\n\n");
  Stream quiet = open_stream(sidecar, after);
  BodyReader quiet_body = body_of(quiet);
  EXPECT_TRUE(quiet_body.silent_for(400ms)) << "its interval is an hour";
  stream.backend.send(kLastChunk);
  (void)body.read_all();
  EXPECT_EQ(text_of(sidecar.wait_for_log("stream_close"), "reason"), "complete");
}

TEST(Reload, adds_and_removes_listeners) {
  RawBackend backend;
  Sidecar sidecar(started_with(version(1, backend, {}, listening_on({"127.0.0.1:0", "127.0.0.2:0"})), 2));
  const std::string removed = sidecar.address(1);
  RawConnection client = sidecar.connect({}, 1);
  EXPECT_EQ(version_of(client, backend), "1");
  Stream stream;
  stream.client = sidecar.connect({}, 1);
  stream.client.send(get("/"));
  stream.backend = backend.accept();
  (void)stream.backend.read_head();
  stream.backend.send(kStreamHead);
  stream.head = stream.client.read_head();

  reload(sidecar, version(2, backend, {}, listening_on({"127.0.0.3:0", "127.0.0.1:0"})));
  const auto added = sidecar.wait_for_log(
      "listening", [](const auto& line) { return text_of(line, "address").starts_with("127.0.0.3:"); });
  RawConnection newcomer = connect_to(text_of(added, "address"));
  EXPECT_EQ(version_of(newcomer, backend), "2");
  RawConnection at_what_stayed = sidecar.connect();
  EXPECT_EQ(version_of(at_what_stayed, backend), "2");
  EXPECT_TRUE(becomes_refused(removed));
  EXPECT_EQ(count_messages(sidecar, "no longer listening on 127.0.0.2:0"), 1U);
  EXPECT_EQ(version_of(client, backend), "2") << "who came that way stays";
  BodyReader body = body_of(stream);
  stream.backend.send(chunk("data: 1\n\n"));
  EXPECT_EQ(body.read_until("data: 1\n\n"), "data: 1\n\n");

  reload(sidecar, version(3, backend, {}, listening_on({"127.0.0.1:0"})));
  EXPECT_TRUE(becomes_refused(text_of(added, "address")));
}

TEST(Reload, adds_and_removes_unix_listeners) {
  TemporaryFolder folder;
  RawBackend backend;
  const std::string path = folder.path("in.sock");
  Sidecar sidecar(started_with(version(1, backend)));
  struct stat status {};
  for (int round = 0; round < 2; ++round) {
    reload(sidecar, version(2, backend, {}, listening_on({"127.0.0.1:0", "unix:" + path})));
    RawConnection client = connect_to("unix:" + path);
    EXPECT_EQ(version_of(client, backend), "2");
    reload(sidecar, version(3, backend));
    EXPECT_NE(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(version_of(client, backend), "3");
  }
}

TEST(Reload, a_listener_learns_of_the_proxy_protocol) {
  RawBackend backend;
  const std::string expecting = "listeners: [{ address: \"127.0.0.1:0\", proxy_protocol: true }]\n";
  Sidecar sidecar(started_with(version(1, backend)));
  RawConnection client = sidecar.connect();
  EXPECT_EQ(version_of(client, backend), "1");
  reload(sidecar, version(2, backend, {}, expecting));
  EXPECT_EQ(version_of(client, backend), "2") << "the first bytes of this one have long been read";
  RawConnection stranger = sidecar.connect();
  stranger.send(get("/"));
  EXPECT_EQ(stranger.wait_end(), End::reset);
  RawConnection balanced = sidecar.connect();
  balanced.send("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n");
  EXPECT_EQ(version_of(balanced, backend), "2");
  reload(sidecar, version(3, backend));
  RawConnection direct = sidecar.connect();
  EXPECT_EQ(version_of(direct, backend), "3");
}

TEST(Reload, changes_what_is_logged) {
  RawBackend backend;
  const auto log = [](const std::string& level, const std::string& names) {
    return "log: { level: " + level + ", format: json, redact_query: [" + names + "] }\n";
  };
  Sidecar sidecar(started_with(version(1, backend, log("info", "token"))));
  RawConnection client = sidecar.connect();
  const auto ask = [&](const std::string& target) {
    client.send(get(target));
    (void)answer(backend).wait_end(0ms);
    (void)read_response(client);
  };
  ask("/?token=1&pin=2");
  reload(sidecar, version(1, backend, log("info", "pin")));
  ask("/?token=3&pin=4");
  reload(sidecar, version(1, backend, log("info", "pin")));
  const auto ends_in = [](std::string_view end) {
    return [end](const auto& line) { return text_of(line, "path").ends_with(end); };
  };
  (void)sidecar.wait_for_log("request", ends_in("3&pin=REDACTED"));
  const auto lines = sidecar.log_of("request");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(text_of(lines[0], "path"), "/?token=REDACTED&pin=2");
  EXPECT_EQ(text_of(lines[1], "path"), "/?token=3&pin=REDACTED");
  // Silent about itself, too: what it serves tells that it is in effect.
  sidecar.rewrite(version(2, backend, log("error", "pin")));
  sidecar.signal(SIGHUP);
  for (const auto start = Clock::now(); version_of(client, backend) != "2" && since(start) < patience();) {
  }
  ask("/quiet");
  reload(sidecar, version(1, backend, log("info", "pin")));
  ask("/loud");
  (void)sidecar.wait_for_log("request", [](const auto& line) { return text_of(line, "path") == "/loud"; });
  EXPECT_EQ(sidecar.log_text().find("/quiet"), std::string::npos);
}

TEST(Reload, changes_limits) {
  RawBackend backend;
  Sidecar sidecar(started_with(version(1, backend, "limits: { streams: 1 }\n")));
  Stream first = open_stream(sidecar, backend);
  EXPECT_EQ(open_stream(sidecar, backend).head.status(), 503);
  reload(sidecar, version(2, backend, "limits: { streams: 2 }\n"));
  Stream second = open_stream(sidecar, backend);
  EXPECT_EQ(second.head.status(), 200);
  EXPECT_EQ(open_stream(sidecar, backend).head.status(), 503);
  reload(sidecar, version(3, backend, "limits: { streams: 1 }\n"));
  EXPECT_EQ(open_stream(sidecar, backend).head.status(), 503);
  for (Stream* stream : {&first, &second}) {
    stream->backend.send(chunk("data: 1\n\n"));
    EXPECT_EQ(body_of(*stream).read_until("data: 1\n\n"), "data: 1\n\n") << "no open one is ended";
  }
}

TEST(Reload, of_a_wrong_file_changes_nothing_and_says_all_that_is_wrong) {
  RawBackend backend;
  RawBackend nobodys;
  Sidecar sidecar(started_with(version(1, backend)));
  RawConnection client = sidecar.connect();
  EXPECT_EQ(version_of(client, backend), "1");
  reload(sidecar, version(2, nobodys, "limits: { streems: 1 }\ndrain: { grace: 10x }\n"), kStays);
  EXPECT_EQ(version_of(client, backend), "1");
  RawConnection newcomer = sidecar.connect();
  EXPECT_EQ(version_of(newcomer, backend), "1");
  std::size_t problems = 0;
  for (const auto& line : sidecar.log_of("message")) {
    const std::string text = text_of(line, "message");
    if (text.find("sidecar.yaml:") == std::string::npos) continue;
    ++problems;
    EXPECT_EQ(text_of(line, "level"), "error");
    EXPECT_TRUE(text.starts_with("reload: /")) << text;
    int row = 0;
    int column = 0;
    EXPECT_EQ(std::sscanf(text.c_str() + text.find("yaml:") + 5, "%d:%d: ", &row, &column), 2) << text;
    EXPECT_TRUE(text.find("'streems'") != std::string::npos || text.find("drain.grace") != std::string::npos) << text;
  }
  EXPECT_EQ(problems, 2U);
  reload(sidecar, "listeners: [\n", kStays);
  reload(sidecar, version(2, backend));
  EXPECT_EQ(version_of(client, backend), "2") << "the next one is as good as ever";
}

TEST(Reload, without_an_address_for_a_listener_changes_nothing) {
  RawBackend backend;
  Sidecar sidecar(started_with(version(1, backend)));
  RawConnection client = sidecar.connect();
  reload(sidecar, version(2, backend, {}, listening_on({"127.0.0.2:0", backend.address()})), kStays);
  EXPECT_EQ(count_messages(sidecar, "reload: cannot listen on " + backend.address()), 1U);
  EXPECT_EQ(version_of(client, backend), "1");
  RawConnection newcomer = sidecar.connect();
  EXPECT_EQ(version_of(newcomer, backend), "1");
  EXPECT_EQ(sidecar.log_of("listening").size(), 1U) << "the one that could be opened was not kept";
}

TEST(Reload, says_what_takes_a_restart) {
  RawBackend backend;
  Launch launch = started_with(version(1, backend, "admin: { address: off }\n"));
  launch.environment = {"SSE_SIDECAR_ADMIN="};
  Sidecar sidecar(launch);
  reload(sidecar,
         version(2, backend, "workers: 3\nadmin: { address: \"127.0.0.1:0\" }\nlog: { level: info, format: text }\n"));
  EXPECT_EQ(count_messages(sidecar, "takes a restart"), 3U);
  RawConnection client = sidecar.connect();
  EXPECT_EQ(version_of(client, backend), "2");
}

// What is kept between requests.

TEST(ReloadedUpstream, that_is_the_same_keeps_its_idle_connections) {
  RawBackend backend;
  RawBackend other;
  const auto config = [&](int number, const std::string& more_upstreams) {
    std::string text = version(number, backend);
    return text.replace(text.find("{ app:"), 1, "{ " + more_upstreams);
  };
  Sidecar sidecar(started_with(config(1, "")));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection kept = answer(backend);
  EXPECT_EQ(read_response(client).head.field("X-Version"), "1");
  for (int number = 2; number < 5; ++number) {
    reload(sidecar, config(number, number % 2 == 0 ? "aaa: { url: \"" + other.url() + "\" }," : ""));
    client.send(get("/"));
    ASSERT_TRUE(kept.readable_within(patience())) << "the same connection";
    kept = answer(backend, std::move(kept));
    EXPECT_EQ(read_response(client).head.field("X-Version"), std::to_string(number));
  }
  EXPECT_TRUE(backend.no_connection_for(50ms));
}

TEST(ReloadedUpstream, that_is_gone_gives_up_its_idle_connections) {
  RawBackend before;
  RawBackend after;
  Sidecar sidecar(started_with(version(1, before)));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection idle = answer(before);
  (void)read_response(client);
  client.send(get("/running"));
  RawConnection running = before.next_of(std::move(idle));
  (void)running.read_head();
  RawConnection another = sidecar.connect();
  another.send(get("/"));
  idle = answer(before);
  (void)read_response(another);

  reload(sidecar, version(2, after));
  EXPECT_NE(idle.wait_end(), End::open);
  EXPECT_TRUE(running.silent_for(100ms));
  running.send(ok("to its end"));
  EXPECT_EQ(read_response(client).body, "to its end");
  EXPECT_NE(running.wait_end(), End::open) << "and is not kept either";
}

TEST(ReloadedUpstream, serves_its_running_streams_through_many_reloads) {
  RawBackend before;
  RawBackend after;
  Sidecar sidecar(started_with(version(1, before)));
  Stream stream = open_stream(sidecar, before);
  for (int number = 2; number < 8; ++number) {
    reload(sidecar, version(number, number % 2 == 0 ? after : before));
    stream.backend.send(chunk("data: 1\n\n"));
    (void)stream.client.read_until("data: 1\n\n");
  }
  stream.client.close();
  EXPECT_NE(stream.backend.wait_end(), End::open);
}

/// Its pooled connection dies when the policies that came behind its own are gone already.
TEST(ReloadedUpstream, serves_a_repetition_through_many_reloads) {
  RawBackend before;
  RawBackend after;
  Sidecar sidecar(started_with(version(1, before)));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  RawConnection kept = answer(before);
  (void)read_response(client);
  client.send(get("/again"));
  (void)kept.read_head();
  for (int number = 2; number < 6; ++number) reload(sidecar, version(number, after));
  kept.close();
  (void)answer(before);
  EXPECT_EQ(read_response(client).head.field("X-Version"), "1");
}

TEST(Reload, is_ignored_when_the_end_has_begun) {
  RawBackend backend;
  Sidecar sidecar(started_with(version(1, backend, "drain: { delay: 600ms, grace: 1s }\n")));
  RawConnection client = sidecar.connect();
  sidecar.signal(SIGTERM);
  (void)sidecar.wait_for_log("message", [](const auto& line) { return text_of(line, "message") == "draining"; });
  sidecar.rewrite(version(2, backend));
  sidecar.signal(SIGHUP);
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(version_of(client, backend), "1");
  client.close();
  std::this_thread::sleep_for(600ms);
  sidecar.signal(SIGHUP);
  EXPECT_EQ(sidecar.wait_exit(), 0);
  EXPECT_EQ(count_messages(sidecar, "configuration reloaded"), 0U);
  EXPECT_GE(count_messages(sidecar, "too late"), 1U);
}

TEST(Reload, asked_for_to_the_very_end_changes_nothing_about_the_end) {
  RawBackend backend;
  Sidecar sidecar(started_with(version(1, backend)));
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, sidecar.pid(), 0));
  ASSERT_GE(process, 0);
  sidecar.signal(SIGTERM);
  std::jthread asking([process](const std::stop_token& told) {
    while (!told.stop_requested() && ::syscall(SYS_pidfd_send_signal, process, SIGHUP, nullptr, 0) == 0) {
      std::this_thread::sleep_for(100us);
    }
    ::close(process);
  });
  EXPECT_EQ(sidecar.wait_exit(), 0);
}

// Under load.

struct Count {
  std::atomic<int> served = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  std::vector<std::string> lost;
};

void play(const Sidecar& sidecar, bool keep, Count& count) {
  try {
    RawConnection client;
    for (int number = 0; !count.stop; ++number) {
      if (client.fd() < 0 || !keep) client = sidecar.connect();
      const std::string target = "/" + std::to_string(number);
      client.send(get(target, keep ? "" : "Connection: close\r\n"));
      const Response response = read_response(client, "GET", scaled(10s));
      if (response.status() != 200 || response.body != target) throw Failure("a wrong answer to " + target);
      if (!response.head.has("X-Version")) throw Failure("no version");
      if (keep && response.head.lists("Connection", "close")) throw Failure("told to close");
      ++count.served;
    }
  } catch (const std::exception& error) {
    const std::lock_guard lock(count.mutex);
    count.lost.push_back(error.what());
  }
}

void serve(RawConnection& connection) {
  while (true) {
    const std::string line = connection.read_head(1h).start_line;
    connection.send(ok(line.substr(4, line.rfind(' ') - 4)));
  }
}

TEST(ReloadUnderLoad, fifty_times_loses_no_request_and_leaks_nothing) {
  ServingBackend one(serve);
  ServingBackend two(serve);
  const auto config = [&](int number) {
    const std::vector<std::string> listeners = number % 3 == 0 ? std::vector<std::string>{"127.0.0.1:0", "127.0.0.2:0"}
                                                               : std::vector<std::string>{"127.0.0.1:0"};
    return version(number, (number % 2 == 0 ? one : two).listener(), "workers: 2\n", listening_on(listeners));
  };
  Sidecar sidecar(started_with(config(1)));
  Count count;
  std::size_t settled = 0;
  {
    std::vector<std::unique_ptr<Background>> clients;
    for (int i = 0; i < 6; ++i) {
      clients.push_back(std::make_unique<Background>([&, i] { play(sidecar, i % 2 == 0, count); }));
    }
    for (int number = 2; number <= 51; ++number) {
      if (number == 20) settled = sidecar.memory().anonymous_bytes;
      reload(sidecar, config(number));
      std::this_thread::sleep_for(10ms);
    }
    count.stop = true;
  }
  for (const std::string& lost : count.lost) ADD_FAILURE() << lost;
  EXPECT_GT(count.served, 500);
  reload(sidecar, version(52, one.listener()));  // Its idle connections are kept, the others' are not.
  const std::size_t now = sidecar.memory().anonymous_bytes;
  std::cout << count.served << " requests; memory: " << settled / 1024 << " kB at the 20th reload, " << now / 1024
            << " kB at the end\n";
  if (!sanitized()) {
    EXPECT_LT(now, settled + (512U << 10U));
  }
  reload(sidecar, version(53, two.listener()));
  EXPECT_TRUE(sidecar.fds_return_to_start());
}

}  // namespace
}  // namespace sidecar::nettest
