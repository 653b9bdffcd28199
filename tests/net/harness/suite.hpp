#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/net/harness/backend.hpp"
#include "tests/net/harness/body.hpp"
#include "tests/net/harness/clock.hpp"
#include "tests/net/harness/connection.hpp"
#include "tests/net/harness/http.hpp"
#include "tests/net/harness/sidecar.hpp"

/// What nearly every loopback test says.
namespace sidecar::nettest {

inline constexpr std::string_view kHeartbeat = ": heartbeat\n\n";
inline constexpr std::string_view kHeartbeatLine = ": heartbeat\n";

[[nodiscard]] inline std::string get(std::string_view target, std::string_view more_fields = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: app.test\r\n" + std::string(more_fields) + "\r\n";
}

/// A complete response with Content-Length.
[[nodiscard]] inline std::string ok(std::string_view body, std::string_view more_fields = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more_fields) +
         "\r\n" + std::string(body);
}

/// The head of a chunked event stream.
inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An opened event stream: both ends, and the client's view of the body.
struct Stream {
  RawConnection client;
  RawConnection backend;
  Head request;
  Head head;
};

/// Sends `request`, answers with `response_head`, reads the head at the client.
[[nodiscard]] inline Stream open_stream(const Sidecar& sidecar, RawBackend& backend,
                                        std::string_view request =
                                            "GET /events HTTP/1.1\r\nHost: app.test\r\n"
                                            "Accept: text/event-stream\r\n\r\n",
                                        std::string_view response_head = kStreamHead, ClientOptions options = {}) {
  Stream stream;
  stream.client = sidecar.connect(options);
  stream.client.send(request);
  stream.backend = backend.accept();
  stream.request = stream.backend.read_head();
  stream.backend.send(response_head);
  stream.head = stream.client.read_head();
  return stream;
}

/// The other half of a dialogue, on a thread of its own: what it throws fails the test.
class Background {
 public:
  template <class Work>
  explicit Background(Work work)
      : thread_([work = std::move(work)]() mutable {
          try {
            work();
          } catch (const std::exception& error) {
            ADD_FAILURE() << "in the background: " << error.what();
          }
        }) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() { join(); }

  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

/// The body of a response as the client sees it; `stream` must stay where it is.
[[nodiscard]] inline BodyReader body_of(Stream& stream, std::string_view method = "GET") {
  return {stream.client, framing_of_response(stream.head, method)};
}

[[nodiscard]] inline Launch with_heartbeat(const RawBackend& backend, Milliseconds interval) {
  return in_front_of(backend, {"--heartbeat-interval", to_text(interval)});
}

}  // namespace sidecar::nettest
