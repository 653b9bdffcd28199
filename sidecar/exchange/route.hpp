#pragma once

#include <string_view>

#include "exchange/policy.hpp"
#include "http/head.hpp"

namespace sidecar::exchange {

/// `*` is one whole segment, `**` any number of them (none too), anything else is compared as it is. `path` is the raw
/// target before `?`: nothing is decoded, this is routing and no access control.
[[nodiscard]] bool path_matches(std::string_view pattern, std::string_view path);

/// The first route that matches, or nullptr.
[[nodiscard]] const RoutePolicy* find_route(const PolicySet& policies, const http::RequestHead& head);

}  // namespace sidecar::exchange
