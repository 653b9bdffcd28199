#include "sse/media_type.hpp"

#include <algorithm>
#include <cstddef>

#include "sse/ascii.hpp"

namespace sidecar::sse {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";
constexpr int kWeightMax = 1000;  // RFC 9110 §12.4.2: a weight has three decimals at most.

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes what stands before the next `separator` off the front of `rest`, trimmed. Separators inside a quoted string
/// do not count (RFC 9110 §5.6.4).
std::string_view take_until(char separator, std::string_view& rest) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (!quoted && c == separator) break;
  }
  const std::string_view taken = rest.substr(0, std::min(i, rest.size()));
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return trim(taken);
}

struct Parameter {
  std::string_view name;
  std::string_view value;  ///< As written, quotes included.
};

Parameter take_parameter(std::string_view& rest) {
  std::string_view value = take_until(';', rest);
  const std::string_view name = take_until('=', value);
  return {name, trim(value)};
}

/// Compares a parameter's value, a token or a quoted string with quoted pairs, to lower-case `wanted`.
bool value_equals(std::string_view value, std::string_view wanted) {
  if (value.empty() || value.front() != '"') return equals_ignoring_case(value, wanted);
  value.remove_prefix(1);
  std::size_t matched = 0;
  while (!value.empty() && value.front() != '"') {
    if (value.front() == '\\' && value.size() > 1) value.remove_prefix(1);
    if (matched == wanted.size() || ascii_lower(value.front()) != wanted[matched]) return false;
    ++matched;
    value.remove_prefix(1);
  }
  return matched == wanted.size();
}

/// A weight in thousandths. One that cannot be read counts as the default, 1.
int parse_weight(std::string_view value) {
  if (value.empty() || (value.front() != '0' && value.front() != '1')) return kWeightMax;
  int weight = value.front() == '1' ? kWeightMax : 0;
  value.remove_prefix(1);
  if (value.empty()) return weight;
  if (value.front() != '.') return kWeightMax;
  value.remove_prefix(1);
  int place = kWeightMax / 10;
  for (const char c : value) {
    if (c < '0' || c > '9') return kWeightMax;
    weight += place * (c - '0');
    place /= 10;
  }
  return std::min(weight, kWeightMax);
}

struct MediaRange {
  std::string_view type;  ///< `type/subtype`, trimmed, as written.
  int weight = kWeightMax;
};

MediaRange take_media_range(std::string_view& accept) {
  std::string_view element = take_until(',', accept);
  MediaRange range{take_until(';', element)};
  while (!element.empty()) {
    const Parameter parameter = take_parameter(element);
    if (equals_ignoring_case(parameter.name, "q")) range.weight = parse_weight(parameter.value);
  }
  return range;
}

bool is_json(std::string_view type) {
  constexpr std::string_view kSuffix = "+json";
  if (equals_ignoring_case(type, "application/json")) return true;
  const std::size_t slash = type.find('/');
  return slash != std::string_view::npos && type.size() > slash + 1 + kSuffix.size() &&
         equals_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix);
}

}  // namespace

bool is_event_stream(std::string_view content_type) noexcept {
  return equals_ignoring_case(take_until(';', content_type), kEventStream);
}

bool charset_is_utf8(std::string_view content_type) noexcept {
  take_until(';', content_type);
  while (!content_type.empty()) {
    const Parameter parameter = take_parameter(content_type);
    if (!equals_ignoring_case(parameter.name, "charset")) continue;
    // The first one counts (WHATWG MIME Sniffing §4.4).
    return value_equals(parameter.value, "") || value_equals(parameter.value, "utf-8") ||
           value_equals(parameter.value, "utf8");
  }
  return true;
}

bool accepts_event_stream(std::string_view accept) noexcept {
  while (!accept.empty()) {
    const MediaRange range = take_media_range(accept);
    if (range.weight > 0 && equals_ignoring_case(range.type, kEventStream)) return true;
  }
  return false;
}

bool accepts_json_over_html_or_text(std::string_view accept) noexcept {
  int json = 0;
  int html = 0;
  int text = 0;
  while (!accept.empty()) {
    const MediaRange range = take_media_range(accept);
    if (is_json(range.type)) json = std::max(json, range.weight);
    if (equals_ignoring_case(range.type, "text/html")) html = std::max(html, range.weight);
    if (equals_ignoring_case(range.type, "text/plain")) text = std::max(text, range.weight);
  }
  return json > html && json >= text;
}

}  // namespace sidecar::sse
