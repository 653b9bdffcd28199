#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "observe/outlet.hpp"

namespace sidecar::observe {

/// Writes whole lines to a descriptor. A line of which a part is out when the reader stops is finished before the
/// next one begins, however much later that is, so that no reader ever meets two lines in one. Used by one thread,
/// except for hurry().
class LineWriter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit LineWriter(int descriptor);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// Writes `line` and a newline, waiting as long as the reader makes it wait. False: nothing of it went out,
  /// because nobody reads any more or because the wait was ended by hurry().
  [[nodiscard]] bool write(std::string_view line);

  /// The same for several lines, each with its newline. How many of them did not go out, the last ones; of a line that
  /// is half out the rest is kept.
  [[nodiscard]] std::size_t write_all(std::string_view lines);

  /// Tries once more to finish a line that is half out. False when it stays half.
  [[nodiscard]] bool finish();

  /// From now on nothing waits beyond `deadline`. Ends a wait that is under way. Any thread.
  void hurry(Clock::time_point deadline);

  [[nodiscard]] const Outlet& outlet() const { return outlet_; }

 private:
  [[nodiscard]] std::size_t push(std::string_view bytes);
  [[nodiscard]] bool wait(bool pause) const;

  static constexpr Clock::rep kNoDeadline = 0;

  Outlet outlet_;
  std::string line_;           ///< What is left of a line that is half out.
  std::size_t line_sent_ = 0;  ///< How much of that is out.
  std::atomic<Clock::rep> deadline_{kNoDeadline};
  int wake_ = -1;  ///< An eventfd, readable from hurry() on.
};

}  // namespace sidecar::observe
