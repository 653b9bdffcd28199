#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <boost/container/vector.hpp>

namespace sidecar::http {

/// Bytes that grow at their end. Heads are made of many small parts: several go in at once, and unlike a string's, new
/// room is not cleared first.
class Arena {
 public:
  /// `parts` (string views and literals), one behind the other; their sizes together.
  template <class... Parts>
  std::size_t append(const Parts&... parts) {
    return append_views(std::string_view(parts)...);
  }

  /// Valid until the next append() or clear().
  [[nodiscard]] std::string_view view(std::size_t offset, std::size_t size) const {
    return {bytes_.data() + offset, size};
  }
  [[nodiscard]] std::string_view view() const { return view(0, bytes_.size()); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::size_t room() const { return bytes_.capacity(); }

  /// Room for more than `kept` bytes is given back.
  void clear(std::size_t kept) {
    bytes_.clear();
    if (bytes_.capacity() > kept) bytes_.shrink_to_fit();
  }

 private:
  template <class... Views>
  std::size_t append_views(Views... views) {
    const std::size_t before = bytes_.size();
    const std::size_t more = (views.size() + ...);
    bytes_.resize(before + more, boost::container::default_init);
    char* at = bytes_.data() + before;
    ((at = std::copy(views.begin(), views.end(), at)), ...);
    return more;
  }

  boost::container::vector<char> bytes_;
};

}  // namespace sidecar::http
