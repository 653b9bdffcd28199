#include "observe/line_queue.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace sidecar::observe {
namespace {

/// How long nothing is taken behind something that was. A thread that is woken for each line, and writes it, costs more
/// than all else that a request takes.
constexpr std::chrono::milliseconds kRest{5};

/// Room for lines beyond it is given back once they are gone.
constexpr std::size_t kRoomKept = 256 * 1024;

}  // namespace

LineQueue::LineQueue(std::size_t lines_max) : lines_max_(std::max<std::size_t>(lines_max, 1)) {}

void LineQueue::push(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    ++displaced_;
    return;
  }
  try {
    if (lines_ == lines_max_) drop_oldest();
    text_.reserve(text_.size() + line.size() + 1);
    text_.append(line).push_back('\n');
  } catch (const std::bad_alloc&) {
    ++displaced_;
    return;
  }
  ++lines_;
  if (!idle_ && lines_ != lines_max_ / 2) return;  // Half full is a reason not to rest.
  idle_ = false;
  news_.notify_one();
}

bool LineQueue::take(std::string& lines) {
  lines.clear();
  if (lines.capacity() > kRoomKept) std::string().swap(lines);
  std::unique_lock lock(mutex_);
  if (taken_) news_.wait_for(lock, kRest, [this] { return ended_ || lines_ >= lines_max_ / 2; });
  idle_ = true;
  news_.wait(lock, [this] { return ended_ || lines_ > 0; });
  idle_ = false;
  if (lines_ == 0) {
    closed_ = true;
    return false;
  }
  lines.swap(text_);
  const std::size_t begin = std::exchange(begin_, 0);
  lines_ = 0;
  taken_ = true;
  lock.unlock();
  lines.erase(0, begin);
  return true;
}

void LineQueue::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  news_.notify_one();
}

std::uint64_t LineQueue::displaced() const {
  const std::lock_guard lock(mutex_);
  return displaced_;
}

void LineQueue::drop_oldest() {
  begin_ = text_.find('\n', begin_) + 1;
  --lines_;
  ++displaced_;
  if (begin_ <= text_.size() / 2) return;
  text_.erase(0, begin_);
  begin_ = 0;
}

}  // namespace sidecar::observe
