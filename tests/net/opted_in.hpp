#pragma once

#include <string>
#include <string_view>

#include "tests/net/harness/suite.hpp"

/// Routes that opt in to more than a heartbeat, and what comes of their streams.
namespace sidecar::nettest {

/// A catch-all route whose `event_stream` has these keys, in flow style.
[[nodiscard]] inline Launch opted_in(const RawBackend& backend, const std::string& keys,
                                     const std::string& upstream_keys = {}, const std::string& rest = {}) {
  return configured(backend, upstream_keys, "defaults: { event_stream: { " + keys + " } }\n" + rest);
}

/// What an EventSource asks.
[[nodiscard]] inline std::string browser_get(std::string_view version = "1.1") {
  return "GET /events HTTP/" + std::string(version) + "\r\nHost: app.test\r\nAccept: text/event-stream\r\n\r\n";
}

inline constexpr std::string_view kStreamUntilClose =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// The only stream ended so; its last record.
inline boost::json::object expect_close(Sidecar& sidecar, std::string_view reason, std::string_view by) {
  auto line = sidecar.wait_for_log("stream_close");
  EXPECT_EQ(text_of(line, "reason"), reason);
  EXPECT_EQ(text_of(line, "closed_by"), by);
  EXPECT_EQ(sidecar.log_of("stream_open").size(), 1U);
  EXPECT_EQ(sidecar.log_of("stream_close").size(), 1U);
  return line;
}

/// A client's connection and the body that comes on it.
class Reader {
 public:
  Reader(RawConnection connection, std::string_view method = "GET")
      : client(std::move(connection)), head(client.read_head()), body(client, framing_of_response(head, method)) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  RawConnection client;
  Head head;
  BodyReader body;
};

/// Behind an abort: over HTTP/1.1 a FIN without a last chunk, over HTTP/1.0 a reset.
inline void expect_abort(Reader& reader) {
  const BodyEnd end = reader.body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset) << static_cast<int>(end);
}

/// A backend whose port is taken and refuses until it listens.
[[nodiscard]] inline BackendOptions refusing(bool refuses = true) {
  BackendOptions options;
  options.listening = !refuses;
  return options;
}

/// A backend whose queue is full: nobody connects to it, and nobody is refused.
class FullBackend {
 public:
  FullBackend() : backend_(without_queue()), filling_(connect_to(backend_.address())) {}

  [[nodiscard]] const RawBackend& listener() const { return backend_; }

 private:
  static BackendOptions without_queue() {
    BackendOptions options;
    options.backlog = 0;
    return options;
  }

  RawBackend backend_;
  RawConnection filling_;
};

}  // namespace sidecar::nettest
