#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "http/head.hpp"

namespace sidecar::http {

/// What a character is taken for in a comparison.
using CharacterMap = std::array<char, 256>;

/// Upper case as lower case, and `from` as `to`.
[[nodiscard]] constexpr CharacterMap make_map(char from = '\0', char to = '\0') {
  CharacterMap map{};
  for (std::size_t i = 0; i < map.size(); ++i) {
    const char c = static_cast<char>(i);
    map[i] = c == from ? to : c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return map;
}

/// Most names that are compared differ in length: that is found out without a call.
[[nodiscard]] inline bool equals(std::string_view a, std::string_view b, const CharacterMap& map) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&map](char x, char y) {
           return map[static_cast<unsigned char>(x)] == map[static_cast<unsigned char>(y)];
         });
}

/// ASCII case-insensitive comparison (RFC 9110 §5.1).
[[nodiscard]] inline bool iequals(std::string_view a, std::string_view b) {
  static constexpr CharacterMap kMap = make_map();
  return equals(a, b, kMap);
}

/// Without leading and trailing SP and HTAB (RFC 9110 §5.6.3).
[[nodiscard]] std::string_view trim(std::string_view text);

[[nodiscard]] bool is_token_char(unsigned char c);
[[nodiscard]] bool is_token(std::string_view text);

/// Visible characters, SP, HTAB and obs-text only: what a field value may consist of (RFC 9110 §5.5).
[[nodiscard]] bool is_field_value(std::string_view text);

/// The first field of that name, or nullptr.
[[nodiscard]] const Field* find(Fields fields, std::string_view name);
/// Its value, or an empty view.
[[nodiscard]] std::string_view value_of(Fields fields, std::string_view name);
[[nodiscard]] std::size_t count(Fields fields, std::string_view name);

/// Takes what stands before the next `separator` off the front of `rest`, trimmed. Separators inside a quoted string do
/// not count (RFC 9110 §5.6.4).
[[nodiscard]] std::string_view take_until(char separator, std::string_view& rest);

/// Walks a comma-separated list (RFC 9110 §5.6.1): trimmed members, empty ones skipped, commas in quoted strings
/// respected. `next` returns nullopt at the end.
class ListWalker {
 public:
  explicit ListWalker(std::string_view list) : rest_(list) {}
  [[nodiscard]] std::optional<std::string_view> next();

 private:
  std::string_view rest_;
};

/// Does any field called `name` list `member` (case-insensitively)?
[[nodiscard]] bool lists(Fields fields, std::string_view name, std::string_view member);

}  // namespace sidecar::http
