#include "observe/line_writer.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace sidecar::observe {
namespace {

// How long to stay away from a descriptor that polls as writable and then takes nothing: a terminal with room for
// less than one translated character does.
constexpr int kPauseMs = 10;

}  // namespace

LineWriter::LineWriter(int descriptor) : outlet_(descriptor), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

LineWriter::~LineWriter() {
  ::close(wake_);
}

bool LineWriter::write(std::string_view line) {
  return write_all(std::string(line) + '\n') == 0;
}

std::size_t LineWriter::write_all(std::string_view lines) {
  const auto count = [](std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  };
  if (!finish()) return count(lines);
  line_.clear();
  line_sent_ = 0;
  line_.reserve(lines.size());  // Nothing is thrown once a part is out.
  const std::size_t sent = push(lines);
  std::string_view rest = lines.substr(sent);
  if (sent > 0 && lines[sent - 1] != '\n') {
    const std::size_t end = rest.find('\n') + 1;
    line_.assign(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return count(rest);
}

bool LineWriter::finish() {
  line_sent_ += push(std::string_view(line_).substr(line_sent_));
  return line_sent_ == line_.size();
}

void LineWriter::hurry(Clock::time_point deadline) {
  deadline_.store(deadline.time_since_epoch().count());
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);  // Fails only when already readable.
}

std::size_t LineWriter::push(std::string_view bytes) {
  std::size_t sent = 0;
  bool pause = false;
  while (sent < bytes.size()) {
    const std::optional<std::size_t> taken = outlet_.try_write(bytes.substr(sent));
    if (!taken) break;
    sent += *taken;
    if (*taken > 0) {
      pause = false;
      continue;
    }
    if (!wait(pause)) break;
    pause = !pause;
  }
  return sent;
}

/// Waits until the descriptor may take bytes, or with `pause` for a moment. False when the time is up.
bool LineWriter::wait(bool pause) const {
  const Clock::rep deadline = deadline_.load();
  std::array<pollfd, 2> entries{pollfd{.fd = pause ? -1 : outlet_.native(), .events = POLLOUT, .revents = 0},
                                pollfd{.fd = wake_, .events = POLLIN, .revents = 0}};
  if (deadline == kNoDeadline) {
    ::poll(entries.data(), entries.size(), pause ? kPauseMs : -1);
    return true;
  }
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(Clock::time_point(Clock::duration(deadline)) - Clock::now());
  if (left.count() <= 0) return false;
  const int timeout_ms = static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), 60'000));
  ::poll(entries.data(), 1, pause ? std::min(kPauseMs, timeout_ms) : timeout_ms);  // wake_ stays readable
  return true;
}

}  // namespace sidecar::observe
