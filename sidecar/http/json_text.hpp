#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text for JSON bodies and events of our own.
namespace sidecar::http {

/// Appends `text` in quotes. Nothing in it ends the string, or the line that it stands in.
void append_json_string(std::string_view text, std::string& out);

/// How many bytes at the front are whole characters of well-formed UTF-8 (Unicode 15, table 3-7).
[[nodiscard]] std::size_t utf8_prefix(std::string_view text);

}  // namespace sidecar::http
