#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/framing.hpp"
#include "http/head_parser.hpp"
#include "http/message_sink.hpp"
#include "http/output.hpp"
#include "http/received.hpp"

namespace sidecar::http {

/// The client's side of one request after another, whatever the version of HTTP: bytes to requests, responses to bytes.
/// Owns framing, pipelining and persistence, and knows one request at a time.
class DownstreamCodec {
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

  virtual ~DownstreamCodec() = default;

  /// Consumes from the front of `input`. Unused bytes must come again, joined with what follows them.
  [[nodiscard]] virtual Parsed next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) = 0;

  /// Bytes that wait for their turn.
  [[nodiscard]] Received& received() { return received_; }
  [[nodiscard]] const Received& received() const { return received_; }

  /// Between two requests.
  [[nodiscard]] virtual bool at_head() const = 0;
  /// Nothing of the current request is missing.
  [[nodiscard]] virtual bool request_complete() const = 0;
  /// The response is out: the next request may be read.
  virtual void next_request() = 0;
  /// Everything from here on belongs to the protocol that was switched to.
  virtual void start_tunnel() = 0;

  /// May another request follow this response? Meaningful once its head is out.
  [[nodiscard]] virtual bool persistent() const = 0;
  /// This is the last response on the connection: its head will say so.
  virtual void refuse_persistence() = 0;
  /// Only the end of the connection tells the client that the body is complete, so only a reset can tell that it is
  /// not (HTTP/1.0).
  [[nodiscard]] virtual bool only_reset_tells_truncation() const = 0;

  /// Bytes of the response that are neither in an `Output` nor on their way; 0 where everything is written at once.
  [[nodiscard]] virtual std::size_t pending() const { return 0; }

  // The encoder: what a ResponseSink is told.
  virtual void write_informational(const ResponseHead& head, Output& out) = 0;
  virtual void write_head(const ResponseHead& head, BodySize size, Output& out) = 0;
  virtual void write_switching(const ResponseHead& head, Output& out) = 0;
  virtual void write_data(std::string_view bytes, Output& out) = 0;
  virtual void write_chunks(const ChunkRun& run, Output& out) {
    for (const std::string_view piece : run.pieces()) write_data(piece, out);
  }
  virtual void write_end(Fields trailers, Output& out) = 0;

  /// A codec and the turn's output as what an exchange speaks to.
  class Sink final : public ResponseSink {
   public:
    Sink(DownstreamCodec& codec, Output& out) : codec_(codec), out_(out) {}
    void informational(const ResponseHead& head) override { codec_.write_informational(head, out_); }
    void head(const ResponseHead& head, BodySize size) override { codec_.write_head(head, size, out_); }
    void switching(const ResponseHead& head) override { codec_.write_switching(head, out_); }
    void data(std::string_view bytes) override { codec_.write_data(bytes, out_); }
    void chunks(const ChunkRun& run) override { codec_.write_chunks(run, out_); }
    void end(Fields trailers) override { codec_.write_end(trailers, out_); }

   private:
    DownstreamCodec& codec_;
    Output& out_;
  };

 protected:
  DownstreamCodec() = default;
  DownstreamCodec(const DownstreamCodec&) = delete;
  DownstreamCodec& operator=(const DownstreamCodec&) = delete;

 private:
  Received received_;
};

}  // namespace sidecar::http
