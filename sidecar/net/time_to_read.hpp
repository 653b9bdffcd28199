#pragma once

#include <chrono>

#include "net/timed_entry.hpp"

namespace sidecar::net {

/// Between the last byte of a response that is cut and the sign that it is. Chromium hands a page what it has read in
/// pieces, and throws away what is still on its way when the end is an error: right behind the last event, or the one
/// that tells of the end, the sign would take that event along.
class TimeToRead {
 public:
  /// The last byte is out. False: to be asked again when it is due().
  [[nodiscard]] bool is_over(TimePoint now) {
    static constexpr std::chrono::milliseconds kTime{150};
    if (due_ == exchange::kNever) due_ = now + kTime;
    return exchange::is_due(due_, now);
  }
  [[nodiscard]] TimePoint due() const { return due_; }

 private:
  TimePoint due_ = exchange::kNever;
};

}  // namespace sidecar::net
