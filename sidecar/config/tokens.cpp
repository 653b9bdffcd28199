#include "config/tokens.hpp"

#include <algorithm>
#include <array>

#include "config/words.hpp"

namespace sidecar::config {
namespace {

using Result = Parsed<std::string>;

constexpr std::size_t kPathBytesMax = 4095;   // PATH_MAX without its end
constexpr std::size_t kNameBytesMax = 128;    // of an upstream, a field, a parameter
constexpr std::size_t kRouteBytesMax = 1024;  // of a route's pattern, which may be its name
constexpr std::array<std::string_view, 9> kKnownMethods{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                        "CONNECT", "OPTIONS", "TRACE", "PATCH"};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string upper_case(std::string_view text) {
  std::string raised(text);
  for (char& c : raised) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return raised;
}

bool printable_and_short(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && !has_control(text) && is_utf8(text);
}

}  // namespace

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (text.empty()) return true;
  if (blank(text.front()) || blank(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\t' || !has_control({&c, 1}); });
}

Parsed<std::string> parse_method(std::string_view text) {
  if (!is_token(text)) return Result::refused(in_quotes(text) + " is not a method (write GET, POST, ...)");
  const std::string raised = upper_case(text);
  const bool known = std::find(kKnownMethods.begin(), kKnownMethods.end(), raised) != kKnownMethods.end();
  if (known && raised != text) {
    return Result::refused(in_quotes(text) + " would never match: methods are case-sensitive (write " + raised + ")");
  }
  return std::string(text);
}

Parsed<std::string> parse_path_pattern(std::string_view text) {
  const auto refused = [&](std::string_view why) {
    return Result::refused(in_quotes(text) + " is not a path pattern: " + std::string(why));
  };
  if (!text.starts_with('/')) return refused("it begins with /");
  if (text.find_first_of("?# ") != std::string_view::npos || has_control(text)) {
    return refused("no query, fragment, blank or control character can be part of it");
  }
  if (!is_utf8(text)) return refused("it is not UTF-8");
  if (text.size() > kRouteBytesMax) return refused("it has more than 1024 bytes");
  std::string_view rest = text.substr(1);
  while (!rest.empty()) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    const bool wildcard = segment == "*" || segment == "**";
    if (!wildcard && segment.find('*') != std::string_view::npos) return refused("* and ** stand for whole segments");
    rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
  }
  return std::string(text);
}

Parsed<std::string> parse_field_name(std::string_view text) {
  if (!is_token(text) || text.size() > kNameBytesMax) return Result::refused(in_quotes(text) + " is not a header name");
  return std::string(text);
}

Parsed<std::string> parse_upstream_name(std::string_view text) {
  const bool allowed = std::all_of(text.begin(), text.end(),
                                   [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; });
  if (!allowed || text.empty() || text.size() > kNameBytesMax) {
    return Result::refused(in_quotes(text) + " is not a name (letters, digits, '.', '-', '_')");
  }
  return std::string(text);
}

Parsed<std::string> parse_route_name(std::string_view text) {
  if (!printable_and_short(text, kRouteBytesMax)) {
    return Result::refused(in_quotes(text) + " is not a name (1 to 1024 printable bytes)");
  }
  return std::string(text);
}

Parsed<std::string> parse_file_path(std::string_view text) {
  if (!printable_and_short(text, kPathBytesMax)) {
    return Result::refused(in_quotes(text) + " is not the path of a file (1 to 4095 printable bytes)");
  }
  return std::string(text);
}

Parsed<std::string> parse_query_name(std::string_view text) {
  if (!printable_and_short(text, kNameBytesMax))
    return Result::refused(in_quotes(text) + " is not the name of a query parameter");
  return std::string(text);
}

}  // namespace sidecar::config
