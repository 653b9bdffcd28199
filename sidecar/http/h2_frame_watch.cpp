#include "http/h2_frame_watch.hpp"

#include <algorithm>

namespace sidecar::http {

namespace {

// RFC 9113 §6.
constexpr unsigned char kData = 0x0;
constexpr unsigned char kHeaders = 0x1;
constexpr unsigned char kContinuation = 0x9;
constexpr unsigned char kEndStream = 0x1;
constexpr unsigned char kEndHeaders = 0x4;
constexpr unsigned char kPadded = 0x8;

/// One byte of padding length and as much padding as there can be.
constexpr std::uint32_t kPaddingMax = 256;

}  // namespace

const char* H2FrameWatch::look(std::string_view bytes) {
  earn(kEarnedByRead);
  const std::size_t preface = std::min<std::size_t>(preface_left_, bytes.size());
  preface_left_ = static_cast<std::uint8_t>(preface_left_ - preface);
  bytes.remove_prefix(preface);
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const std::size_t size = std::min<std::size_t>(payload_left_, bytes.size());
      payload_left_ -= static_cast<std::uint32_t>(size);
      bytes.remove_prefix(size);
      continue;
    }
    header_[header_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (header_size_ < kHeader) continue;
    header_size_ = 0;
    if (const char* too_much = on_header()) return too_much;
  }
  return nullptr;
}

const char* H2FrameWatch::on_header() {
  payload_left_ =
      (static_cast<std::uint32_t>(header_[0]) << 16U) | (static_cast<std::uint32_t>(header_[1]) << 8U) | header_[2];
  const unsigned char type = header_[3];
  const unsigned char flags = header_[4];
  if (type == kContinuation) {
    section_open_ = (flags & kEndHeaders) == 0;
    return ++continuations_ > kContinuationsMax ? "too many CONTINUATION frames in one field section" : nullptr;
  }
  continuations_ = 0;
  section_open_ = type == kHeaders && (flags & kEndHeaders) == 0;
  if (type == kHeaders) {
    earn(kEarnedByRequest);
    return nullptr;
  }
  const bool padding_only = (flags & kPadded) != 0 && payload_left_ <= kPaddingMax;
  const bool has_data = payload_left_ > 0 && !padding_only;
  if (type == kData && (has_data || (flags & kEndStream) != 0)) return nullptr;
  return --allowance_ < 0 ? "too many frames that ask for nothing" : nullptr;
}

bool H2FrameWatch::in_head() const {
  const bool of_section = header_[3] == kHeaders || header_[3] == kContinuation;
  return preface_left_ > 0 || header_size_ > 0 || section_open_ || (payload_left_ > 0 && of_section);
}

void H2FrameWatch::earn(std::int32_t frames) {
  allowance_ = std::min(allowance_ + frames, kAllowanceMax);
}

}  // namespace sidecar::http
