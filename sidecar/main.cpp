#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include "cli/options.hpp"
#include "net/server.hpp"

int main(int argc, char** argv) {
  using sidecar::cli::Invocation;
  Invocation invocation = sidecar::cli::parse(argc, argv, sidecar::cli::process_environment());
  std::fputs(invocation.out.c_str(), stdout);
  std::fputs(invocation.err.c_str(), stderr);
  if (invocation.action != Invocation::Action::run) return invocation.exit_code;
  const auto reload = [&] {
    Invocation again = sidecar::cli::parse(argc, argv, sidecar::cli::process_environment());
    if (again.action == Invocation::Action::run) return sidecar::net::Reloaded{std::move(again.config), {}};
    return sidecar::net::Reloaded{std::nullopt, std::move(again.err)};
  };
  try {
    return sidecar::net::run_server(std::move(invocation.config), reload);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sse-sidecar: %s\n", error.what());
    return 1;
  }
}
