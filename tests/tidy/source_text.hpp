#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// What the checks need to know about C++ text, by heuristics that hold for clang-format's output.
namespace sidecar::tidy {

[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);

/// The text with comments and the insides of string and character literals turned into spaces; line ends stay where
/// they are, so that line numbers still mean the same.
[[nodiscard]] std::string code_only(std::string_view text);

struct FunctionBody {
  std::size_t line = 0;   ///< Of the opening brace, counted from 1.
  std::size_t lines = 0;  ///< From the opening to the closing brace, both included.
};

/// The bodies of functions (and of lambdas at namespace scope); what lies inside one belongs to it.
[[nodiscard]] std::vector<FunctionBody> function_bodies(std::string_view text);

}  // namespace sidecar::tidy
