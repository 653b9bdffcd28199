#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/parsed.hpp"

namespace sidecar::config {

/// The value of an environment variable; nullopt: not set.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view name)>;

struct Expanded {
  std::string text;
  bool changed = false;  ///< At least one variable was expanded.
};

/// Replaces `${NAME}` and `${NAME:-default}` (the default stands for a variable that is unset or empty). `$${` is a
/// literal `${`; any other `$` stands for itself. What a variable holds is not expanded again.
[[nodiscard]] Parsed<Expanded> expand(std::string_view text, const EnvironmentLookup& environment);

/// The text that expand() turns into `text`.
[[nodiscard]] std::string escape_expansion(std::string_view text);

}  // namespace sidecar::config
