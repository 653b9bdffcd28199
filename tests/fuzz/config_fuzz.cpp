#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/load.hpp"
#include "config/print.hpp"
#include "config/words.hpp"

namespace config = sidecar::config;

/// Any bytes are a configuration or a list of problems of one line each; a configuration survives being printed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const config::EnvironmentLookup environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "X") return "x";
    return std::nullopt;
  };
  const auto failed = [](const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::abort();
  };
  const config::LoadResult result =
      config::load(config::FileText{"f", std::string(reinterpret_cast<const char*>(data), size)}, {}, environment);
  if (result.config.has_value() != result.problems.empty()) failed("neither a configuration nor a problem");
  for (const config::Problem& problem : result.problems) {
    const std::string line = config::to_string(problem);
    if (config::has_control(line)) failed("more than one line, or what a terminal obeys: " + line);
  }
  if (!result.config) return 0;
  const std::string printed = config::print(*result.config);
  const config::LoadResult again = config::load(config::FileText{"printed", printed}, {}, environment);
  if (!again.config) failed("cannot be read back: " + config::to_string(again.problems.front()) + "\n" + printed);
  if (config::print(*again.config) != printed) failed("printed differently:\n" + printed);
  return 0;
}
