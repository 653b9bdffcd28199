#include "benchmarks/driver/loop.hpp"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace sidecar::bench {

namespace {

void control(int epoll, int operation, int fd, std::uint32_t events, Watcher* watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  if (epoll_ctl(epoll, operation, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

}  // namespace

Nanoseconds now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_nsec;
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() {
  ::close(epoll_);
}

void Loop::watch(int fd, std::uint32_t events, Watcher& watcher) {
  control(epoll_, EPOLL_CTL_ADD, fd, events, &watcher);
}

void Loop::change(int fd, std::uint32_t events, Watcher& watcher) {
  control(epoll_, EPOLL_CTL_MOD, fd, events, &watcher);
}

void Loop::forget(int fd, Watcher& watcher) {
  control(epoll_, EPOLL_CTL_DEL, fd, 0, nullptr);
  if (delivering_) forgotten_.push_back(&watcher);
}

void Loop::turn(Nanoseconds deadline) {
  std::array<epoll_event, 1024> ready{};
  const Nanoseconds left = std::max<Nanoseconds>(0, deadline - now_ns());
  const timespec timeout{static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
  const int count = epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
  delivering_ = true;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready.at(static_cast<std::size_t>(i));
    auto* watcher = static_cast<Watcher*>(event.data.ptr);
    const bool gone = !forgotten_.empty() && std::ranges::find(forgotten_, watcher) != forgotten_.end();
    if (!gone) watcher->on_ready(event.events);
  }
  delivering_ = false;
  forgotten_.clear();
}

}  // namespace sidecar::bench
