#pragma once

#include <string_view>

#include "http/body_decoder.hpp"
#include "http/message_sink.hpp"
#include "http/output.hpp"
#include "http/received.hpp"

namespace sidecar::http {

/// The client's side of an HTTP/1.x connection: bytes to requests, responses to bytes. Owns framing, pipelining and
/// persistence (RFC 9112 §6, §9.3), and knows one request at a time.
class H1Downstream {
 public:
  enum class Event : std::uint8_t {
    need_more,  ///< Nothing to tell until more bytes come (or: the request is complete, the response is not).
    head,       ///< `head` and `framing` of the next request.
    body,       ///< `body` is a piece of its body.
    end,        ///< It is complete; `trailers` followed it.
    error,      ///< `refusal` says what to answer; nothing behind it can be read.
  };

  struct Parsed {
    Event event = Event::need_more;
    RequestHead head;
    Framing framing;
    std::string_view body;
    Fields trailers;
    Refusal refusal;
  };

  /// Consumes from the front of `input`. Unused bytes must come again, joined with what follows them.
  [[nodiscard]] Parsed next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);

  /// Bytes that wait for their turn.
  [[nodiscard]] Received& received() { return received_; }
  [[nodiscard]] const Received& received() const { return received_; }

  /// Between two requests.
  [[nodiscard]] bool at_head() const { return state_ == State::head; }
  /// Nothing of the current request is missing.
  [[nodiscard]] bool request_complete() const { return state_ == State::ended || body_is_empty_; }
  /// The response is out: the next request may be read.
  void next_request();
  /// Everything from here on belongs to the protocol that was switched to.
  void start_tunnel();

  /// May another request follow this response? Meaningful once its head is out.
  [[nodiscard]] bool persistent() const { return persistent_; }
  /// This is the last response on the connection: its head will say so.
  void refuse_persistence() { may_persist_ = false; }
  /// Only the end of the connection tells the client that the body is complete, so only a reset can tell that it is
  /// not (HTTP/1.0).
  [[nodiscard]] bool only_reset_tells_truncation() const { return response_framing_ == FramingKind::until_close; }
  [[nodiscard]] Version version() const { return version_; }

  // The encoder; see Sink.
  void write_informational(const ResponseHead& head, Output& out) const;
  void write_head(const ResponseHead& head, BodySize size, Output& out);
  void write_switching(const ResponseHead& head, Output& out);
  void write_data(std::string_view bytes, Output& out) const;
  void write_end(Fields trailers, Output& out) const;

  /// This codec and the turn's output as what an exchange speaks to.
  class Sink final : public ResponseSink {
   public:
    Sink(H1Downstream& codec, Output& out) : codec_(codec), out_(out) {}
    void informational(const ResponseHead& head) override { codec_.write_informational(head, out_); }
    void head(const ResponseHead& head, BodySize size) override { codec_.write_head(head, size, out_); }
    void switching(const ResponseHead& head) override { codec_.write_switching(head, out_); }
    void data(std::string_view bytes) override { codec_.write_data(bytes, out_); }
    void end(Fields trailers) override { codec_.write_end(trailers, out_); }

   private:
    H1Downstream& codec_;
    Output& out_;
  };

 private:
  enum class State : std::uint8_t { head, body, ended, broken };

  [[nodiscard]] Parsed next_head(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);
  [[nodiscard]] Parsed next_body(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);
  void begin(const RequestHead& head, const Framing& framing);

  Received received_;
  BodyDecoder body_;
  State state_ = State::head;
  FramingKind response_framing_ = FramingKind::none;
  Version version_ = Version::http_1_1;
  bool to_head_ = false;
  bool body_is_empty_ = false;
  bool may_persist_ = true;
  bool persistent_ = false;
};

}  // namespace sidecar::http
