#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "exchange/deadline_wheel.hpp"
#include "exchange/workbench.hpp"
#include "net/census.hpp"
#include "net/chunk_pool.hpp"
#include "net/client_connection.hpp"
#include "net/crew.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/lookup.hpp"
#include "net/timed_entry.hpp"
#include "net/upstream_pool.hpp"
#include "observe/worker_observer.hpp"

namespace sidecar::net {

/// One thread with everything that its sessions need: loop, timer, wheel, receive buffer, pools. Workers share the
/// log, the policies, the census and the listening sockets, nothing else. run() is the thread's; post_*() may be called
/// from any thread; the rest belongs to the worker.
class Worker {  // NOLINT(clang-analyzer-optin.performance.Padding): one a thread, with counters on lines of their own.
 public:
  /// What all workers of the process have in common; outlives them.
  struct Common {
    observe::Log& log;
    Census& census;
    std::size_t workers = 1;
    Crew* crew = nullptr;  ///< nullptr: it is alone.
  };

  /// What a reload changes.
  struct Settings {
    exchange::PolicySetPtr policies;
    std::shared_ptr<const observe::QueryRedactor> redactor;
    std::vector<std::shared_ptr<const TlsClient>> upstream_tls{};  ///< As in policies->upstreams; plain beyond them.
  };

  /// `place`: its own in the crew.
  Worker(const Common& common, Settings settings, std::uint64_t first_id, std::size_t place = 0);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes over the socket; before run().
  void listen(const ListeningSocket& socket);
  void run();

  void post_listen(const ListeningSocket& socket);
  /// What changed about one that is open; its fd is not looked at.
  void post_change(const ListeningSocket& socket);
  /// Accepts what is on its way in, then stops listening there. Connections that came that way go on.
  void post_unlisten(unsigned id);
  /// Takes over a connection, whoever accepted it.
  void post_connection(Newcomer newcomer);
  /// New requests are served by these; exchanges that run keep what they started with.
  void post_settings(Settings settings);
  /// Stops accepting, lets ordinary exchanges finish, ends streams; run() returns when the last session is gone.
  void post_drain(const exchange::DrainPolicy& policy);
  /// Ends what is left.
  void post_force();

  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] exchange::Workbench& bench() { return bench_; }
  [[nodiscard]] ChunkPool& chunks() { return chunks_; }
  /// When the loop called: the clock is not read for each step of a turn.
  [[nodiscard]] TimePoint now() const { return loop_.now(); }
  /// Lent until the next read of any session.
  [[nodiscard]] std::span<char> receive_buffer();
  /// Of an upstream of any policy set that is still in use.
  [[nodiscard]] UpstreamPool& pool(const exchange::UpstreamPolicy& upstream);
  [[nodiscard]] Lookup& lookup() { return lookup_; }
  [[nodiscard]] Census& census() { return common_.census; }

  /// What somebody holds for slow peers was `before` and is `after` bytes. False: he took more although memory is
  /// short, and not a modest piece of it.
  [[nodiscard]] bool change_memory(std::size_t before, std::size_t after);
  [[nodiscard]] std::uint32_t user_timeout_ms() const;

  void add(ClientConnection& connection) { clients_.push_back(connection); }
  /// Whose a connection is that was accepted here; there it counts from now on.
  [[nodiscard]] Worker& choose_taker();
  /// False: the kernel cannot watch it; it stays the caller's.
  [[nodiscard]] bool take_in(Newcomer newcomer);
  /// One that counted here is gone.
  void leave_connection();
  /// `entry` will be told at `due`, or a little before. Later than what it is queued for costs nothing.
  void schedule(TimedEntry& entry, TimePoint due);
  void warn(std::string_view text);

 private:
  static constexpr std::size_t kReceiveBytes = 128 * 1024;
  using Clients = boost::intrusive::list<ClientConnection, boost::intrusive::constant_time_size<false>>;

  /// The pools of one policy set, by its upstreams. A reload keeps those of upstreams that did not change.
  struct Generation {
    struct Entry {
      const exchange::UpstreamPolicy* upstream;  ///< Only compared: the set may be gone.
      std::shared_ptr<UpstreamPool> pool;
    };
    std::weak_ptr<const exchange::PolicySet> in_use;
    std::vector<Entry> entries;
  };

  void apply(Settings settings);
  [[nodiscard]] bool is_done() const;
  void arm_timer();
  void on_timer();
  template <class Visit>
  void for_each_client(Visit&& visit);

  EventLoop loop_;
  Lookup lookup_{loop_};
  TimePoint armed_at_ = exchange::kNever;
  exchange::DeadlineWheel wheel_;
  Common common_;
  observe::WorkerObserver observer_;
  exchange::Workbench bench_;
  ChunkPool chunks_;
  std::unique_ptr<std::array<char, kReceiveBytes>> receive_buffer_;
  std::size_t read_size_ = 0;
  std::size_t memory_ = 0;
  std::size_t memory_max_ = 0;
  std::size_t place_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Generation> generations_;  ///< Newest last.
  std::uint32_t pools_made_ = 0;
  Clients clients_;
};

}  // namespace sidecar::net
