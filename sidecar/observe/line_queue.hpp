#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace sidecar::observe {

/// Lines on their way from any thread to the one that writes them. Whoever brings one never waits for that thread, it
/// at most displaces the oldest line that is still here. They lie one behind the other in a single text: a line costs a
/// lock that is nearly always free, and a copy.
class LineQueue {
 public:
  /// Holds `lines_max` lines, or one.
  explicit LineQueue(std::size_t lines_max);

  /// Takes a line without its newline; any thread. It may be displaced by later ones; behind the end it is at once.
  void push(std::string_view line);

  /// Replaces `lines` by all that are here, each with its newline, and waits until there are any. False when there will
  /// be none any more; from then on nothing is taken in. One thread.
  [[nodiscard]] bool take(std::string& lines);

  /// What is here is to be taken without rest, and nothing is waited for any more. Any thread.
  void end();

  /// How many lines were displaced. Any thread.
  [[nodiscard]] std::uint64_t displaced() const;

 private:
  using Clock = std::chrono::steady_clock;

  void drop_oldest();

  const std::size_t lines_max_;
  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::string text_;
  std::size_t begin_ = 0;  ///< Of the oldest line in text_.
  std::size_t lines_ = 0;
  std::uint64_t displaced_ = 0;
  bool idle_ = false;  ///< take() waits for a first line, however long that is.
  bool ended_ = false;
  bool closed_ = false;
  bool taken_ = false;  ///< Something was, so there is a rest before the next time.
};

}  // namespace sidecar::observe
