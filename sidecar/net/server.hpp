#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/config.hpp"

namespace sidecar::net {

/// What a reload found: a configuration, or the problems with it.
struct Reloaded {
  std::optional<config::Config> config;
  std::string problems;  ///< A line each.
};

/// Listens, runs the workers, waits for signals. Blocks until the process is to end. SIGHUP asks `reload` for a new
/// configuration; it is called on the calling thread.
/// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when it cannot run or is told twice.
[[nodiscard]] int run_server(config::Config config, const std::function<Reloaded()>& reload);

}  // namespace sidecar::net
