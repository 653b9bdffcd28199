#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace sidecar::config {

struct Finding {
  std::string path;  ///< `routes[2].request_headers.set.Connection`
  std::string message;
};

/// What no key can tell on its own: names that collide, fields that the proxy itself must own, things that are
/// missing altogether. Pure; a listener without text was already reported and is passed over.
[[nodiscard]] std::vector<Finding> check(const Config& config);

}  // namespace sidecar::config
