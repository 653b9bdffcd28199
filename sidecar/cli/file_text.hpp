#pragma once

#include <string>
#include <variant>

#include "config/load.hpp"

namespace sidecar::cli {

/// The text of a configuration file, or why it cannot be had. No more is read than a configuration may hold.
[[nodiscard]] std::variant<config::FileText, config::Problem> read_file(const std::string& path);

}  // namespace sidecar::cli
