#include "http/field_names.hpp"

#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "http/fields.hpp"

namespace sidecar::http {

namespace {

using Names = std::initializer_list<std::string_view>;

bool one_of(std::string_view name, Names names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view n) { return name.size() == n.size() && is_same_variable(name, n); });
}

bool has_underscore(std::string_view name) {
  return name.find('_') != std::string_view::npos;
}

/// The first word of credentials or of a challenge (RFC 9110 §11.3).
bool is_connection_scheme(std::string_view text) {
  const std::string_view scheme = text.substr(0, text.find_first_of(" \t"));
  return iequals(scheme, "NTLM") || iequals(scheme, "Negotiate") || iequals(scheme, "Nego2");
}

}  // namespace

bool is_same_variable(std::string_view a, std::string_view b) {
  static constexpr CharacterMap kMap = make_map('_', '-');
  return equals(a, b, kMap);
}

bool is_hop_by_hop(std::string_view name) {
  return !has_underscore(name) && one_of(name, {"Connection", "Keep-Alive", "Proxy-Connection", "TE",
                                                "Transfer-Encoding", "Upgrade", "HTTP2-Settings"});
}

bool is_forwarding(std::string_view name) {
  static constexpr std::string_view kPrefix = "X-Forwarded-";
  return is_same_variable(name.substr(0, kPrefix.size()), kPrefix) || one_of(name, {"Forwarded", "X-Real-IP"});
}

bool must_stay(std::string_view name) {
  return one_of(name, {"Host", "Content-Length"}) || is_forwarding(name);
}

bool is_disguised(std::string_view name) {
  return has_underscore(name) &&
         (one_of(name, {"Content-Length", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection"}) ||
          is_forwarding(name));
}

bool is_forbidden_trailer(std::string_view name) {
  return is_forwarding(name) ||
         one_of(name, {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
                       "Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Host", "Expect",
                       "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"});
}

bool authenticates_connection(Fields fields) {
  static constexpr std::string_view kNames[] = {"Authorization", "Proxy-Authorization", "WWW-Authenticate",
                                                "Proxy-Authenticate"};
  return std::any_of(fields.begin(), fields.end(), [](const Field& field) {
    const auto same = [&](std::string_view name) { return iequals(field.name, name); };
    if (std::none_of(std::begin(kNames), std::end(kNames), same)) return false;
    ListWalker walker(field.value);
    while (const auto member = walker.next()) {
      if (is_connection_scheme(*member)) return true;
    }
    return false;
  });
}

}  // namespace sidecar::http
