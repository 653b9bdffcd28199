#include "net/event_loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <system_error>
#include <utility>

namespace sidecar::net {

namespace {

constexpr std::uint32_t kReading = EPOLLIN | EPOLLRDHUP;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

// ---- A descriptor ------------------------------------------------------------------------------------------------

EventLoop::Watch::Owner EventLoop::Watch::make(EventLoop& loop, int fd, bool shared) {
  Owner watch(new Watch(loop, fd, shared));
  epoll_event event{};
  event.events = kReading | EPOLLOUT | EPOLLET;
  event.data.ptr = watch.get();
  if (::epoll_ctl(loop.epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return watch;
  const int why = errno;
  watch->fd_ = -1;
  throw std::system_error(why, std::system_category(), "epoll_ctl");
}

void EventLoop::Watch::ask_kernel() {
  readable_ = false;
  writable_ = false;
  const auto anybody_waits = [this](Way when) { return waits(Way::read, when) || waits(Way::write, when); };
  epoll_event event{};
  event.events = EPOLLET | (anybody_waits(Way::read) ? kReading : 0U) | (anybody_waits(Way::write) ? EPOLLOUT : 0U);
  event.data.ptr = this;
  // Who cannot be told finds out what is wrong.
  if (::epoll_ctl(loop_.epoll_, EPOLL_CTL_MOD, fd_, &event) != 0) wake();
}

void EventLoop::Watch::wake() {
  woken_ = true;
  enqueue_if_worth_it();
}

void EventLoop::Watch::close() {
  if (fd_ < 0) return;
  if (shared_) ::epoll_ctl(loop_.epoll_, EPOLL_CTL_DEL, fd_, nullptr);
  ::close(std::exchange(fd_, -1));
  enqueue_if_worth_it();
}

void EventLoop::Watch::release() {
  reader_ = Waiter();
  writer_ = Waiter();
  close();
  released_ = true;
  if (!queued_ && !served_) delete this;
}

void EventLoop::Watch::take_note(std::uint32_t events) {
  static constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLIN | kEnd)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
  if ((events & kEnd) != 0) ended_ = true;
  enqueue_if_worth_it();
}

void EventLoop::Watch::enqueue_if_worth_it() {
  if (is_worth_it(Way::read) || is_worth_it(Way::write)) loop_.enqueue(*this);
}

void EventLoop::Watch::serve() {
  served_ = true;
  const bool write = is_worth_it(Way::write);
  const bool read = is_worth_it(Way::read);
  woken_ = false;
  bulk_ = false;
  if (write) writer_.call();
  if (read && reader_.is_set()) reader_.call();
  served_ = false;
  if (released_ && !queued_) delete this;
}

// ---- The loop ----------------------------------------------------------------------------------------------------

EventLoop::EventLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      now_(std::chrono::steady_clock::now()),
      wake_at_(exchange::kNever) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (epoll_ < 0 || wakeup_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0) fail("event loop");
}

EventLoop::~EventLoop() {
  ::close(wakeup_);
  ::close(epoll_);
}

void EventLoop::run(const Task& on_time) {
  {
    const std::lock_guard lock(mutex_);
    thread_ = std::this_thread::get_id();
  }
  while (!stopped_) {
    read_clock();
    if (now_ >= wake_at_) {
      wake_at_ = exchange::kNever;
      on_time();
      read_clock();
    }
    wait(timeout_ms());
    run_tasks();
    serve_ready();
  }
  stopped_ = false;
}

void EventLoop::poll() {
  do {
    wait(0);
    run_tasks();
    serve_ready();
  } while (!ready_.empty() || !bulk_.empty() || has_tasks_);
}

void EventLoop::read_clock() {
  now_ = std::chrono::steady_clock::now();
}

int EventLoop::timeout_ms() const {
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kLongest = std::chrono::hours(1);
  if (stopped_ || !ready_.empty() || !bulk_.empty() || has_tasks_) return 0;
  if (wake_at_ == exchange::kNever) return -1;
  const auto left = std::chrono::ceil<Milliseconds>(wake_at_ - now_);
  return static_cast<int>(std::clamp(left, Milliseconds(0), kLongest).count());
}

/// All is noted down before anybody is served: who asks whether a descriptor is readable has the truth of this moment.
void EventLoop::wait(int timeout_ms) {
  const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
  for (const epoll_event& event : std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)))) {
    if (event.data.ptr != nullptr) {
      static_cast<Watch*>(event.data.ptr)->take_note(event.events);
    } else {
      std::uint64_t count_of_posts = 0;
      [[maybe_unused]] const ssize_t size = ::read(wakeup_, &count_of_posts, sizeof count_of_posts);
    }
  }
}

void EventLoop::post(Task task) {
  bool sleeps = false;
  {
    const std::lock_guard lock(mutex_);
    sleeps = tasks_.empty() && std::this_thread::get_id() != thread_;
    tasks_.push_back(std::move(task));
    has_tasks_ = true;
  }
  if (!sleeps) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = ::write(wakeup_, &one, sizeof one);
}

void EventLoop::run_tasks() {
  if (!has_tasks_) return;
  {
    const std::lock_guard lock(mutex_);
    running_.swap(tasks_);
    has_tasks_ = false;
  }
  for (const Task& task : running_) {
    read_clock();
    task();
  }
  running_.clear();
}

void EventLoop::enqueue(Watch& watch) {
  if (watch.queued_) return;
  watch.queued_ = true;
  if (watch.bulk_) {
    bulk_.push_back(&watch);
  } else {
    ready_.push_back(&watch);
  }
}

/// Who becomes ready meanwhile comes in the next round: nobody is served twice before everybody was served once; but of
/// those who move much only as many as there is time for.
void EventLoop::serve_ready() {
  static constexpr std::chrono::milliseconds kSlice(1);
  read_clock();
  const TimePoint start = now_;
  serving_.swap(ready_);
  for (Watch* watch : serving_) serve(*watch);
  serving_.clear();
  if (bulk_.empty()) return;
  read_clock();
  const TimePoint end = now_ + std::max<TimePoint::duration>(now_ - start, kSlice);
  for (std::size_t left = bulk_.size(); left > 0 && now_ < end; --left) {
    Watch& watch = *bulk_.front();
    bulk_.pop_front();
    serve(watch);
  }
}

void EventLoop::serve(Watch& watch) {
  watch.queued_ = false;
  read_clock();
  watch.serve();
}

}  // namespace sidecar::net
