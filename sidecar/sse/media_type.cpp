#include "sse/media_type.hpp"

#include <cstddef>

#include "http/accept.hpp"
#include "http/fields.hpp"

namespace sidecar::sse {
namespace {

using http::iequals;
using http::take_until;
using http::trim;

constexpr std::string_view kEventStream = "text/event-stream";

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
  if (value.empty() || value.front() != '"') return iequals(value, wanted);
  value.remove_prefix(1);
  std::size_t matched = 0;
  while (!value.empty() && value.front() != '"') {
    if (value.front() == '\\' && value.size() > 1) value.remove_prefix(1);
    if (matched == wanted.size() || !iequals(value.substr(0, 1), wanted.substr(matched, 1))) return false;
    ++matched;
    value.remove_prefix(1);
  }
  return matched == wanted.size();
}

}  // namespace

bool is_event_stream(std::string_view content_type) {
  return iequals(take_until(';', content_type), kEventStream);
}

bool charset_is_utf8(std::string_view content_type) {
  static_cast<void>(take_until(';', content_type));
  while (!content_type.empty()) {
    const Parameter parameter = take_parameter(content_type);
    if (!iequals(parameter.name, "charset")) continue;
    // The first one counts (WHATWG MIME Sniffing §4.4).
    return value_equals(parameter.value, "") || value_equals(parameter.value, "utf-8") ||
           value_equals(parameter.value, "utf8");
  }
  return true;
}

bool accepts_event_stream(std::string_view accept) {
  return http::accepts(accept, kEventStream);
}

}  // namespace sidecar::sse
