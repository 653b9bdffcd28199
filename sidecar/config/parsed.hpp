#pragma once

#include <optional>
#include <string>
#include <utility>

namespace sidecar::config {

/// The outcome of reading a word: a value, or the words for why it is none (`'10x' is not a duration (write ...)`).
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string why;

  Parsed(T parsed) : value(std::move(parsed)) {}

  [[nodiscard]] static Parsed refused(std::string reason) {  // NOLINT(performance-unnecessary-value-param): moved from
    Parsed none;
    none.why = std::move(reason);
    return none;
  }

 private:
  Parsed() = default;
};

}  // namespace sidecar::config
