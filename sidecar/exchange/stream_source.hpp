#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "exchange/clock.hpp"
#include "sse/eligibility.hpp"
#include "sse/scanner.hpp"

namespace sidecar::exchange {

/// The upstream's half of an event stream: what has come, where it stands, how long it was silent. Knows no client.
class StreamSource {
 public:
  StreamSource() = default;
  StreamSource(sse::StreamKind kind, TimePoint now) : kind_(kind), last_bytes_(now) {}

  /// Bytes of the body as they came. An opaque stream is not looked into.
  void on_bytes(std::string_view bytes, TimePoint now) {
    note_silence(now);
    last_bytes_ = now;
    if (kind_ == sse::StreamKind::insertable) scanner_.scan(bytes);
  }

  void on_pieces(std::span<const std::string_view> pieces, TimePoint now) {
    note_silence(now);
    last_bytes_ = now;
    if (kind_ == sse::StreamKind::insertable) scanner_.scan(pieces);
  }

  /// The same up to the next event boundary; returns how many bytes stand before it. Insertable streams only.
  [[nodiscard]] std::size_t on_bytes_to_boundary(std::string_view bytes, TimePoint now) {
    note_silence(now);
    last_bytes_ = now;
    return scanner_.scan_to_boundary(bytes);
  }

  /// Reading goes on after a pause of ours: the backend was not the one who was silent.
  void resume(TimePoint now) {
    note_silence(now);
    last_bytes_ = now;
  }
  /// Since when it has been silent.
  [[nodiscard]] TimePoint silent_since() const { return last_bytes_; }

  /// Behind an event, with nothing begun.
  [[nodiscard]] bool at_boundary() const { return scanner_.position() == sse::Position::boundary; }

  /// The longest silence of the backend, the one that lasts still included.
  [[nodiscard]] std::chrono::milliseconds max_idle(TimePoint now) {
    note_silence(now);
    return std::chrono::milliseconds{max_idle_ms_};
  }

  [[nodiscard]] sse::StreamKind kind() const { return kind_; }
  [[nodiscard]] std::uint64_t events() const { return scanner_.events(); }
  [[nodiscard]] const sse::Scanner& scanner() const { return scanner_; }

 private:
  void note_silence(TimePoint now) {
    const auto silence = to_ms(now - last_bytes_).count();
    if (silence > max_idle_ms_) max_idle_ms_ = static_cast<std::uint32_t>(silence);
  }

  [[no_unique_address]] sse::Scanner scanner_;
  sse::StreamKind kind_ = sse::StreamKind::none;
  TimePoint last_bytes_;
  std::uint32_t max_idle_ms_ = 0;  ///< 49 days at most.
};

}  // namespace sidecar::exchange
