#include "http/accept.hpp"

#include <algorithm>

#include "http/fields.hpp"

namespace sidecar::http {

namespace {

constexpr int kWeightMax = 1000;  // RFC 9110 §12.4.2: a weight has three decimals at most.

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
    std::string_view value = take_until(';', element);
    const std::string_view name = take_until('=', value);
    if (iequals(name, "q")) range.weight = parse_weight(trim(value));
  }
  return range;
}

bool is_json(std::string_view type) {
  constexpr std::string_view kSuffix = "+json";
  if (iequals(type, "application/json")) return true;
  const std::size_t slash = type.find('/');
  return slash != std::string_view::npos && type.size() > slash + 1 + kSuffix.size() &&
         iequals(type.substr(type.size() - kSuffix.size()), kSuffix);
}

}  // namespace

bool accepts(std::string_view accept, std::string_view media_type) {
  while (accept.size() >= media_type.size()) {
    const MediaRange range = take_media_range(accept);
    if (range.weight > 0 && iequals(range.type, media_type)) return true;
  }
  return false;
}

bool accepts_json_over_html_or_text(std::string_view accept) {
  int json = 0;
  int html = 0;
  int text = 0;
  while (!accept.empty()) {
    const MediaRange range = take_media_range(accept);
    if (is_json(range.type)) json = std::max(json, range.weight);
    if (iequals(range.type, "text/html")) html = std::max(html, range.weight);
    if (iequals(range.type, "text/plain")) text = std::max(text, range.weight);
  }
  return json > html && json >= text;
}

}  // namespace sidecar::http
