#include "observe/redact.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sidecar::observe {
namespace {

// Parameters end at `&` or `;`. Clients that glue two URLs together leave a second `?` in the query: a name may
// begin behind it.
constexpr std::string_view kSeparators = "&;?";

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The character at the front of a raw name, decoded and in lower case; the name loses it.
char take_decoded(std::string_view& raw) {
  char c = raw.front();
  std::size_t length = 1;
  if (c == '%' && raw.size() >= 3 && hex_digit(raw[1]) >= 0 && hex_digit(raw[2]) >= 0) {
    c = static_cast<char>(hex_digit(raw[1]) * 16 + hex_digit(raw[2]));
    length = 3;
  }
  raw.remove_prefix(length);
  return to_lower(c);
}

/// Whether `raw`, decoded, is `name` (lower case) or an element of an array of that name.
bool names_parameter(std::string_view raw, std::string_view name) {
  for (const char expected : name) {
    if (raw.empty() || take_decoded(raw) != expected) return false;
  }
  return raw.empty() || take_decoded(raw) == '[';
}

/// Where the value of a secret parameter ends. `;` ends it only where another `name=` follows, since not every
/// backend takes `;` for a separator and the rest would be a part of the secret. `?` never ends it.
std::size_t secret_end(std::string_view rest) {
  for (std::size_t at = 0; at < rest.size(); ++at) {
    if (rest[at] == '&') return at;
    if (rest[at] != ';') continue;
    const std::size_t next = rest.find_first_of("&;=", at + 1);
    if (next != std::string_view::npos && rest[next] == '=') return at;
  }
  return rest.size();
}

/// Where the authority of a target begins, npos when it has none.
std::size_t authority_begin(std::string_view target) {
  if (target.empty() || target.front() == '/' || target.front() == '?') return std::string_view::npos;
  const std::size_t scheme = target.find("://");
  const bool absolute = scheme != std::string_view::npos && scheme < target.find_first_of("/?#");
  return absolute ? scheme + 3 : 0;
}

void append_without_userinfo(std::string& out, std::string_view target) {
  const std::size_t begin = authority_begin(target);
  if (begin != std::string_view::npos) {
    const std::string_view authority = target.substr(begin, target.find_first_of("/?#", begin) - begin);
    const std::size_t at = authority.rfind('@');
    if (at != std::string_view::npos) {
      out.append(target.substr(0, begin));
      target.remove_prefix(begin + at + 1);
    }
  }
  out.append(target);
}

}  // namespace

QueryRedactor::QueryRedactor(std::vector<std::string> names) : names_(std::move(names)) {
  std::erase(names_, "");
  for (std::string& name : names_) std::transform(name.begin(), name.end(), name.begin(), to_lower);
}

void QueryRedactor::append_redacted(std::string& out, std::string_view target) const {
  const std::size_t mark = target.find('?');
  append_without_userinfo(out, target.substr(0, mark));
  if (mark == std::string_view::npos) return;
  out.push_back('?');
  append_query(out, target.substr(mark + 1));
}

void QueryRedactor::append_query(std::string& out, std::string_view query) const {
  while (!query.empty()) {
    const std::size_t name_end = std::min(query.find_first_of("&;?="), query.size());
    const std::string_view name = query.substr(0, name_end);
    out.append(name);
    query.remove_prefix(name_end);
    if (!query.empty() && query.front() == '=') {
      out.push_back('=');
      query.remove_prefix(1);
      const bool secret = is_secret(name);
      const std::size_t end = secret ? secret_end(query) : std::min(query.find_first_of(kSeparators), query.size());
      out.append(secret && end > 0 ? kReplacement : query.substr(0, end));
      query.remove_prefix(end);
    }
    if (query.empty()) return;
    out.push_back(query.front());
    query.remove_prefix(1);
  }
}

bool QueryRedactor::is_secret(std::string_view raw_name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [raw_name](const std::string& name) { return names_parameter(raw_name, name); });
}

}  // namespace sidecar::observe
