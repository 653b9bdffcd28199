#include "http/fields.hpp"

#include <algorithm>

namespace sidecar::http {

namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token_char(unsigned char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_token_char(static_cast<unsigned char>(c)); });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
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
  bool quoted = false;
  std::size_t end = 0;
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
