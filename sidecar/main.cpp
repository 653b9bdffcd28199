#include <cstdio>
#include <exception>

#include "cli/options.hpp"
#include "net/server.hpp"

int main(int argc, char** argv) {
  using sidecar::cli::Invocation;
  const Invocation invocation = sidecar::cli::parse(argc, argv, sidecar::cli::process_environment());
  std::fputs(invocation.out.c_str(), stdout);
  std::fputs(invocation.err.c_str(), stderr);
  if (invocation.action != Invocation::Action::run) return invocation.exit_code;
  try {
    return sidecar::net::run_server(invocation.config);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sse-sidecar: %s\n", error.what());
    return 1;
  }
}
