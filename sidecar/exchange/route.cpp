#include "exchange/route.hpp"

#include <algorithm>

#include "http/fields.hpp"
#include "http/request_check.hpp"

namespace sidecar::exchange {

namespace {

/// Takes `/segment` off the front; the leading slash belongs to the segment.
std::string_view take_segment(std::string_view& path) {
  const auto end = std::min(path.find('/', 1), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool matches(const RouteMatch& match, const http::RequestHead& head, std::string_view host, std::string_view path) {
  if (!match.host.empty() && !http::iequals(match.host, host)) return false;
  if (!match.methods.empty() &&
      std::find(match.methods.begin(), match.methods.end(), head.method) == match.methods.end()) {
    return false;
  }
  const auto has = [&](const auto& header) {
    return std::any_of(head.fields.begin(), head.fields.end(), [&](const http::Field& field) {
      return http::iequals(field.name, header.first) && field.value == header.second;
    });
  };
  return std::all_of(match.headers.begin(), match.headers.end(), has) && path_matches(match.path, path);
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view path) {
  // Greedy with one point to return to: the last `**` takes one segment more, linear in practice and never recursive.
  std::string_view retry_pattern;
  std::string_view retry_path;
  bool can_retry = false;
  for (;;) {
    if (pattern.starts_with("/**") && (pattern.size() == 3 || pattern[3] == '/')) {
      pattern.remove_prefix(3);
      if (pattern.empty()) return true;
      retry_pattern = pattern;
      retry_path = path;
      can_retry = true;
      continue;
    }
    if (pattern.empty() && path.empty()) return true;
    bool same = false;
    if (!pattern.empty() && !path.empty()) {
      const std::string_view wanted = take_segment(pattern);
      const std::string_view segment = take_segment(path);
      same = wanted == segment || (wanted == "/*" && segment.size() > 1);
    }
    if (same) continue;
    if (!can_retry || retry_path.empty()) return false;
    take_segment(retry_path);
    path = retry_path;
    pattern = retry_pattern;
  }
}

const RoutePolicy* find_route(const PolicySet& policies, const http::RequestHead& head) {
  const http::TargetParts parts = http::split_target(head.target);
  const std::string_view authority = parts.authority.empty() ? http::value_of(head.fields, "Host") : parts.authority;
  const std::string_view host = http::host_without_port(authority);
  const std::string_view path = parts.target.substr(0, parts.target.find('?'));
  const auto it = std::find_if(policies.routes.begin(), policies.routes.end(), [&](const RoutePolicy& route) {
    // `*` of OPTIONS is no path; only a route for everything has a say about it.
    return matches(route.match, head, host, path == "*" ? std::string_view("/") : path);
  });
  return it == policies.routes.end() ? nullptr : &*it;
}

}  // namespace sidecar::exchange
