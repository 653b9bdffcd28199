#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <type_traits>
#include <vector>

#include "net/timed_entry.hpp"

namespace sidecar::net {

/// What a worker waits for: descriptors (each registered with epoll once, edge-triggered), tasks from other threads,
/// one point in time. Nothing is called from within the call that asks for it. Who is ready is served in turn, and who
/// moves much has as much time as all others together: it does not keep them waiting, nor they it.
class EventLoop {
 public:
  class Watch;
  using Task = std::function<void()>;

  /// Throws std::system_error.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Calls `on_time` once for each wake_at(), until stop().
  void run(const Task& on_time);
  /// Behind it run() serves who is ready by now, and returns. The loop's thread only.
  void stop() { stopped_ = true; }
  /// Serves who is ready without waiting, until nobody is.
  void poll();

  /// `task` is called by the loop. From any thread; the loop outlives the call.
  void post(Task task);
  /// When whoever the loop has called was called. Its thread only, or before run().
  [[nodiscard]] TimePoint now() const { return now_; }
  /// When `on_time` is called next; up to a millisecond later. It replaces what was said before.
  void wake_at(TimePoint time) { wake_at_ = time; }

 private:
  void wait(int timeout_ms);
  [[nodiscard]] int timeout_ms() const;
  void read_clock();
  void run_tasks();
  void serve_ready();
  void serve(Watch& watch);
  void enqueue(Watch& watch);

  int epoll_ = -1;
  int wakeup_ = -1;  ///< An eventfd: there are tasks.
  bool stopped_ = false;
  TimePoint now_;
  TimePoint wake_at_;
  std::array<epoll_event, 256> events_{};
  std::vector<Watch*> ready_;
  std::vector<Watch*> serving_;
  std::deque<Watch*> bulk_;  ///< Ready as well, and they moved much.
  std::vector<Task> running_;
  std::atomic<bool> has_tasks_ = false;
  std::mutex mutex_;
  std::vector<Task> tasks_;  ///< Under the mutex.
  std::thread::id thread_;   ///< Of run(). Under the mutex.
};

/// One descriptor and who waits for it. Whether it is readable (writable) is remembered: whoever has found that it is
/// not says so, and is told of the next change. Its loop outlives it.
class EventLoop::Watch {
 public:
  enum class Way : bool { read, write };

  struct Release {
    void operator()(Watch* watch) const { watch->release(); }
  };
  using Owner = std::unique_ptr<Watch, Release>;

  /// Takes over `fd`. Throws std::system_error, and then it stays the caller's: the kernel cannot watch one more.
  /// `shared`: the open file is known under other numbers as well, and closing this one does not end it.
  [[nodiscard]] static Owner make(EventLoop& loop, int fd, bool shared = false);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  /// Calls `handler()` once, when the descriptor is ready for `when`, or behind close(); sometimes in vain. One handler
  /// for each `what`. It holds a pointer and no more.
  template <class Handler>
  void wait(Way what, Way when, Handler handler) {
    set(what, when, handler);
    if (is_worth_it(what)) loop_.enqueue(*this);
  }
  /// The same for who cannot say whether the descriptor is ready: the kernel is asked.
  template <class Handler>
  void wait_anew(Way what, Way when, Handler handler) {
    set(what, when, handler);
    ask_kernel();
  }
  /// Whoever waits is called.
  void wake();

  /// Something may have come that was not read.
  [[nodiscard]] bool readable() const { return readable_; }
  /// The peer has ended, or the connection has: reading tells.
  [[nodiscard]] bool ended() const { return ended_; }
  void set_unreadable() { readable_ = false; }
  void set_unwritable() {
    writable_ = false;
    bulk_ = true;
  }
  /// As much was read as there was room for. Like who writes more than the peer takes, it comes behind others next
  /// time.
  void set_bulk() { bulk_ = true; }

  /// Closes the descriptor. Who waits is called.
  void close();

 private:
  friend EventLoop;

  /// Something callable of up to one pointer.
  class Waiter {
   public:
    template <class Handler>
    void set(Handler handler) {
      static_assert(sizeof(Handler) <= sizeof state_ && std::is_trivially_copyable_v<Handler>);
      new (state_.data()) Handler(handler);
      call_ = [](std::byte* state) { (*std::launder(reinterpret_cast<Handler*>(state)))(); };
    }
    [[nodiscard]] bool is_set() const { return call_ != nullptr; }
    void call() {
      Waiter once = *this;  // The handler may wait again.
      call_ = nullptr;
      once.call_(once.state_.data());
    }

   private:
    alignas(void*) std::array<std::byte, sizeof(void*)> state_;
    void (*call_)(std::byte*) = nullptr;
  };

  Watch(EventLoop& loop, int fd, bool shared) : loop_(loop), fd_(fd), shared_(shared) {}
  ~Watch() = default;

  void ask_kernel();
  void release();
  void serve();
  void take_note(std::uint32_t events);
  template <class Handler>
  void set(Way what, Way when, Handler handler) {
    (what == Way::read ? reader_ : writer_).set(handler);
    (what == Way::read ? reads_when_ : writes_when_) = when;
  }
  /// Who waits for `what` waits for `when`.
  [[nodiscard]] bool waits(Way what, Way when) const {
    return what == Way::read ? reader_.is_set() && reads_when_ == when : writer_.is_set() && writes_when_ == when;
  }
  [[nodiscard]] bool is_worth_it(Way what) const {
    if (woken_ || fd_ < 0) return what == Way::read ? reader_.is_set() : writer_.is_set();
    return (readable_ && waits(what, Way::read)) || (writable_ && waits(what, Way::write));
  }
  void enqueue_if_worth_it();

  EventLoop& loop_;
  Waiter reader_;
  Waiter writer_;
  int fd_;
  Way reads_when_ = Way::read;
  Way writes_when_ = Way::write;
  bool shared_ : 1;
  bool readable_ : 1 = false;
  bool writable_ : 1 = false;
  bool ended_ : 1 = false;
  bool woken_ : 1 = false;     ///< Whoever waits is called, whatever the kernel says.
  bool bulk_ : 1 = false;      ///< It moved much in its last turn or since.
  bool queued_ : 1 = false;    ///< The loop has it in a list.
  bool served_ : 1 = false;    ///< Its handlers run.
  bool released_ : 1 = false;  ///< Nobody owns it: it goes when the loop has let go of it.
};

static_assert(sizeof(EventLoop::Watch) <= 56, "every open stream has two");

}  // namespace sidecar::net
