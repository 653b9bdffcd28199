#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"

namespace sidecar::config {

/// The configuration as a file that load() reads back as the very same one, every default spelled out.
[[nodiscard]] std::string print(const Config& config);

/// `text` as a YAML scalar: bare where that is safe, otherwise in double quotes.
[[nodiscard]] std::string yaml_scalar(std::string_view text);

}  // namespace sidecar::config
