#pragma once

#include <string_view>

#include "http/body_decoder.hpp"
#include "http/downstream_codec.hpp"

namespace sidecar::http {

/// The client's side of an HTTP/1.x connection (RFC 9112 §6, §9.3).
class H1Downstream final : public DownstreamCodec {
 public:
  [[nodiscard]] Parsed next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) override;

  [[nodiscard]] bool at_head() const override { return state_ == State::head; }
  [[nodiscard]] bool request_complete() const override { return state_ == State::ended || body_is_empty_; }
  void next_request() override;
  void start_tunnel() override;

  [[nodiscard]] bool persistent() const override { return persistent_; }
  void refuse_persistence() override { may_persist_ = false; }
  [[nodiscard]] bool only_reset_tells_truncation() const override {
    return response_framing_ == FramingKind::until_close;
  }

  void write_informational(const ResponseHead& head, Output& out) override;
  void write_head(const ResponseHead& head, BodySize size, Output& out) override;
  void write_switching(const ResponseHead& head, Output& out) override;
  void write_data(std::string_view bytes, Output& out) override;
  void write_chunks(const ChunkRun& run, Output& out) override;
  void write_end(Fields trailers, Output& out) override;

 private:
  enum class State : std::uint8_t { head, body, ended, broken };

  [[nodiscard]] Parsed next_head(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);
  [[nodiscard]] Parsed next_body(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch);
  void begin(const RequestHead& head, const Framing& framing);

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
