#pragma once

#include "config/config.hpp"

namespace sidecar::net {

/// Listens, runs the workers, waits for signals. Blocks until the process is to end.
/// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when it cannot run or is told twice.
[[nodiscard]] int run_server(const config::Config& config);

}  // namespace sidecar::net
