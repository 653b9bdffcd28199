#include "http/field_names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "http/fields.hpp"

namespace sidecar::http {

namespace {

/// Names, and which sizes they have: almost every name that is asked for differs in that.
template <std::size_t Count>
class NameSet {
 public:
  template <class... Names>
  consteval explicit NameSet(Names... names) : names_{names...} {
    for (const std::string_view name : names_) sizes_ |= std::uint64_t{1} << name.size();
  }
  [[nodiscard]] bool has(std::string_view name) const {
    if (name.size() >= 64 || (sizes_ >> name.size() & 1U) == 0) return false;
    return std::any_of(names_.begin(), names_.end(), [&](std::string_view n) { return is_same_variable(name, n); });
  }

 private:
  std::array<std::string_view, Count> names_;
  std::uint64_t sizes_ = 0;
};

template <class... Names>
NameSet(Names...) -> NameSet<sizeof...(Names)>;

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
  static constexpr NameSet kNames("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade",
                                  "HTTP2-Settings");
  return kNames.has(name) && !has_underscore(name);
}

bool is_forwarding(std::string_view name) {
  static constexpr std::string_view kPrefix = "X-Forwarded-";
  static constexpr NameSet kNames("Forwarded", "X-Real-IP");
  return is_same_variable(name.substr(0, kPrefix.size()), kPrefix) || kNames.has(name);
}

bool must_stay(std::string_view name) {
  static constexpr NameSet kNames("Host", "Content-Length");
  return kNames.has(name) || is_forwarding(name);
}

bool is_disguised(std::string_view name) {
  static constexpr NameSet kNames("Content-Length", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection");
  return (kNames.has(name) || is_forwarding(name)) && has_underscore(name);
}

bool is_forbidden_trailer(std::string_view name) {
  static constexpr NameSet kNames("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
                                  "Upgrade", "Content-Length", "Content-Type", "Content-Encoding", "Content-Range",
                                  "Host", "Expect", "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie");
  return is_forwarding(name) || kNames.has(name);
}

bool authenticates_connection(Fields fields) {
  static constexpr NameSet kNames("Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate");
  return std::any_of(fields.begin(), fields.end(), [](const Field& field) {
    if (!kNames.has(field.name) || has_underscore(field.name)) return false;
    ListWalker walker(field.value);
    while (const auto member = walker.next()) {
      if (is_connection_scheme(*member)) return true;
    }
    return false;
  });
}

}  // namespace sidecar::http
