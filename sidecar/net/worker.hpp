#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "exchange/deadline_wheel.hpp"
#include "exchange/workbench.hpp"
#include "net/asio.hpp"
#include "net/chunk_pool.hpp"
#include "net/listener.hpp"
#include "net/session.hpp"
#include "net/timed_entry.hpp"
#include "net/upstream_pool.hpp"
#include "observe/worker_observer.hpp"

namespace sidecar::net {

/// One thread with everything that its sessions need: loop, timer, wheel, receive buffer, pools. Workers share the
/// log, the policies and the listening sockets, nothing else. run() is the thread's; post_*() may be called from any
/// thread; the rest belongs to the worker.
class Worker {
 public:
  Worker(observe::Log& log, std::shared_ptr<const observe::QueryRedactor> redactor, exchange::PolicySetPtr policies,
         std::uint64_t first_id);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes over a duplicate of a listening socket; before run().
  void listen(int fd, bool shared);
  void run();

  /// Stops accepting, lets ordinary exchanges finish, ends streams; run() returns when the last session is gone.
  void post_drain();
  /// Ends what is left.
  void post_force();

  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] exchange::Workbench& bench() { return bench_; }
  [[nodiscard]] ChunkPool& chunks() { return chunks_; }
  [[nodiscard]] TimePoint now() const { return std::chrono::steady_clock::now(); }
  /// Lent until the next read of any session.
  [[nodiscard]] std::span<char> receive_buffer() { return std::span(*receive_buffer_).first(read_size_); }
  [[nodiscard]] UpstreamPool& pool(std::size_t upstream) { return *pools_[upstream]; }
  [[nodiscard]] std::uint32_t user_timeout_ms() const;

  void add(Session& session) { sessions_.push_back(session); }
  /// `entry` will be told at `due`, or a little before. Later than what it is queued for costs nothing.
  void schedule(TimedEntry& entry, TimePoint due);
  void warn(std::string_view text);

 private:
  static constexpr std::size_t kReceiveBytes = 64 * 1024;
  using Sessions = boost::intrusive::list<Session, boost::intrusive::constant_time_size<false>>;
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           asio::io_context::executor_type>;

  void arm_timer();
  void on_timer();
  template <class Visit>
  void for_each_session(Visit&& visit);

  asio::io_context io_{1};
  Timer timer_;
  TimePoint armed_at_ = exchange::kNever;
  exchange::DeadlineWheel wheel_;
  observe::Log& log_;
  observe::WorkerObserver observer_;
  exchange::Workbench bench_;
  ChunkPool chunks_;
  std::unique_ptr<std::array<char, kReceiveBytes>> receive_buffer_;
  std::size_t read_size_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<UpstreamPool>> pools_;
  Sessions sessions_;
};

}  // namespace sidecar::net
