// Several workers: nothing shared is broken by a crowd of mixed exchanges. Also run under the thread sanitizer.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>

#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr int kClients = 24;
const int kRounds = sanitized() ? 8 : 25;

/// What the backend does is in the target: /length/N, /chunked/N, /close/N, /stream/N (N events), /echo.
void serve_crowd(RawConnection& connection) {
  while (true) {
    const Request request = read_request(connection, scaled(30s));
    std::istringstream target(request.head.start_line);
    std::string method;
    std::string path;
    target >> method >> path;
    const std::string kind = path.substr(1, path.find('/', 1) - 1);
    const auto size = static_cast<std::size_t>(std::stoul(path.substr(path.rfind('/') + 1)));
    if (kind == "echo") {
      connection.send(ok(request.body));
    } else if (kind == "length") {
      connection.send(ok(pattern(size)));
    } else if (kind == "chunked") {
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (size > 0 ? chunk(pattern(size)) : "") +
                      "0\r\n\r\n");
    } else if (kind == "stream") {
      connection.send(kStreamHead);
      for (std::size_t i = 0; i < size; ++i) connection.send(chunk("data: " + std::to_string(i) + "\n\n"));
      connection.send(kLastChunk);
    } else {
      connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + pattern(size));
      return;
    }
  }
}

std::string without_heartbeats(std::string body) {
  for (std::size_t at = 0; (at = body.find(kHeartbeat, at)) != std::string::npos;) body.erase(at, kHeartbeat.size());
  return body;
}

std::string events_up_to(std::size_t count) {
  std::string events;
  for (std::size_t i = 0; i < count; ++i) events += "data: " + std::to_string(i) + "\n\n";
  return events;
}

/// One request of a random kind; throws when a byte is wrong.
void one_exchange(RawConnection& client, std::mt19937& random) {
  static constexpr std::string_view kKinds[] = {"length", "chunked", "close", "stream", "echo"};
  const std::string kind(kKinds[random() % std::size(kKinds)]);
  const std::size_t size = kind == "stream" ? random() % 40 : random() % 200'000;
  const std::string target = "/" + kind + "/" + std::to_string(size);
  std::string expected = kind == "stream" ? events_up_to(size) : pattern(size);
  if (kind == "echo") {
    client.send(
        "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + expected,
        scaled(30s));
  } else {
    client.send(get(target));
  }
  const Response response = read_response(client, "GET", scaled(30s));
  if (response.status() != 200) throw Failure(target + ": " + response.head.start_line + " " + response.body);
  if (without_heartbeats(response.body) != expected) throw Failure(target + ": wrong bytes");
}

/// Comes, asks, and sometimes leaves in the middle.
void play_client(const Sidecar& sidecar, unsigned seed) {
  std::mt19937 random(seed);
  RawConnection client = sidecar.connect();
  for (int round = 0; round < kRounds; ++round) {
    if (random() % 6 == 0) {
      client.send(get("/stream/30"));
      if (random() % 2 == 0) (void)client.read_head(scaled(30s));
      random() % 2 == 0 ? client.reset() : client.close();
      client = sidecar.connect();
    }
    one_exchange(client, random);
  }
}

Launch with_workers(const RawBackend& backend, const std::string& workers) {
  Launch launch;
  launch.arguments = {"--listen",     "127.0.0.1:0", "--upstream",           backend.url(), "--workers",   workers,
                      "--log-format", "json",        "--heartbeat-interval", "60ms",        "--log-level", "debug"};
  return launch;
}

TEST(Workers, a_crowd_of_mixed_exchanges_gets_exact_bytes) {
  ServingBackend backend(serve_crowd);
  Sidecar sidecar(with_workers(backend.listener(), "4"));
  std::mutex mutex;
  std::vector<std::string> failures;
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= kClients; ++seed) {
    threads.emplace_back([&, seed] {
      try {
        play_client(sidecar, seed);
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        failures.push_back("seed " + std::to_string(seed) + ": " + error.what());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) ADD_FAILURE() << failure;
  for (const auto& failure : backend.failures()) ADD_FAILURE() << "backend: " << failure;
}

TEST(Workers, hundreds_of_streams_all_get_heartbeats_and_events) {
  RawBackend backend;
  Sidecar sidecar(with_workers(backend, "4"));
  std::vector<Stream> streams;
  const std::size_t count = sanitized() ? 100 : 300;
  for (std::size_t i = 0; i < count; ++i) streams.push_back(open_stream(sidecar, backend));
  for (auto& stream : streams) stream.backend.send(chunk("data: 1\n\n"));
  for (auto& stream : streams) {
    BodyReader body = body_of(stream);
    std::string seen = body.read_until("data: 1\n\n", scaled(10s));
    EXPECT_EQ(without_heartbeats(seen), "data: 1\n\n");
    while (!body.buffered().starts_with(kHeartbeat) && body.buffered().size() < kHeartbeat.size()) {
      ASSERT_FALSE(body.silent_for(scaled(5s))) << "no heartbeat";
    }
  }
  streams.clear();
  EXPECT_TRUE(sidecar.fds_return_to_start());
  const auto closed = [&] { return sidecar.log_of("stream_close").size(); };
  for (const auto start = Clock::now(); closed() < count && since(start) < patience();)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(closed(), count);
}

TEST(Workers, share_the_work) {
  ServingBackend backend(serve_crowd);
  Sidecar sidecar(with_workers(backend.listener(), "4"));
  std::vector<RawConnection> clients;
  clients.reserve(200);
  for (int i = 0; i < 200; ++i) clients.push_back(sidecar.connect());
  for (RawConnection& client : clients) client.send(get("/length/1"));
  for (RawConnection& client : clients) EXPECT_EQ(read_response(client).status(), 200);
  std::set<std::string> ids;
  std::map<std::string, std::size_t> workers;
  const auto served = [&] { return sidecar.log_of("request").size(); };
  for (const auto start = Clock::now(); served() < clients.size() && since(start) < patience();)
    std::this_thread::sleep_for(10ms);
  for (const auto& line : sidecar.log_of("request")) {
    const std::string id = text_of(line, "id");
    EXPECT_TRUE(ids.insert(id).second) << "ids are unique across workers";
    ++workers[id.substr(0, 8)];
  }
  EXPECT_EQ(ids.size(), clients.size());
  ASSERT_EQ(workers.size(), 4U);
  for (const auto& [worker, connections] : workers) {
    EXPECT_NEAR(static_cast<double>(connections), 50.0, 5.0) << worker;  // 10 %
  }
}

/// Streams stay: who lost the most of them gets the next ones.
TEST(Workers, make_up_for_those_that_left) {
  ServingBackend backend(serve_crowd);
  Sidecar sidecar(with_workers(backend.listener(), "2"));
  std::map<std::string, std::vector<RawConnection>> of;
  const auto fill = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t before = sidecar.log_of("request").size();
      RawConnection client = sidecar.connect();
      client.send(get("/length/1"));
      EXPECT_EQ(read_response(client).status(), 200);
      for (const auto start = Clock::now(); sidecar.log_of("request").size() == before && since(start) < patience();)
        std::this_thread::sleep_for(1ms);
      of[text_of(sidecar.log_of("request").back(), "id").substr(0, 8)].push_back(std::move(client));
    }
  };
  fill(40);
  ASSERT_EQ(of.size(), 2U);
  of.begin()->second.clear();
  std::this_thread::sleep_for(50ms);  // For the ends to be seen.
  fill(20);
  EXPECT_NEAR(static_cast<double>(of.begin()->second.size()), static_cast<double>(of.rbegin()->second.size()), 4.0);
}

TEST(Workers, stopping_under_load_ends_with_0) {
  ServingBackend backend(serve_crowd);
  Sidecar sidecar(with_workers(backend.listener(), "4"));
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      try {
        RawConnection client = sidecar.connect();
        while (true) {
          one_exchange(client, random);
          ++served;
        }
      } catch (const std::exception&) {  // The end of the sidecar is the end of the loop.
      }
    });
  }
  for (const auto start = Clock::now(); served < 50 && since(start) < patience();) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(sidecar.stop(), 0);
  for (auto& thread : threads) thread.join();
  EXPECT_GE(served, 50);
}

/// How many threads of the process are scheduled as work that lets others go first.
std::size_t patient_threads(pid_t process) {
  std::size_t patient = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    if (::sched_getscheduler(std::stoi(thread.path().filename())) == SCHED_BATCH) ++patient;
  }
  return patient;
}

/// A single one has the shortest way from an event to its client.
TEST(Workers, let_others_go_first_where_they_are_several) {
  RawBackend backend;
  for (const std::size_t workers : {1U, 3U}) {
    const std::size_t patient = workers > 1 ? workers : 0;
    Sidecar sidecar(with_workers(backend, std::to_string(workers)));
    const Stream stream = open_stream(sidecar, backend);  // Those that are there have begun.
    const auto reached = [&] { return patient_threads(sidecar.pid()) == patient; };
    for (const auto start = Clock::now(); !reached() && since(start) < patience();) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(patient_threads(sidecar.pid()), patient) << workers;
  }
}

TEST(Workers, auto_is_accepted) {
  RawBackend backend;
  Sidecar sidecar(with_workers(backend, "auto"));
  Stream stream = open_stream(sidecar, backend);
  EXPECT_EQ(stream.head.status(), 200);
}

}  // namespace
}  // namespace sidecar::nettest
