#pragma once

#include <cstddef>
#include <memory>
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
    if (kept_ == nullptr) return bytes;
    kept_->bytes.insert(kept_->bytes.end(), bytes.begin(), bytes.end());
    return {kept_->bytes.data() + kept_->used, size()};
  }

  /// `rest` is the unused tail of what join() lent. What was used stays in place until tidy(): a turn's output may
  /// still point to it.
  void keep(std::string_view rest) {
    if (kept_ != nullptr) {
      kept_->used = kept_->bytes.size() - rest.size();
    } else if (!rest.empty()) {
      kept_ = std::make_unique<Kept>();
      kept_->bytes.assign(rest.begin(), rest.end());
    }
  }

  /// Gives up what was used; at the end of a turn. The rest moves to the front only when it is the smaller part, so
  /// that many small requests do not move a large rest as often.
  void tidy() {
    if (kept_ == nullptr) return;
    if (empty()) {
      kept_.reset();
    } else if (kept_->used >= kept_->bytes.size() / 2) {
      kept_->bytes.erase(kept_->bytes.begin(), kept_->bytes.begin() + static_cast<std::ptrdiff_t>(kept_->used));
      kept_->used = 0;
    }
  }

  [[nodiscard]] std::size_t size() const { return kept_ == nullptr ? 0 : kept_->bytes.size() - kept_->used; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// What it costs, used up or not.
  [[nodiscard]] std::size_t memory() const { return kept_ == nullptr ? 0 : sizeof(Kept) + kept_->bytes.capacity(); }

 private:
  struct Kept {
    std::vector<char> bytes;  ///< Never empty.
    std::size_t used = 0;     ///< At the front.
  };

  std::unique_ptr<Kept> kept_;
};

static_assert(sizeof(Received) == sizeof(void*), "every open stream holds two");

}  // namespace sidecar::http
