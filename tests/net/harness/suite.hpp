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

/// A request that waits for its answer: both ends, and its head as the backend received it.
struct Begun {
  RawConnection client;
  RawConnection backend;
  Head request;
};

/// Sends `request` on a new connection and reads its head at a new connection of the backend; a body stays there
/// unread.
[[nodiscard]] inline Begun begin_request(const Sidecar& sidecar, RawBackend& backend,
                                         std::string_view request = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                                         ClientOptions options = {}) {
  Begun begun;
  begun.client = sidecar.connect(options);
  begun.client.send(request);
  begun.backend = backend.accept();
  begun.request = begun.backend.read_head();
  return begun;
}

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
  Begun begun = begin_request(sidecar, backend, request, options);
  begun.backend.send(response_head);
  Head head = begun.client.read_head();
  return {std::move(begun.client), std::move(begun.backend), std::move(begun.request), std::move(head)};
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
