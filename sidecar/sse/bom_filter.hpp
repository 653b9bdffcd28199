#pragma once

#include <cstdint>
#include <string_view>

namespace sidecar::sse {

/// Drops the backend's byte order mark when something was sent before its first byte. A BOM means nothing only at the
/// very start of a stream (WHATWG HTML §9.2.5); behind an early heartbeat it would be content of the first line, whose
/// field no client would then know.
///
/// Bytes that could become a BOM are held back until they are one or are not; what is held is known, so nothing is
/// stored. While bytes are held the Scanner stands mid-line, so no insertion comes between.
class BomFilter {
 public:
  /// What to pass on, in this order. `held` points to static bytes, `rest` into the bytes that were fed.
  struct Passed {
    std::string_view held;
    std::string_view rest;
  };

  /// To be called whenever something of the sidecar's own was put into the stream. It matters before the backend's
  /// first byte only.
  void on_insertion() noexcept;

  /// From here on filter() passes all as it is.
  [[nodiscard]] bool open() const noexcept { return state_ == State::open; }

  /// The next bytes of the backend. Less a BOM where one is to be dropped, what is passed on is what was fed.
  [[nodiscard]] Passed filter(std::string_view bytes) noexcept;

  /// The stream ended: bytes that were held back and turned out to be no BOM. Static bytes; empty on a second call.
  [[nodiscard]] std::string_view finish() noexcept;

 private:
  enum class State : std::uint8_t {
    held_none,  ///< Something was sent first; a BOM would be dropped.
    held_1,     ///< EF is held back.
    held_2,     ///< EF BB are held back.
    fresh,      ///< Nothing was sent and nothing has come.
    open,       ///< Everything passes.
  };

  State state_ = State::fresh;
};

static_assert(sizeof(BomFilter) == 1, "every open stream holds a BomFilter");

}  // namespace sidecar::sse
