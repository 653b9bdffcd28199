#pragma once

#include <string>
#include <vector>

namespace sidecar::config {

/// One thing that is wrong with a configuration, told in one line.
struct Problem {
  std::string source;   ///< File, option or environment variable; empty: the whole of them.
  int line = 0;         ///< From 1; 0: the source has no lines.
  int column = 0;       ///< From 1, in bytes.
  std::string message;  ///< Begins with the path of the key where there is one. Never contains a line break.

  bool operator==(const Problem&) const = default;
};

using Problems = std::vector<Problem>;

/// `FILE:LINE:COLUMN: message`, `--option: message`.
[[nodiscard]] std::string to_string(const Problem& problem);

}  // namespace sidecar::config
