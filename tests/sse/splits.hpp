#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace sidecar::test {

/// A way to cut a case into reads, with a name for messages.
struct Split {
  const char* name;
  std::vector<std::string_view> reads;
};

/// The bytes whole, one at a time, one at a time with empty reads between, and cut in two at every place.
inline std::vector<Split> splits_of(std::string_view bytes) {
  std::vector<Split> splits = {{"whole", {bytes}}, {"bytewise", {}}, {"bytewise with empty reads", {}}};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    splits[1].reads.push_back(bytes.substr(i, 1));
    splits[2].reads.push_back({});
    splits[2].reads.push_back(bytes.substr(i, 1));
  }
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    splits.push_back({"in two", {bytes.substr(0, i), bytes.substr(i)}});
  }
  return splits;
}

}  // namespace sidecar::test
