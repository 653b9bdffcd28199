#include "http/fields.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sidecar::http {

namespace {

using CharacterClass = std::array<bool, 256>;

template <class Belongs>
constexpr CharacterClass make_class(Belongs belongs) {
  CharacterClass members{};
  for (std::size_t i = 0; i < members.size(); ++i) members[i] = belongs(static_cast<unsigned char>(i));
  return members;
}

constexpr CharacterClass kToken = make_class([](unsigned char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
});

constexpr CharacterClass kFieldValue =
    make_class([](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });

bool all_in(std::string_view text, const CharacterClass& members) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return members[static_cast<unsigned char>(c)]; });
}

/// False: none of the eight bytes is a control character. True: perhaps; and a tab is one.
bool may_have_control(std::uint64_t bytes) {
  static constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
  static constexpr std::uint64_t kHigh = 0x80 * kEach;
  const std::uint64_t below_space = (bytes - 0x20 * kEach) & ~bytes;
  const std::uint64_t not_del = bytes ^ 0x7f * kEach;
  return ((below_space | ((not_del - kEach) & ~not_del)) & kHigh) != 0;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_token_char(unsigned char c) {
  return kToken[c];
}

bool is_token(std::string_view text) {
  return !text.empty() && all_in(text, kToken);
}

bool is_field_value(std::string_view text) {
  static constexpr std::size_t kStep = sizeof(std::uint64_t);
  const auto plain = [&](std::size_t at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, kStep);
    return !may_have_control(bytes);
  };
  if (text.size() >= kStep) {
    std::size_t at = 0;
    while (at + kStep <= text.size() && plain(at)) at += kStep;
    if (at + kStep > text.size() && plain(text.size() - kStep)) return true;  // The last eight overlap with others.
  }
  return all_in(text, kFieldValue);
}

const Field* find(Fields fields, std::string_view name) {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return iequals(f.name, name); });
  return it == fields.end() ? nullptr : &*it;
}

std::string_view value_of(Fields fields, std::string_view name) {
  const Field* field = find(fields, name);
  return field == nullptr ? std::string_view{} : field->value;
}

std::size_t count(Fields fields, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const Field& f) { return iequals(f.name, name); }));
}

std::string_view take_until(char separator, std::string_view& rest) {
  std::size_t end = std::min(rest.find(separator), rest.size());
  if (rest.substr(0, end).find('"') != std::string_view::npos) end = 0;
  bool quoted = false;
  for (; end < rest.size() && (quoted || rest[end] != separator); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (rest[end] == '\\' && quoted && end + 1 < rest.size()) ++end;
  }
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(taken);
}

std::optional<std::string_view> ListWalker::next() {
  while (!rest_.empty()) {
    const std::string_view member = take_until(',', rest_);
    if (!member.empty()) return member;
  }
  return std::nullopt;
}

bool lists(Fields fields, std::string_view name, std::string_view member) {
  for (const Field& field : fields) {
    if (!iequals(field.name, name)) continue;
    ListWalker walker(field.value);
    while (const auto found = walker.next()) {
      if (iequals(*found, member)) return true;
    }
  }
  return false;
}

}  // namespace sidecar::http
