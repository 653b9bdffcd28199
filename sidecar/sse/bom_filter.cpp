#include "sse/bom_filter.hpp"

#include <cstddef>

namespace sidecar::sse {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void BomFilter::on_insertion() noexcept {
  if (state_ == State::fresh) state_ = State::held_none;
}

BomFilter::Passed BomFilter::filter(std::string_view bytes) noexcept {
  if (bytes.empty()) return {};
  if (state_ == State::fresh) state_ = State::open;
  if (state_ == State::open) return {{}, bytes};

  const auto held = static_cast<std::size_t>(state_);
  std::size_t matched = held;
  while (matched < kByteOrderMark.size() && !bytes.empty() && bytes.front() == kByteOrderMark[matched]) {
    ++matched;
    bytes.remove_prefix(1);
  }
  if (matched == kByteOrderMark.size()) {
    state_ = State::open;
    return {{}, bytes};
  }
  if (bytes.empty()) {
    state_ = static_cast<State>(matched);
    return {};
  }
  state_ = State::open;
  return {kByteOrderMark.substr(0, matched), bytes};
}

std::string_view BomFilter::finish() noexcept {
  const auto held = state_ <= State::held_2 ? static_cast<std::size_t>(state_) : 0;
  state_ = State::open;
  return kByteOrderMark.substr(0, held);
}

}  // namespace sidecar::sse
