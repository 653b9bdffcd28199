#include "http/request_check.hpp"

#include <algorithm>

#include "http/fields.hpp"

namespace sidecar::http {

namespace {

/// uri-host [":" port] as far as it can hurt: no white space, no list, no user, no path (RFC 3986 §3.2.2).
bool is_authority(std::string_view text) {
  const auto bad = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || std::string_view("/?#@,\\\"<>").find(c) != std::string_view::npos;
  };
  return std::none_of(text.begin(), text.end(), bad);
}

bool is_absolute_form(std::string_view target) {
  const std::string_view scheme = target.substr(0, target.find(':'));
  return iequals(scheme, "http") || iequals(scheme, "https");
}

}  // namespace

TargetParts split_target(std::string_view target) {
  const auto mark = target.find("://");
  if (target.starts_with('/') || mark == std::string_view::npos || !is_absolute_form(target)) return {{}, target};
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
  if (parts.target.starts_with('?')) return {400, "the request target has no path"};
  if (!parts.target.starts_with('/') && !(parts.target == "*" && head.method == "OPTIONS")) {
    return {400, "the request target is neither a path nor a URL"};
  }
  if (!parts.authority.empty() && (!is_authority(parts.authority) || (hosts == 1 && !iequals(parts.authority, host)))) {
    return {400, "Host contradicts the request target"};
  }
  if (const Field* expect = find(head.fields, "Expect"); expect != nullptr && !iequals(expect->value, "100-continue")) {
    return {417, "an expectation other than 100-continue"};
  }
  return {};
}

}  // namespace sidecar::http
