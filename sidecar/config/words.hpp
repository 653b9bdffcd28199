#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Words for people: how a value is shown in a problem, and which name somebody may have meant.
namespace sidecar::config {

/// `text` with control characters and what is not UTF-8 escaped: it stays one line that a terminal can show.
[[nodiscard]] std::string escaped(std::string_view text);

/// `'text'`, escaped, and shortened when long.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// `a, b and c`; `last` joins the last two.
[[nodiscard]] std::string joined(const std::vector<std::string_view>& words, std::string_view last);

/// Insertions, deletions, replacements and swaps of neighbours between two words.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

/// The candidate nearest to `word`; empty when none is near enough to be meant.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

/// ` (did you mean 'x'?)`, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] bool has_control(std::string_view text);  ///< C0 (a tab too) or DEL.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace sidecar::config
