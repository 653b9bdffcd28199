#include "http/request_check.hpp"

#include <algorithm>
#include <array>

#include "http/field_names.hpp"
#include "http/fields.hpp"

namespace sidecar::http {

namespace {

/// uri-host [":" port] as far as it can hurt: no white space, no list, no user, no path, one port of digits, brackets
/// around the whole host (RFC 3986 §3.2.2). Nothing at all is one too (RFC 9110 §7.2).
bool is_authority(std::string_view text) {
  static constexpr auto kBad = [] {
    std::array<bool, 256> bad{};
    for (std::size_t c = 0; c <= 0x20; ++c) bad.at(c) = true;
    for (const char c : std::string_view("/?#@,\\\"<>\x7f")) bad.at(static_cast<unsigned char>(c)) = true;
    return bad;
  }();
  if (text.empty()) return true;
  if (std::any_of(text.begin(), text.end(), [](char c) { return kBad[static_cast<unsigned char>(c)]; })) return false;
  const bool bracketed = text.starts_with('[');
  if (bracketed) text.remove_prefix(1);
  const auto ends = [&](char c) { return c == '[' || c == ']' || (c == ':' && !bracketed); };
  const auto end = static_cast<std::size_t>(std::find_if(text.begin(), text.end(), ends) - text.begin());
  if (end == 0) return false;
  std::string_view port = text.substr(end);
  if (bracketed) {
    if (!port.starts_with(']')) return false;
    port.remove_prefix(1);
  }
  return port.empty() || (port[0] == ':' && port.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

bool is_absolute_form(std::string_view target) {
  const std::string_view scheme = target.substr(0, target.find(':'));
  return iequals(scheme, "http") || iequals(scheme, "https");
}

}  // namespace

Refusal check_method(std::string_view method) {
  static constexpr std::size_t kMethodMax = 255;
  if (method.size() > kMethodMax) return {501, "the method is too long"};
  if (!is_token(method)) return {400, "the method is no token"};
  return {};
}

Refusal check_target_bytes(std::string_view target) {
  const auto bad = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == '#';
  };
  if (target.empty() || std::any_of(target.begin(), target.end(), bad)) {
    return {400, "the request target has a character that no target has"};
  }
  return {};
}

TargetParts split_target(std::string_view target) {
  const auto mark = target.find("://");
  const bool has_scheme = mark != std::string_view::npos && target.find(':') == mark;
  if (target.starts_with('/') || !has_scheme || !is_absolute_form(target)) return {{}, target};
  const std::string_view rest = target.substr(mark + 3);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  return {rest.substr(0, end), end == rest.size() ? std::string_view("/") : rest.substr(end)};
}

std::string_view host_without_port(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, std::min(authority.find(']') + 1, authority.size()));
  return authority.substr(0, authority.rfind(':'));
}

Refusal check_request(const RequestHead& head) {
  if (head.method == "CONNECT") return {405, "CONNECT is not served"};
  const std::size_t hosts = count(head.fields, "Host");
  if (hosts > 1) return {400, "more than one Host"};
  if (hosts == 0 && head.version == Version::http_1_1) return {400, "no Host"};
  const std::string_view host = value_of(head.fields, "Host");
  if (!is_authority(host)) return {400, "Host is no host"};
  const TargetParts parts = split_target(head.target);
  if (parts.authority.empty() && parts.target != head.target) return {400, "the request target has no host"};
  if (parts.target.starts_with('?')) return {400, "the request target has no path"};
  if (!parts.target.starts_with('/') && !(parts.target == "*" && head.method == "OPTIONS")) {
    return {400, "the request target is neither a path nor a URL"};
  }
  if (!parts.authority.empty() && (!is_authority(parts.authority) || (hosts == 1 && !iequals(parts.authority, host)))) {
    return {400, "Host contradicts the request target"};
  }
  for (const Field& field : head.fields) {
    if (is_disguised(field.name)) return {400, "a framing or forwarding field spelled with an underscore"};
    if (iequals(field.name, "Expect") && !iequals(field.value, "100-continue")) {
      return {417, "an expectation other than 100-continue"};
    }
  }
  return {};
}

}  // namespace sidecar::http
