#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "config/units.hpp"
#include "config/yaml_tree.hpp"

namespace sidecar::config {

using Variables = std::map<std::string, std::string, std::less<>>;

/// A lookup in `variables` instead of in the process.
EnvironmentLookup environment_of(Variables variables);

/// load() of a file `f.yaml` with `text`.
LoadResult load_text(std::string_view text, const Overrides& overrides = {}, Variables variables = {});

/// The configuration; a test failure and a default one where there are problems.
Config config_of(std::string_view text, const Overrides& overrides = {}, Variables variables = {});

/// The problems as lines.
std::vector<std::string> problems_of(std::string_view text, const Overrides& overrides = {}, Variables variables = {});

/// The whole text of a file of the source tree.
std::string source_file(const std::string& path);

/// The paths of all keys of a file, the way known_keys() writes them.
std::vector<std::string> keys_of(std::string_view text);

/// Everything of a configuration as one text, independently of print().
std::string described(const Config& config);

}  // namespace sidecar::config
