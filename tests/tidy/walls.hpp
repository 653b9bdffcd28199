#pragma once

#include <string_view>
#include <vector>

#include "tests/tidy/checks.hpp"

/// Who may know whom. The same table judges the includes and the link lines of the CMake targets.
namespace sidecar::tidy {

/// `sidecar/http/x.cpp` → `http`; `sidecar/main.cpp` → `main`; outside sidecar/ → empty.
[[nodiscard]] std::string_view folder_of(std::string_view path);

/// Includes that cross a wall, and calls of a clock on the pure shore.
[[nodiscard]] std::vector<Finding> check_walls(std::string_view path, std::string_view text);

/// Libraries that a folder's CMakeLists.txt links across a wall.
[[nodiscard]] std::vector<Finding> check_link_lines(std::string_view path, std::string_view text);

}  // namespace sidecar::tidy
