#pragma once

#include <chrono>
#include <string>

#include "config/config.hpp"

namespace sidecar::net {

/// Asks the admin listener of a running process for /readyz. A wildcard address is asked through loopback.
/// Empty: it is ready. Otherwise one line that says why it is not, or why nobody knows. Blocks for `limit` at most;
/// a thread that then still waits, for a resolver or for the peer, is left behind for the end of the process.
[[nodiscard]] std::string ask_whether_ready(const config::AdminConfig& admin,
                                            std::chrono::milliseconds limit = std::chrono::seconds(2));

}  // namespace sidecar::net
