// SIGTERM: what happens to whoever is there, in which order, and that nobody who was let in loses a request.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <mutex>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr Milliseconds kGrace = 1'200ms;
/// What the shell may add to a time that was promised.
constexpr Milliseconds kSlack = 700ms;

Launch draining(const RawBackend& backend, const std::string& drain = "grace: 1200ms", const std::string& rest = {}) {
  return configured(backend, "", "drain: { retry: [100ms, 300ms], " + drain + " }\n" + rest);
}

/// SIGTERM, and the moment of it.
Clock::time_point begin_drain(Sidecar& sidecar) {
  const auto start = Clock::now();
  sidecar.signal(SIGTERM);
  (void)sidecar.wait_for_log("message", [](const auto& line) { return text_of(line, "message") == "draining"; });
  return start;
}

bool refuses(const Sidecar& sidecar) {
  try {
    (void)sidecar.connect();
    return false;
  } catch (const Failure&) {
    return true;
  }
}

void wait_until_refused(const Sidecar& sidecar) {
  const auto start = Clock::now();
  while (!refuses(sidecar)) {
    if (since(start) > patience()) throw Failure("the listener stays open");
    std::this_thread::sleep_for(10ms);
  }
}

int probe(const std::string& admin, const std::string& path) {
  RawConnection client = connect_to(admin);
  client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return read_response(client).status();
}

constexpr const char* kPost = "POST /events HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n";

/// With a response to every request; `/halves` comes in two pieces.
void serve(RawConnection& connection) {
  while (true) {
    const Request request = read_request(connection, 1h);
    const std::string response = ok(request.head.start_line + request.body);
    if (request.head.start_line.find("/halves") == std::string::npos) {
      connection.send(response);
      continue;
    }
    connection.send(std::string_view(response).substr(0, response.size() - 5));
    std::this_thread::sleep_for(5ms);
    connection.send(std::string_view(response).substr(response.size() - 5));
  }
}

TEST(Drain, is_told_before_anything_ends) {
  RawBackend backend;
  Launch launch = draining(backend, "delay: 500ms, grace: 1200ms", "admin: { address: \"127.0.0.1:0\" }");
  launch.environment = {"SSE_SIDECAR_ADMIN="};
  Sidecar sidecar(launch);
  const std::string admin = text_of(sidecar.wait_for_log("admin_listening"), "address");
  EXPECT_EQ(probe(admin, "/readyz"), 200);
  Stream stream = open_stream(sidecar, backend, kPost);
  const auto start = begin_drain(sidecar);
  EXPECT_EQ(probe(admin, "/readyz"), 503);
  auto [client, connection, request] = begin_request(sidecar, backend);
  connection.send(ok("served"));
  const Response response = read_response(client);
  EXPECT_EQ(response.body, "served");
  if (since(start) < 450ms) {
    EXPECT_FALSE(response.head.lists("Connection", "close")) << "the delay is service as ever";
  }
  wait_until_refused(sidecar);
  EXPECT_GE(since(start), 450ms);
  EXPECT_EQ(probe(admin, "/readyz"), 503);
  EXPECT_EQ(probe(admin, "/livez"), 200);
  EXPECT_EQ(sidecar.wait_exit(), 0);
  EXPECT_GE(since(start), 500ms + kGrace - 100ms) << "the stream had all of the grace";
  EXPECT_LT(since(start), scaled(500ms + kGrace + kSlack));
}

TEST(Drain, accepts_who_waits) {
  ServingBackend backend(serve);
  Sidecar sidecar(draining(backend.listener()));
  sidecar.signal(SIGSTOP);
  std::vector<RawConnection> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(sidecar.connect());
    clients.back().send(get("/" + std::to_string(i)));
  }
  sidecar.signal(SIGTERM);
  sidecar.signal(SIGCONT);
  for (int i = 0; i < 200; ++i) {
    const Response response = read_response(clients[static_cast<std::size_t>(i)]);
    EXPECT_EQ(response.body, "GET /" + std::to_string(i) + " HTTP/1.1");
  }
  EXPECT_EQ(sidecar.wait_exit(), 0);
}

/// Connections that were made and say nothing hold nobody up: so many that some are accepted in the end only.
TEST(Drain, waits_no_longer_for_silent_newcomers_than_for_anybody) {
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 20s"));
  sidecar.signal(SIGSTOP);
  std::vector<RawConnection> clients;
  for (int i = 0; i < 1'000; ++i) clients.push_back(sidecar.connect());
  sidecar.signal(SIGTERM);
  sidecar.signal(SIGCONT);
  EXPECT_EQ(sidecar.wait_exit(scaled(4s)), 0);
  for (RawConnection& client : clients) ASSERT_EQ(client.wait_end(), End::eof);
}

TEST(Drain, finishes_requests_and_says_that_they_are_the_last) {
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 10s"));
  auto [client, connection, request] = begin_request(sidecar, backend);
  begin_drain(sidecar);
  wait_until_refused(sidecar);
  EXPECT_TRUE(client.silent_for(200ms));
  connection.send(ok("last"));
  const Response response = read_response(client);
  EXPECT_EQ(response.body, "last");
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_EQ(client.wait_end(), End::eof);
  client.close();
  EXPECT_EQ(sidecar.wait_exit(scaled(2s)), 0);
}

TEST(Drain, keeps_its_word_to_who_was_not_told_to_close) {
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 10s"));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/first"));
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  const Head head = client.read_head();
  EXPECT_FALSE(head.has("Connection"));
  begin_drain(sidecar);
  wait_until_refused(sidecar);
  connection.send(", all");
  EXPECT_EQ(client.read_exact(9), "half, all");
  client.send(get("/second"));
  connection = backend.next_of(std::move(connection));
  (void)connection.read_head();
  connection.send(ok("second"));
  const Response second = read_response(client);
  EXPECT_EQ(second.body, "second");
  EXPECT_TRUE(second.head.lists("Connection", "close"));
  client.close();
  EXPECT_EQ(sidecar.wait_exit(scaled(2s)), 0);
}

TEST(Drain, closes_idle_connections_soon_but_not_at_once) {
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 10s"));
  RawConnection idle = sidecar.connect();
  auto [about_to_ask, connection, request] = begin_request(sidecar, backend);
  connection.send(ok("first"));
  EXPECT_FALSE(read_response(about_to_ask).head.has("Connection"));
  const auto start = begin_drain(sidecar);
  std::this_thread::sleep_for(400ms);
  if (since(start) < 800ms) {
    about_to_ask.send(get("/"));
    connection = backend.next_of(std::move(connection));
    (void)connection.read_head();
    connection.send(ok("last"));
    EXPECT_TRUE(read_response(about_to_ask).head.lists("Connection", "close"));
    about_to_ask.close();
  }
  EXPECT_EQ(idle.wait_end(), End::eof);
  EXPECT_GE(since(start), 800ms);
  EXPECT_LT(since(start), scaled(2s));
  EXPECT_EQ(sidecar.wait_exit(scaled(2s)), 0);
}

/// An answer that is out when the grace ends is not taken back.
TEST(Drain, destroys_no_answer_at_the_end_of_the_grace) {
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 500ms"));
  auto [client, connection, request] = begin_request(sidecar, backend, get("/"), {4'096});
  const auto start = begin_drain(sidecar);
  std::this_thread::sleep_for(200ms);
  connection.send(ok(std::string(40'000, 'x')));
  EXPECT_EQ(sidecar.wait_exit(), 0);
  EXPECT_LT(since(start), scaled(500ms + kSlack));
  EXPECT_EQ(read_response(client).body.size(), 40'000U) << "what the kernel had taken arrives";
}

// Event streams.

TEST(DrainedStreams, end_one_after_the_other_and_say_when_to_come_back) {
  constexpr std::size_t kStreams = 60;
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 2s"));
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < kStreams; ++i) {
    streams.push_back(open_stream(sidecar, backend));
    streams.back().backend.send(chunk("data: 1\n\n"));
  }
  for (Stream& stream : streams) (void)stream.client.read_until("data: 1\n\n");
  const auto start = begin_drain(sidecar);
  std::vector<int> retries;
  for (Stream& stream : streams) {
    (void)stream.client.read_until("\r\n");  // The end of the event's chunk.
    BodyReader body(stream.client, {Framing::chunked, 0});
    const std::string rest = body.read_all();
    int retry = 0;
    ASSERT_EQ(std::sscanf(rest.c_str(), "retry: %d\n\n", &retry), 1) << rest;
    EXPECT_EQ(rest, "retry: " + std::to_string(retry) + "\n\n");
    EXPECT_GE(retry, 100);
    EXPECT_LE(retry, 300);
    retries.push_back(retry);
    stream.client.close();
  }
  EXPECT_EQ(sidecar.wait_exit(), 0);
  EXPECT_LT(since(start), scaled(2s + kSlack));
  std::sort(retries.begin(), retries.end());
  EXPECT_GT(retries.back() - retries.front(), 100);
  std::vector<std::int64_t> ends;
  for (const auto& line : sidecar.log_of("stream_close")) {
    EXPECT_EQ(text_of(line, "reason"), "drain");
    EXPECT_EQ(text_of(line, "closed_by"), "sidecar");
    ends.push_back(number_of(line, "duration_ms"));
  }
  ASSERT_EQ(ends.size(), kStreams);
  std::sort(ends.begin(), ends.end());
  std::cout << "ends from " << ends.front() << " to " << ends.back() << " ms\n";
  EXPECT_GT(ends.back() - ends.front(), 900) << "spread over three quarters of the grace";
  EXPECT_LT(ends.back(), scaled(2s).count());
}

TEST(DrainedStreams, in_the_middle_of_an_event_wait_for_its_end) {
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 3s"));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  stream.backend.send(chunk("data: ha"));
  EXPECT_EQ(body.read_until("data: ha"), "data: ha");
  const auto start = begin_drain(sidecar);
  while (since(start) < 2'400ms) EXPECT_TRUE(body.silent_for(200ms));  // Beyond the planned ends.
  stream.backend.send(chunk("lf\n\ndata: more\n\n"));
  const std::string rest = body.read_all();
  EXPECT_EQ(rest.substr(0, 11), "lf\n\nretry: ");
  EXPECT_EQ(rest.find("more"), std::string::npos);
  EXPECT_NE(stream.backend.wait_end(), End::open);
  stream.client.close();
  EXPECT_EQ(sidecar.wait_exit(), 0);
}

/// What is broken off at the end of the grace, and how its client sees that.
class BrokenOff : public ::testing::TestWithParam<const char*> {};

TEST_P(BrokenOff, visibly_at_the_end_of_the_grace) {
  const std::string what = GetParam();
  RawBackend backend;
  Sidecar sidecar(draining(backend, "grace: 1s"));
  std::string request = kPost;
  std::string head(kStreamHead);
  if (what == "http_1_0") request = "POST / HTTP/1.0\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n";
  if (what == "mid_event") request = get("/", "Accept: text/event-stream\r\n");
  if (what == "tunnel") {
    request = get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  }
  Stream stream = open_stream(sidecar, backend, request, head);
  const auto say = [&](std::string_view bytes) { stream.backend.send(what == "tunnel" ? bytes : chunk(bytes)); };
  if (what == "mid_event") say("data: 0\n");
  const auto start = begin_drain(sidecar);
  std::this_thread::sleep_for(600ms);
  say("data: late\n");
  (void)stream.client.read_until("data: late\n");
  EXPECT_EQ(stream.client.wait_end(), End::reset);
  EXPECT_GE(since(start), 900ms);
  EXPECT_EQ(stream.client.buffered().find("0\r\n\r\n"), std::string::npos) << "no last chunk";
  EXPECT_NE(stream.backend.wait_end(), End::open);
  EXPECT_EQ(sidecar.wait_exit(), 0);
  EXPECT_LT(since(start), scaled(1s + kSlack));
  const auto lines = sidecar.log_of(what == "tunnel" ? "request" : "stream_close");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(text_of(lines[0], "reason"), "forced");
  EXPECT_EQ(text_of(lines[0], "closed_by"), "sidecar");
}

INSTANTIATE_TEST_SUITE_P(Drain, BrokenOff, ::testing::Values("http_1_1", "http_1_0", "mid_event", "tunnel"),
                         [](const auto& param) { return std::string(param.param); });

// Ends of the process.

TEST(Drain, told_twice_exits_with_1_at_once) {
  RawBackend backend;
  for (const char* const drain : {"grace: 20s", "delay: 20s, grace: 20s"}) {
    Sidecar sidecar(draining(backend, drain));
    Stream stream = open_stream(sidecar, backend, kPost);
    begin_drain(sidecar);
    const auto start = Clock::now();
    EXPECT_EQ(sidecar.stop(SIGTERM), 1);
    EXPECT_LT(since(start), scaled(500ms));
    EXPECT_EQ(sidecar.log_of("stream_close").size(), 1U);
  }
}

TEST(Drain, removes_the_path_of_a_unix_listener_first) {
  TemporaryFolder folder;
  RawBackend backend;
  const std::string path = folder.path("in.sock");
  Launch launch = draining(backend);
  launch.config.replace(launch.config.find("127.0.0.1:0"), 11, "unix:" + path);
  Sidecar sidecar(launch);
  Stream stream = open_stream(sidecar, backend, kPost);
  begin_drain(sidecar);
  const auto start = Clock::now();
  struct stat status {};
  while (::stat(path.c_str(), &status) == 0 && since(start) < patience()) std::this_thread::sleep_for(5ms);
  EXPECT_NE(::stat(path.c_str(), &status), 0);
  EXPECT_TRUE(stream.client.silent_for(100ms)) << "the stream runs on";
  EXPECT_EQ(sidecar.wait_exit(), 0);
}

// The test that counts.

struct Count {
  std::atomic<int> served = 0;
  std::atomic<int> served_while_draining = 0;
  std::atomic<int> refused = 0;  ///< Connects.
  std::atomic<bool> draining = false;
  std::mutex mutex;
  std::vector<std::string> lost;
};

/// One request on `client`, which is connected. True when another may follow.
bool ask(RawConnection& client, int number, bool keep, Count& count) {
  const bool post = number % 5 == 0;
  const std::string target = (number % 7 == 0 ? "/halves/" : "/") + std::to_string(number);
  const std::string line = (post ? "POST " : "GET ") + target + " HTTP/1.1";
  const std::string body = post ? "body " + std::to_string(number) : "";
  client.send(line + "\r\nHost: app.test\r\n" + (keep ? "" : "Connection: close\r\n") +
              (post ? "Content-Length: " + std::to_string(body.size()) + "\r\n" : "") + "\r\n" + body);
  const Response response = read_response(client, post ? "POST" : "GET", scaled(10s));
  if (response.status() != 200 || response.body != line + body) throw Failure("a wrong answer to " + line);
  ++(count.draining ? count.served_while_draining : count.served);
  return keep && !response.head.lists("Connection", "close");
}

/// Until nobody accepts any more. Every request on a connection that was made is answered, or the client was told not
/// to send it.
void play_until_refused(const Sidecar& sidecar, bool keep, Count& count) {
  for (int number = 1;;) {
    RawConnection client;
    try {
      client = sidecar.connect();
    } catch (const Failure&) {
      ++count.refused;
      if (count.draining) return;
      continue;
    }
    try {
      while (ask(client, number++, keep, count)) {
      }
    } catch (const std::exception& error) {
      const std::lock_guard lock(count.mutex);
      count.lost.push_back(error.what());
    }
  }
}

struct Load {
  const char* name;
  const char* workers;
  bool unix_listener;
};

class UnderLoad : public ::testing::TestWithParam<Load> {};

TEST_P(UnderLoad, a_drain_loses_no_request) {
  TemporaryFolder folder;
  ServingBackend backend(serve);
  Launch launch = draining(backend.listener(), "grace: 8s");
  if (GetParam().unix_listener) {
    launch.config.replace(launch.config.find("127.0.0.1:0"), 11, "unix:" + folder.path("in.sock"));
  }
  launch.config += "workers: " + std::string(GetParam().workers) + "\n";
  Sidecar sidecar(launch);
  Count count;
  {
    std::vector<std::unique_ptr<Background>> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<Background>([&, i] { play_until_refused(sidecar, i % 2 == 0, count); }));
    }
    std::this_thread::sleep_for(700ms);
    EXPECT_EQ(count.refused, 0);
    count.draining = true;
    sidecar.signal(SIGTERM);
  }
  EXPECT_EQ(sidecar.wait_exit(), 0);
  std::cout << count.served << " requests, " << count.served_while_draining << " more while draining\n";
  for (const std::string& lost : count.lost) ADD_FAILURE() << lost;
  EXPECT_GT(count.served, 100);
  EXPECT_EQ(backend.failures(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Drain, UnderLoad,
                         ::testing::Values(Load{"one_worker", "1", false}, Load{"three_workers", "3", false},
                                           Load{"unix", "1", true}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace sidecar::nettest
