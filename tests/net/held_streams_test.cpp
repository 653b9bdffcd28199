// Streams without a backend cost a place like any other, and no more memory.
#include <iostream>

#include "tests/net/opted_in.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::size_t kHeldStreamBytesMax = 2048;
constexpr std::string_view kDenied = "HTTP/1.1 403 No\r\nContent-Type: text/plain\r\nContent-Length: 4096\r\n\r\n";

const std::string kHolds = "error_event: { statuses: [403, 502], then: hold }, unavailable: { hold: 20s }";

RawConnection ask(const Sidecar& sidecar, std::string_view request) {
  RawConnection client = sidecar.connect();
  client.send(request);
  return client;
}

void expect_refused(RawConnection client, std::string_view limit) {
  const Response response = read_response(client);
  EXPECT_EQ(response.status(), 503);
  EXPECT_NE(response.body.find(limit), std::string::npos) << response.body;
}

struct Way {
  const char* name;
  const char* keys;
  std::string answer;  ///< Empty: silence; "none": nobody listens.
};

void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name;
}

class Counted : public ::testing::TestWithParam<std::tuple<Way, const char*>> {
 protected:
  static const Way& way() { return std::get<0>(GetParam()); }
  static std::string limit() { return std::get<1>(GetParam()); }
};

/// The ordinary stream that `known`, or a newer connection, asks for is opened.
RawConnection open_ordinary(RawBackend& backend, RawConnection known) {
  RawConnection connection = known.fd() < 0 ? backend.accept() : backend.next_of(std::move(known));
  while (connection.read_head().start_line != "GET / HTTP/1.1") connection = backend.accept();
  connection.send(kStreamHead);
  return connection;
}

/// What stands behind it is a stream like any other: the next one is one too many, until it is gone.
TEST_P(Counted, against_the_limit) {
  RawBackend backend(refusing(way().answer == "none"));
  Sidecar sidecar(opted_in(backend, way().keys, {}, "limits: { " + limit() + ": 1 }"));
  RawConnection client = ask(sidecar, browser_get());
  RawConnection connection;
  if (way().answer != "none") {
    connection = backend.accept();
    (void)connection.read_head();
    connection.send(way().answer);
  }
  EXPECT_EQ(client.read_head().status(), 200);
  if (way().answer == "none") backend.listen();
  const bool pooled = !way().answer.empty() && way().answer != "none";
  RawConnection second = ask(sidecar, get("/"));
  (void)open_ordinary(backend, pooled ? std::move(connection) : RawConnection());
  expect_refused(std::move(second), limit());
  client.close();
  (void)sidecar.wait_for_log("stream_close");
  RawConnection third = ask(sidecar, get("/"));
  const RawConnection last = open_ordinary(backend, {});
  EXPECT_EQ(third.read_head().status(), 200) << "the place is free again";
}

INSTANTIATE_TEST_SUITE_P(
    HeldStreams, Counted,
    ::testing::Combine(::testing::Values(Way{"opened_early", "early_open: { after: 50ms }", ""},
                                         Way{"held", "error_event: { statuses: [403], then: hold }",
                                             "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
                                         Way{"waiting", "unavailable: { hold: 20s }, error_event: { statuses: [502] }",
                                             "none"}),
                       ::testing::Values("streams", "streams_per_client")),
    [](const auto& param) { return std::get<0>(param.param).name + std::string("_") + std::get<1>(param.param); });

TEST(HeldStreams, one_too_many_is_not_opened) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, "early_open: { after: 50ms }", {}, "limits: { streams_per_client: 1 }"));
  Begun first = begin_request(sidecar, backend, browser_get());
  EXPECT_EQ(first.client.read_head().status(), 200);
  Begun second = begin_request(sidecar, backend, browser_get());
  expect_refused(std::move(second.client), "streams_per_client");
  EXPECT_NE(second.backend.wait_end(scaled(1s)), End::open) << "and the backend is not kept waiting";
}

TEST(HeldStreams, where_there_is_no_place_the_status_is_the_answer) {
  RawBackend backend;
  Sidecar sidecar(opted_in(backend, kHolds, {}, "limits: { streams: 1 }"));
  const Stream first = open_stream(sidecar, backend);
  auto [client, connection, request] = begin_request(sidecar, backend, browser_get());
  connection.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(read_response(client).status(), 403);
}

TEST(HeldStreams, connections_are_counted_as_ever) {
  RawBackend backend(refusing());
  Sidecar sidecar(opted_in(backend, kHolds, {}, "limits: { connections: 1 }"));
  RawConnection client = ask(sidecar, browser_get());
  EXPECT_EQ(client.read_head().status(), 200);
  expect_refused(ask(sidecar, browser_get()), "connections");
  client.close();
  (void)sidecar.wait_for_log("stream_close");
}

class MemoryOf : public ::testing::TestWithParam<const char*> {};

TEST_P(MemoryOf, a_stream_without_a_backend) {
  constexpr std::size_t kFew = 200;
  constexpr std::size_t kMany = 1'200;
  const bool held = std::string_view(GetParam()) == "held";
  RawBackend backend(refusing(!held));
  Sidecar sidecar(opted_in(backend, kHolds, {}, "log: { level: info, format: json }"));
  std::vector<RawConnection> clients;
  const auto hold = [&](std::size_t count) {
    RawConnection connection;
    while (clients.size() < count) {
      clients.push_back(ask(sidecar, browser_get()));
      if (held) {
        connection = clients.size() == 1 ? backend.accept() : backend.next_of(std::move(connection));
        (void)connection.read_head();
        connection.send(std::string(kDenied) + std::string(4096, 'x'));
      }
      (void)clients.back().read_head();
      if (held) (void)clients.back().read_until("\"}\n\n");
    }
  };
  hold(kFew);
  const std::size_t few = sidecar.memory().anonymous_bytes;
  hold(kMany);
  const std::size_t many = sidecar.memory().anonymous_bytes;
  const std::size_t per_stream = (many - few) / (kMany - kFew);
  std::cout << "memory of a stream that is " << GetParam() << ": " << per_stream << " bytes\n";
  RecordProperty("bytes_per_stream", static_cast<int>(per_stream));
  clients.clear();
  if (sanitized()) GTEST_SKIP() << "a sanitizer's memory is not ours";
  EXPECT_LE(per_stream, kHeldStreamBytesMax);
}

INSTANTIATE_TEST_SUITE_P(HeldStreams, MemoryOf, ::testing::Values("held", "waiting"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace sidecar::nettest
