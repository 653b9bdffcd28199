#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "cli/options.hpp"
#include "net/healthcheck.hpp"
#include "net/server.hpp"

static int healthcheck(const sidecar::config::AdminConfig& admin) {
  const std::string why = sidecar::net::ask_whether_ready(admin);
  if (why.empty()) return sidecar::cli::kExitClean;
  std::fprintf(stderr, "sse-sidecar: %s\n", why.c_str());
  return sidecar::cli::kExitUnhealthy;
}

int main(int argc, char** argv) {
  using sidecar::cli::Invocation;
  const auto read_everything = [&] { return sidecar::cli::parse(argc, argv, sidecar::cli::process_environment()); };
  const auto reload = [&] {
    Invocation again = read_everything();
    if (again.action == Invocation::Action::run) return sidecar::net::Reloaded{std::move(again.config), {}};
    return sidecar::net::Reloaded{std::nullopt, std::move(again.err)};
  };
  Invocation invocation = read_everything();
  std::fputs(invocation.out.c_str(), stdout);
  std::fputs(invocation.err.c_str(), stderr);
  try {
    if (invocation.action == Invocation::Action::healthcheck) return healthcheck(invocation.config.admin);
    if (invocation.action != Invocation::Action::run) return invocation.exit_code;
    return sidecar::net::run_server(std::move(invocation.config), reload);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sse-sidecar: %s\n", error.what());
    return 1;
  }
}
