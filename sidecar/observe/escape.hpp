#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Bytes from outside become part of a log line here and nowhere else. Whatever goes in, what is appended is valid
/// UTF-8 without control characters: a line stays one line, and a terminal that shows it obeys nobody.
namespace sidecar::observe {

/// What stands behind a value that was cut.
inline constexpr std::string_view kEllipsis = "\u2026";

/// `value` needs no escape, whatever its length.
[[nodiscard]] bool is_plain(std::string_view value);

/// Appends `value` as a JSON string with its quotes. Escaped: quotes, backslash, C0, DEL, C1, the line separators
/// and the characters that hide or reorder text. Each ill-formed UTF-8 sequence becomes `\ufffd`. At most `bytes_max`
/// bytes stand between the quotes, counted after escaping; what is longer is cut at a character and ends in kEllipsis.
void append_json_string(std::string& out, std::string_view value, std::size_t bytes_max);

/// Appends `value` as a token of a text line: as it is when it is plain, otherwise quoted and escaped as above.
void append_text_token(std::string& out, std::string_view value, std::size_t bytes_max);

}  // namespace sidecar::observe
