#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "observe/level.hpp"
#include "observe/log_line.hpp"

namespace sidecar::observe {

enum class LogFormat : std::uint8_t { automatic, json, text };  ///< automatic: text on a terminal, JSON otherwise.

struct LogOptions {
  Level level = Level::info;
  LogFormat format = LogFormat::automatic;
  int descriptor = 1;              ///< Where lines go; stays the caller's.
  std::size_t queue_lines = 1024;  ///< Lines that wait for the writing thread, which may hold as many more; beyond it
                                   ///< the oldest of those that wait are dropped.
  std::chrono::milliseconds shutdown_limit{800};
};

/// The log of the process, shared by all workers. A line is handed to a queue and written by a thread of the log's
/// own: a caller never waits for the reader of stdout, it at most displaces the oldest line that still waits. What
/// is lost is counted, and confessed by a `log_dropped` line once lines flow again.
class Log {
 public:
  explicit Log(const LogOptions& options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Whether a line of that level is wanted: ask before formatting.
  [[nodiscard]] bool enabled(Level level) const noexcept {
    return level != Level::off && level >= level_.load(std::memory_order_relaxed);
  }
  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }
  [[nodiscard]] Level level() const noexcept { return level_.load(std::memory_order_relaxed); }
  [[nodiscard]] LineFormat format() const noexcept { return format_; }

  /// Takes over a formatted line without its newline. It must come out of observe/log_line: nothing is escaped here.
  void write(Level level, std::string_view line);

  /// Formats and writes an ordinary message.
  void message(Level level, std::string_view text);
  /// Says that a listener is open, and where: whoever asked for port 0 learns the port here.
  void listening(std::string_view address) { listening("listening", address); }
  /// The same about the admin listener, by an event of its own.
  void admin_listening(std::string_view address) { listening("admin_listening", address); }

  /// Lines that nobody will read: displaced in the queue, or refused by the descriptor.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

  /// Writes what still waits, for at most `shutdown_limit` when the reader does not take it, and ends the thread.
  /// Later lines are ignored. The destructor does the same.
  void shutdown();

 private:
  struct Impl;

  void listening(std::string_view event, std::string_view address);

  std::atomic<Level> level_;
  LineFormat format_;
  std::chrono::milliseconds shutdown_limit_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sidecar::observe
