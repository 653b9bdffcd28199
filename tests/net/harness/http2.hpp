#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/net/harness/connection.hpp"
#include "tests/net/harness/http.hpp"

struct nghttp2_session;

namespace sidecar::nettest {

/// A client of HTTP/2 on one connection, as nghttp2 makes it: whatever arrives is acknowledged, windows are given back.
class Http2Client {
 public:
  /// What came of one request.
  struct Answer {
    int status = 0;
    std::vector<Field> fields;  ///< Trailers included.
    std::string body;
    bool over = false;        ///< The stream is; `error` says how.
    std::uint32_t error = 0;  ///< RFC 9113 §7; 0: as it should be.
  };

  /// `connection`: behind its TLS handshake, or in the clear with prior knowledge. `window`: of each stream; what comes
  /// is given back.
  explicit Http2Client(RawConnection connection, std::uint32_t window = 65'535);
  Http2Client(Http2Client&&) = delete;
  ~Http2Client();

  std::int32_t get(std::string_view target) { return request("GET", target); }
  std::int32_t request(std::string_view method, std::string_view target, std::string_view body = {});
  void cancel(std::int32_t stream);

  [[nodiscard]] const Answer& answer(std::int32_t stream) { return streams_[stream].answer; }
  /// Reads on until `done` says so of the answer; the connection's end, and too long a time, throw.
  const Answer& until(std::int32_t stream, const std::function<bool(const Answer&)>& done,
                      Milliseconds timeout = patience());
  const Answer& wait(std::int32_t stream, Milliseconds timeout = patience()) {
    return until(
        stream, [](const Answer& answer) { return answer.over; }, timeout);
  }

  /// Reads on until the connection ends, or throws; what was said about it then is in goaway().
  void wait_end(Milliseconds timeout = patience());
  /// The code of the last GOAWAY; -1: none.
  [[nodiscard]] std::int64_t goaway() const { return goaway_; }
  /// What the server announced (RFC 9113 §6.5.2).
  [[nodiscard]] std::uint32_t remote_setting(int id) const;

  [[nodiscard]] RawConnection& connection() { return connection_; }

 private:
  struct Stream {
    Answer answer;
    std::string upload;
    std::size_t uploaded = 0;
  };
  struct Callbacks;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };

  void flush();
  /// False: it has ended.
  bool read(Milliseconds timeout);

  RawConnection connection_;
  std::unique_ptr<nghttp2_session, Free> session_;
  std::map<std::int32_t, Stream> streams_;
  std::int64_t goaway_ = -1;
};

}  // namespace sidecar::nettest
