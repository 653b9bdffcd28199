// A kernel that does things by halves: short reads and writes, EINTR, EAGAIN at any moment, no descriptors for a while.
// What arrives is what was sent, all the same.
#include <netdb.h>

#include <atomic>
#include <iostream>
#include <random>

#include "tests/faults/shimmed.hpp"
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::size_t kClients = 50;
constexpr int kExchangesEach = 12;

void misbehave(const Shim& shim, std::uint32_t seed) {
  shim->seed = seed;
  shim->short_percent = 40;
  shim->eintr_percent = 20;
  shim->eagain_percent = 20;
}

void expect_misbehaved(const Shim& shim) {
  std::cout << "shortened " << shim->shortened << ", interrupted " << shim->interrupted << ", put off " << shim->put_off
            << '\n';
  EXPECT_GT(shim->shortened, 100U);
  EXPECT_GT(shim->interrupted, 100U);
  EXPECT_GT(shim->put_off, 100U);
}

std::string events_of(std::uint32_t number) {
  std::string text;
  for (std::uint32_t i = 0; i < 100; ++i) {
    text += "id: " + std::to_string(number) + "-" + std::to_string(i) + "\ndata: " + std::string(i * 37 % 400, 'x') +
            "\ndata: more\n\n";
  }
  return text;
}

/// In pieces that end anywhere, with silences in which heartbeats are due.
void send_events(RawConnection& connection, const std::string& text, std::uint32_t number) {
  connection.send(kStreamHead);
  std::mt19937 random(number);
  for (std::size_t at = 0; at < text.size();) {
    const bool pause = random() % 4 == 0;
    std::size_t size = std::min<std::size_t>(1 + random() % 2'000, text.size() - at);
    if (pause) size = text.find('\n', at + size - 1) + 1 - at;  // Inside a line no heartbeat is possible.
    connection.send(chunk(std::string_view(text).substr(at, size)));
    at += size;
    if (pause) std::this_thread::sleep_for(130ms);
  }
  connection.send(kLastChunk);
}

/// `/echo/length`, `/echo/chunked` and `/echo/close` answer with the request's body in that framing, `/events/7` with
/// the seventh stream.
void serve(RawConnection& connection) {
  while (true) {
    const Request request = read_request(connection, scaled(30s));
    const std::string target = request.head.start_line.substr(0, request.head.start_line.rfind(' '));
    if (const auto events = target.find("/events/"); events != std::string::npos) {
      const auto number = static_cast<std::uint32_t>(std::stoul(target.substr(events + 8)));
      send_events(connection, events_of(number), number);
    } else if (target.ends_with("/length")) {
      connection.send(ok(request.body));
    } else if (target.ends_with("/chunked")) {
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (std::size_t at = 0; at < request.body.size(); at += 9'001) {
        connection.send(chunk(std::string_view(request.body).substr(at, 9'001)));
      }
      connection.send(kLastChunk);
    } else {
      connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + request.body);
      return;
    }
  }
}

std::string upload(std::string_view target, const std::string& body, bool chunked, bool http10) {
  std::string bytes = "POST " + std::string(target) + (http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n") + "Host: a\r\n";
  if (!chunked) return bytes + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  bytes += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 4'999) bytes += chunk(std::string_view(body).substr(at, 4'999));
  return bytes + std::string(kLastChunk);
}

void exchange_bodies(const Sidecar& sidecar, std::uint32_t number) {
  std::mt19937 random(number);
  RawConnection client = sidecar.connect();
  for (int i = 0; i < kExchangesEach; ++i) {
    static constexpr const char* kTargets[] = {"/echo/length", "/echo/chunked", "/echo/close"};
    const bool http10 = i == kExchangesEach - 1;
    const std::string body = pattern(random() % (i % 2 == 0 ? 300 : 150'000), random());
    client.send(upload(kTargets[random() % 3], body, !http10 && random() % 2 == 0, http10), scaled(20s));
    const Response response = read_response(client, "POST", scaled(20s));
    ASSERT_EQ(response.status(), 200) << "client " << number;
    ASSERT_TRUE(response.body == body) << "client " << number << ", exchange " << i;
  }
}

/// `text` without heartbeats: with a blank line between events, the comment line alone inside one.
std::string without_heartbeats(std::string_view text, std::size_t& count) {
  std::string rest;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (line != kHeartbeatLine) {
      rest += line;
      continue;
    }
    ++count;
    if (rest.empty() || rest.ends_with("\n\n")) text.remove_prefix(1);
  }
  return rest;
}

std::size_t follow_events(const Sidecar& sidecar, std::uint32_t number) {
  RawConnection client = sidecar.connect();
  client.send(get("/events/" + std::to_string(number), "Accept: text/event-stream\r\n"));
  const Response response = read_response(client, "GET", scaled(20s));
  std::size_t heartbeats = 0;
  EXPECT_TRUE(without_heartbeats(response.body, heartbeats) == events_of(number)) << "stream " << number;
  return heartbeats;
}

class HalfHeartedKernel : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(HalfHeartedKernel, loses_nothing) {
  ServingBackend backend(serve);
  Shim shim;
  misbehave(shim, GetParam());
  Sidecar sidecar(shim.under(configured(backend.listener(), "keepalive: { idle_timeout: 500ms }",
                                        "defaults: { event_stream: { heartbeat: { interval: 50ms } } }")));
  std::atomic<std::size_t> heartbeats{0};
  {
    std::vector<std::unique_ptr<Background>> clients;
    for (std::uint32_t i = 0; i < kClients; ++i) {
      const std::uint32_t number = GetParam() * 1'000 + i;
      clients.push_back(std::make_unique<Background>([&, number, i] {
        if (i % 2 == 0) {
          exchange_bodies(sidecar, number);
        } else {
          heartbeats += follow_events(sidecar, number);
        }
      }));
    }
  }
  EXPECT_GT(heartbeats, kClients / 2);
  EXPECT_EQ(backend.failures(), std::vector<std::string>{});
  for (const auto& event : {"request", "stream_close"}) {
    for (const auto& line : sidecar.log_of(event)) EXPECT_EQ(text_of(line, "status"), "200") << text_of(line, "reason");
  }
  expect_misbehaved(shim);
}

INSTANTIATE_TEST_SUITE_P(Faults, HalfHeartedKernel, ::testing::Range(1U, 6U),
                         [](const auto& param) { return "seed_" + std::to_string(param.param); });

TEST(Exhausted, without_descriptors_for_clients_lets_them_wait) {
  ServingBackend backend(serve);
  Shim shim;
  Sidecar sidecar(shim.under(configured(backend.listener(), "keepalive: { idle_timeout: 500ms }")));
  shim->accept_error = EMFILE;
  std::vector<RawConnection> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(sidecar.connect());
    clients.back().send(upload("/echo/length", std::to_string(i), false, false));
  }
  (void)sidecar.wait_for_log("message", [](const auto& line) { return text_of(line, "level") == "warn"; });
  EXPECT_TRUE(clients[0].silent_for(500ms)) << "several more attempts";
  shim->accept_error = 0;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(read_response(clients[static_cast<std::size_t>(i)]).body, std::to_string(i));
  EXPECT_EQ(sidecar.log_of("message").size(), 1U) << "one line, however often it was tried";
  EXPECT_GT(shim->denied, 1U);
  EXPECT_LT(shim->denied, 20U) << "accepting rests between two attempts";
}

TEST(Exhausted, without_descriptors_for_backends_says_so) {
  ServingBackend backend(serve);
  Shim shim;
  Sidecar sidecar(shim.under(configured(backend.listener(), "keepalive: { max_idle: 0 }")));
  RawConnection client = sidecar.connect();
  for (const int error : {EMFILE, 0, ENFILE, ENOMEM, 0}) {
    shim->socket_error = error;
    client.send(get("/echo/length"));
    EXPECT_EQ(read_response(client).status(), error == 0 ? 200 : 503) << error;
  }
}

}  // namespace
}  // namespace sidecar::nettest
