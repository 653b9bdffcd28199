#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "http/body_decoder.hpp"
#include "http/message_sink.hpp"
#include "http/output.hpp"
#include "http/received.hpp"

namespace sidecar::http {

/// The backend's side of one HTTP/1.1 exchange: the request to bytes, bytes to the response (RFC 9112 §6, §7, §9).
class H1Upstream {
 public:
  enum class Event : std::uint8_t {
    need_more,
    informational,  ///< `head` is a 1xx other than 101.
    head,           ///< `head` and `framing` of the final response, or of a 101.
    body,
    end,    ///< The response is complete; `trailers` followed it.
    error,  ///< What came is no response to the request.
  };

  struct Parsed {
    Event event = Event::need_more;
    ResponseHead head;
    Framing framing;
    std::string_view body;
    Fields trailers;
    Refusal refusal;
  };

  /// What a response's reading and a request's writing depend on.
  struct Request {
    bool to_head = false;  ///< HEAD: the response has no body.
    bool chunked = false;  ///< The request's own framing.
  };

  H1Upstream() = default;
  explicit H1Upstream(Request request) : request_(request) {}

  [[nodiscard]] Parsed next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);
  /// What next() would give as `body`, where that is what comes next; empty: ask next(). Of a burst each event is one.
  [[nodiscard]] std::string_view next_body(std::string_view& input) {
    return state_ == State::body ? body_.next_piece(input) : std::string_view();
  }
  /// The same for whole chunks, many at once. False: there are none, ask next_body().
  [[nodiscard]] bool next_run(std::string_view& input, ChunkRun& run) {
    return state_ == State::body && body_.next_run(input, run);
  }
  /// The backend closed: `end` where that is the end of the body, `error` elsewhere.
  [[nodiscard]] Parsed on_eof();

  [[nodiscard]] Received& received() { return received_; }
  [[nodiscard]] const Received& received() const { return received_; }
  /// Not one byte of a response has come.
  [[nodiscard]] bool untouched() const { return !touched_; }
  /// The response is complete and the backend keeps the connection (RFC 9112 §9.3).
  [[nodiscard]] bool reusable() const { return state_ == State::ended && persistent_ && received_.empty(); }
  /// `Keep-Alive: timeout=` of the backend.
  [[nodiscard]] std::optional<std::chrono::seconds> keep_alive_timeout() const;
  void start_tunnel();

  /// Appends the head that goes out, complete. `fields` hold no hop-by-hop fields; of Content-Length only the place
  /// counts. `upgrade` is the list of protocols offered, empty for none.
  static void encode_head(const RequestHead& head, const Framing& framing, std::string_view upgrade, Arena& out);

  class Sink final : public RequestSink {
   public:
    Sink(H1Upstream& codec, Output& out) : codec_(codec), out_(out) {}
    void head(std::string_view encoded) override { out_.lend(encoded); }
    void data(std::string_view bytes) override { codec_.write_data(bytes, out_); }
    void end(Fields trailers) override { codec_.write_end(trailers, out_); }

   private:
    H1Upstream& codec_;
    Output& out_;
  };

  void write_data(std::string_view bytes, Output& out) const;
  void write_end(Fields trailers, Output& out) const;

 private:
  enum class State : std::uint8_t { head, body, ended, broken };

  [[nodiscard]] Parsed next_head(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);
  [[nodiscard]] Parsed fail(const char* why);
  void note_persistence(const ResponseHead& head, const Framing& framing);

  Received received_;
  BodyDecoder body_;
  std::uint16_t keep_alive_timeout_s_ = kNoTimeout;
  Request request_;
  State state_ = State::head;
  bool touched_ = false;
  bool persistent_ = false;
  std::uint8_t informational_ = 0;  ///< Interim answers so far.

  /// Real backends send one or two; one that says 102 every few seconds is served for long.
  static constexpr std::uint8_t kInformationalMax = 128;
  static constexpr std::uint16_t kNoTimeout = 0xffff;
};

}  // namespace sidecar::http
