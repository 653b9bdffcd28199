#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2_preface.hpp"

namespace sidecar::http {

/// What a client may cost that asks for nothing (RFC 9113 §10.5). Frames that bring neither a request nor a body (PING,
/// SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown types) are paid from an allowance; work refills it, and so
/// does every read, which takes the place of a clock: a client that sends one PING now and then may do so for ever, one
/// that fills whole reads with them may not.
///
/// It looks at the bytes before nghttp2 does: that one counts CONTINUATION frames and their pieces alike, and tells
/// nothing about frames that it ignores.
class H2FrameWatch {
 public:
  /// Everything that came, preface included, in order. What there was too much of, or nullptr.
  [[nodiscard]] const char* look(std::string_view bytes);
  /// A frame with a response went out: the client may answer it with a few of its own.
  void on_response_frame() { earn(kEarnedByFrame); }

  /// A head has begun, of a frame or of a request, and more of it must come soon.
  [[nodiscard]] bool in_head() const;

  static constexpr int kContinuationsMax = 8;  ///< In one field section: more than its size limit can need.

 private:
  static constexpr std::int32_t kAllowance = 1000;
  static constexpr std::int32_t kAllowanceMax = 20'000;  ///< For windows of many frames that are given back at once.
  static constexpr std::int32_t kEarnedByFrame = 4;
  static constexpr std::int32_t kEarnedByRead = 8;
  static constexpr std::int32_t kEarnedByRequest = 16;
  static constexpr std::size_t kHeader = 9;  ///< RFC 9113 §4.1.

  [[nodiscard]] const char* on_header();
  void earn(std::int32_t frames);

  std::array<unsigned char, kHeader> header_{};
  std::uint8_t header_size_ = 0;
  std::uint8_t preface_left_ = static_cast<std::uint8_t>(kH2Preface.size());
  std::uint8_t continuations_ = 0;
  bool section_open_ = false;  ///< CONTINUATION has to follow.
  std::uint32_t payload_left_ = 0;
  std::int32_t allowance_ = kAllowance;
};

}  // namespace sidecar::http
