#pragma once

#include <algorithm>
#include <string_view>

namespace sidecar::sse {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Names in HTTP compare as ASCII, never by locale. `wanted` is lower case.
constexpr bool equals_ignoring_case(std::string_view text, std::string_view wanted) {
  return std::equal(text.begin(), text.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return ascii_lower(a) == b; });
}

}  // namespace sidecar::sse
