#pragma once

#include <string>

#include "config/config.hpp"
#include "config/environment.hpp"

namespace sidecar::cli {

inline constexpr int kExitClean = 0;
inline constexpr int kExitUnhealthy = 1;  ///< Of healthcheck, whatever keeps it from a yes: Docker reserves 2.
inline constexpr int kExitUsage = 2;      ///< Wrong usage or configuration.

/// What the command line asks for. main() prints `out` and `err`, then runs `config` or leaves with `exit_code`.
struct Invocation {
  enum class Action {
    run,           ///< Serve `config`.
    check,         ///< The configuration is sound, and somebody only wanted to know.
    print_config,  ///< `out` is the effective configuration.
    healthcheck,   ///< Ask whoever serves `config.admin`, the one part that was read.
    version,
    help,
    fail,  ///< `err` says everything that is wrong, a line each.
  };

  Action action = Action::fail;
  config::Config config;  ///< Of run, check, print_config and healthcheck.
  std::string out;
  std::string err;
  int exit_code = kExitClean;
};

/// Reads options, their environment twins (SSE_SIDECAR_UPSTREAM for --upstream; an empty one counts as unset) and the
/// file that they name. Prints nothing.
[[nodiscard]] Invocation parse(int argc, const char* const* argv, const config::EnvironmentLookup& environment);

/// getenv, for main().
[[nodiscard]] config::EnvironmentLookup process_environment();

}  // namespace sidecar::cli
