#include "observe/log.hpp"

#include <pthread.h>
#include <signal.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "observe/line_queue.hpp"
#include "observe/line_writer.hpp"

namespace sidecar::observe {
namespace {

// Beyond shutdown_limit, for the thread to notice that it is over. Whoever sits in a system call longer than that (a
// disk that hangs) is left behind.
constexpr std::chrono::milliseconds kPartingGrace{200};

/// What is written together at most: as much as a pipe holds.
constexpr std::size_t kPieceBytes = 64 * 1024;

/// The whole lines at the beginning of `lines` that are written together; one at least.
std::string_view first_lines(std::string_view lines) {
  if (lines.size() <= kPieceBytes) return lines;
  const std::size_t end = lines.rfind('\n', kPieceBytes - 1);
  return lines.substr(0, (end == std::string_view::npos ? lines.find('\n') : end) + 1);
}

/// Where spdlog's lines go: into the queue, from which the log's own thread writes them. That thread may wait for a
/// slow reader while the queue absorbs, and at last drops, what comes.
class LineSink final : public spdlog::sinks::sink {
 public:
  LineSink(int descriptor, LineFormat format, std::size_t queue_lines)
      : queue_(queue_lines), writer_(std::in_place, descriptor), format_(format) {}

  void log(const spdlog::details::log_msg& msg) override {
    queue_.push(std::string_view(msg.payload.data(), msg.payload.size()));
  }

  /// The work of the thread: until the end is over.
  void write_lines() {
    std::string lines;
    while (queue_.take(lines)) {
      report_lost();  // What was displaced by these lines is older than they are,
      for (std::string_view rest = lines; !rest.empty();) {
        const std::string_view piece = first_lines(rest);
        rest.remove_prefix(piece.size());
        write(piece);
      }
      report_lost();  // and what was meanwhile is younger.
    }
    if (writer_->finish()) report_lost();
    if (!writer_->finish()) refused_.fetch_add(1, std::memory_order_relaxed);
    writer_.reset();  // A reader sees the end now.
  }

  /// From now on nothing waits beyond `deadline`. Once, before which write_lines() does not end.
  void end(LineWriter::Clock::time_point deadline) {
    writer_->hurry(deadline);
    queue_.end();
  }

  [[nodiscard]] std::uint64_t lost() const { return queue_.displaced() + refused_.load(std::memory_order_relaxed); }

  void flush() override {}
  void set_pattern(const std::string&) override {}  // Lines arrive formatted.
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  // Being out of memory is not a reason to stop, nor to print into someone's stderr.

  void write(std::string_view lines) noexcept {
    try {
      refused_.fetch_add(writer_->write_all(lines), std::memory_order_relaxed);
    } catch (...) {  // None of them went out.
      refused_.fetch_add(static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')),
                         std::memory_order_relaxed);
    }
  }

  void report_lost() noexcept {
    const std::uint64_t lost = this->lost();
    if (lost <= reported_) return;
    try {
      std::string report;
      append_dropped(report, format_, std::chrono::system_clock::now(), lost - reported_);
      if (writer_->write(report)) reported_ = lost;
    } catch (...) {  // The confession is late, the count is not.
    }
  }

  LineQueue queue_;
  std::optional<LineWriter> writer_;  ///< Until write_lines() ends.
  const LineFormat format_;
  std::uint64_t reported_ = 0;
  std::atomic<std::uint64_t> refused_{0};
};

/// Signals are for the main thread. SIGPIPE too: blocked here, it cannot kill whoever forgot to ignore it.
void prepare_thread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), "log");
}

LineFormat resolve(LogFormat format, int descriptor) {
  if (format == LogFormat::automatic) return ::isatty(descriptor) == 1 ? LineFormat::text : LineFormat::json;
  return format == LogFormat::text ? LineFormat::text : LineFormat::json;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

struct Log::Impl {
  Impl(const LogOptions& options, LineFormat format)
      : sink(std::make_shared<LineSink>(options.descriptor, format, options.queue_lines)), logger("", sink) {
    logger.set_level(spdlog::level::trace);               // Log::enabled() decides.
    logger.set_error_handler([](const std::string&) {});  // The default one writes to stderr, which may block.
    // The thread owns what it needs, so that it can be left behind.
    std::packaged_task<void()> work([sink = sink] {
      prepare_thread();
      sink->write_lines();
    });
    done = work.get_future();
    thread = std::thread(std::move(work));
  }

  std::shared_ptr<LineSink> sink;
  spdlog::logger logger;
  std::future<void> done;
  std::thread thread;
  std::once_flag down;
};

Log::Log(const LogOptions& options)
    : level_(options.level),
      format_(resolve(options.format, options.descriptor)),
      shutdown_limit_(options.shutdown_limit),
      impl_(std::make_unique<Impl>(options, format_)) {}

Log::~Log() {
  shutdown();
}

void Log::write(Level level, std::string_view line) {
  if (!enabled(level)) return;
  // Without a time, which spdlog would ask the clock for: it is in the line.
  impl_->logger.log({}, {}, to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void Log::message(Level level, std::string_view text) {
  if (!enabled(level)) return;
  std::string line;
  append_message(line, format_, std::chrono::system_clock::now(), level, text);
  write(level, line);
}

void Log::listening(std::string_view event, std::string_view address) {
  if (!enabled(Level::info)) return;
  std::string line;
  append_listening(line, format_, std::chrono::system_clock::now(), event, address);
  write(Level::info, line);
}

std::uint64_t Log::dropped() const noexcept {
  return impl_->sink->lost();
}

void Log::shutdown() {
  std::call_once(impl_->down, [this] {
    set_level(Level::off);
    impl_->sink->end(LineWriter::Clock::now() + shutdown_limit_);
    if (impl_->done.wait_for(shutdown_limit_ + kPartingGrace) == std::future_status::ready) {
      impl_->thread.join();
    } else {
      impl_->thread.detach();
    }
  });
}

}  // namespace sidecar::observe
