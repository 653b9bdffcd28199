#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The rules of the house that concern one file at a time, and the few that concern the tree.
/// Paths are relative to the repository and use slashes.
namespace sidecar::tidy {

struct Finding {
  std::string path;
  std::size_t line = 0;  ///< 0: the file as a whole.
  std::string what;
};

[[nodiscard]] bool is_cpp(std::string_view path);

/// Tabs, carriage returns, trailing blanks, a missing last line end.
[[nodiscard]] std::vector<Finding> check_whitespace(std::string_view path, std::string_view text);

/// C++ and Python below sidecar/, tests/ and benchmarks/: under 500 lines, functions under 70, lines of at most 120
/// columns.
[[nodiscard]] std::vector<Finding> check_lengths(std::string_view path, std::string_view text);

/// Words that have a better alternative here.
[[nodiscard]] std::vector<Finding> check_words(std::string_view path, std::string_view text);

/// A header is included once; a thing left to do says what.
[[nodiscard]] std::vector<Finding> check_headers_and_todos(std::string_view path, std::string_view text);

/// A file that starts with #! can be executed.
[[nodiscard]] std::vector<Finding> check_executable(std::string_view path, std::string_view text, bool executable);

[[nodiscard]] std::vector<Finding> check_size(std::string_view path, std::size_t bytes);

/// The form of Keep a Changelog: a title, Unreleased first, versions with a date, newest first, known headings.
[[nodiscard]] std::vector<Finding> check_changelog(std::string_view path, std::string_view text);

/// Each source of the pure shore has its test at the mirrored place.
[[nodiscard]] std::vector<Finding> check_mirror(const std::set<std::string>& paths);

}  // namespace sidecar::tidy
