#include "observe/log.hpp"

#include <pthread.h>
#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "observe/line_writer.hpp"

namespace sidecar::observe {
namespace {

using ThreadPool = spdlog::details::thread_pool;

// Beyond shutdown_limit, for the thread to notice that it is over. Whoever sits in a system call longer than that (a
// disk that hangs) is left behind.
constexpr std::chrono::milliseconds kPartingGrace{200};

/// Lines that are written together at most: what is lost with a reader that stops, beside the queue.
constexpr std::size_t kBatchLines = 64;

/// How long nothing is written behind something that was. A thread that is woken for each line, and writes it, costs
/// more than all else that a request takes.
constexpr std::chrono::milliseconds kPause{5};

/// A pause, which ends early when there is a reason not to rest.
class Rest {
 public:
  void take() {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, kPause, [this] { return disturbed_; });
    disturbed_ = over_;
  }
  void disturb() {
    const std::lock_guard lock(mutex_);
    disturbed_ = true;
    woken_.notify_one();
  }
  /// There is none any more.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    disturb();
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool disturbed_ = false;
  bool over_ = false;
};

/// The end of spdlog's pipe: called by the one thread of the pool, so it may wait for a slow reader while the queue
/// behind it absorbs, and at last drops, what comes.
class LineSink final : public spdlog::sinks::sink {
 public:
  LineSink(int descriptor, LineFormat format, std::size_t queue_lines)
      : writer_(std::in_place, descriptor), format_(format), crowd_(std::max<std::size_t>(queue_lines / 2, 1)) {}

  /// Before the first line. The pool outlives its thread, and nobody else calls log().
  void watch(ThreadPool* pool) { pool_ = pool; }

  /// Any thread, behind each line that it queued.
  void note_queued() {
    if (queued_.fetch_add(1, std::memory_order_relaxed) + 1 == crowd_) rest_.disturb();
  }

  void log(const spdlog::details::log_msg& msg) override {
    queued_.store(0, std::memory_order_relaxed);  // Since the thread was last awake.
    try {
      batch_.append(msg.payload.data(), msg.payload.size()).push_back('\n');
      ++batch_lines_;
      if (batch_lines_ < kBatchLines && pool_->queue_size() > 0) return;
      write_batch();
      // Behind the lines: what was displaced meanwhile is younger than those that waited here.
      report_lost(pool_->overrun_counter());
    } catch (...) {  // Out of memory: not a reason to print into someone's stderr.
      refused_.fetch_add(1, std::memory_order_relaxed);
    }
    if (pool_->queue_size() == 0) rest_.take();
  }

  /// When the thread is gone.
  void finish(std::uint64_t overruns) noexcept {
    note_overruns(overruns);
    try {
      write_batch();
      if (writer_->finish()) report_lost(overruns);
    } catch (...) {  // The confession is lost, the count is not.
    }
    if (!writer_->finish()) refused_.fetch_add(1, std::memory_order_relaxed);
    writer_.reset();
  }

  void note_overruns(std::uint64_t overruns) { overruns_.store(overruns, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t overruns() const { return overruns_.load(std::memory_order_relaxed); }

  void hurry(LineWriter::Clock::time_point deadline) {
    writer_->hurry(deadline);
    rest_.end();
  }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  void flush() override {}
  void set_pattern(const std::string&) override {}  // Lines arrive formatted.
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  void write_batch() {
    refused_.fetch_add(writer_->write_all(batch_), std::memory_order_relaxed);
    batch_.clear();
    batch_lines_ = 0;
  }

  void report_lost(std::uint64_t overruns) {
    const std::uint64_t lost = refused() + overruns;
    if (lost <= reported_) return;
    report_.clear();
    append_dropped(report_, format_, std::chrono::system_clock::now(), lost - reported_);
    if (writer_->write(report_)) reported_ = lost;
  }

  std::optional<LineWriter> writer_;  ///< Until finish(): a reader then sees the end.
  LineFormat format_;
  const std::size_t crowd_;  ///< So many lines in the queue are a reason not to rest.
  ThreadPool* pool_ = nullptr;
  Rest rest_;
  std::string batch_;
  std::size_t batch_lines_ = 0;
  std::atomic<std::size_t> queued_{0};  ///< Since the thread last took one.
  std::string report_;
  std::uint64_t reported_ = 0;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> overruns_{0};  ///< Of the queue, once it is gone.
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

/// A pool whose end, on whichever thread lets go of it last, is followed by the sink's.
std::shared_ptr<ThreadPool> make_pool(std::size_t queue_lines, std::shared_ptr<LineSink> sink) {
  auto pool = std::make_unique<ThreadPool>(std::max<std::size_t>(queue_lines, 1), 1, prepare_thread);
  sink->watch(pool.get());
  return {pool.release(), [sink = std::move(sink)](ThreadPool* ending) {
            const std::uint64_t overruns = ending->overrun_counter();
            delete ending;  // Writes what still waits, and joins.
            sink->finish(overruns);
          }};
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
      : sink(std::make_shared<LineSink>(options.descriptor, format, options.queue_lines)),
        pool(make_pool(options.queue_lines, sink)),
        queue(pool) {
    logger = std::make_shared<spdlog::async_logger>("", sink, pool, spdlog::async_overflow_policy::overrun_oldest);
    logger->set_level(spdlog::level::trace);               // Log::enabled() decides.
    logger->set_error_handler([](const std::string&) {});  // The default one writes to stderr, which may block.
  }

  std::shared_ptr<LineSink> sink;
  std::shared_ptr<ThreadPool> pool;  ///< Touched by the constructor and shutdown() only, others ask `queue`.
  const std::weak_ptr<ThreadPool> queue;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<std::uint64_t> unqueued{0};  ///< Lines that came while the queue went away.
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
  try {
    impl_->logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
    impl_->sink->note_queued();
  } catch (...) {
    impl_->unqueued.fetch_add(1, std::memory_order_relaxed);
  }
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
  const std::shared_ptr<ThreadPool> queue = impl_->queue.lock();
  const std::uint64_t overruns = queue ? queue->overrun_counter() : impl_->sink->overruns();
  return overruns + impl_->sink->refused() + impl_->unqueued.load(std::memory_order_relaxed);
}

void Log::shutdown() {
  std::call_once(impl_->down, [this] {
    set_level(Level::off);
    impl_->sink->note_overruns(impl_->pool->overrun_counter());
    impl_->sink->hurry(LineWriter::Clock::now() + shutdown_limit_);
    // The pool joins its thread, and there is no way to bound that; so it ends on a thread of its own, which owns all
    // it needs and can be left behind.
    std::packaged_task<void()> part([pool = std::move(impl_->pool)]() mutable {
      prepare_thread();
      pool.reset();
    });
    std::future<void> parted = part.get_future();
    try {
      std::thread thread(std::move(part));
      if (parted.wait_for(shutdown_limit_ + kPartingGrace) == std::future_status::ready) {
        thread.join();
      } else {
        thread.detach();
      }
    } catch (const std::system_error&) {  // No thread to be had: the pool ended right here.
    }
  });
}

}  // namespace sidecar::observe
