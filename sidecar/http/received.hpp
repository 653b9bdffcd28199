#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sidecar::http {

/// Bytes that arrived and were not used up: a head cut by a read, pipelined requests, a body that must wait. Empty
/// most of the time, and then it owns no memory.
class Received {
 public:
  /// The bytes to read now: `bytes` alone where nothing is left over. Lent until tidy() or the next join().
  [[nodiscard]] std::string_view join(std::string_view bytes) {
    tidy();
    if (kept_.empty()) return bytes;
    kept_.insert(kept_.end(), bytes.begin(), bytes.end());
    return {kept_.data() + used_, kept_.size() - used_};
  }

  /// `rest` is the unused tail of what join() lent. What was used stays in place until tidy(): a turn's output may
  /// still point to it.
  void keep(std::string_view rest) {
    if (kept_.empty()) {
      kept_.assign(rest.begin(), rest.end());
    } else {
      used_ = static_cast<std::uint32_t>(kept_.size() - rest.size());
    }
  }

  /// Gives up what was used; at the end of a turn. The rest moves to the front only when it is the smaller part, so
  /// that many small requests do not move a large rest as often.
  void tidy() {
    if (used_ == kept_.size()) {
      if (used_ > 0) std::vector<char>().swap(kept_);
    } else if (used_ < kept_.size() / 2) {
      return;
    } else {
      kept_.erase(kept_.begin(), kept_.begin() + used_);
    }
    used_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return kept_.size() - used_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// What it costs, used up or not.
  [[nodiscard]] std::size_t memory() const { return kept_.capacity(); }

 private:
  std::vector<char> kept_;
  std::uint32_t used_ = 0;
};

}  // namespace sidecar::http
