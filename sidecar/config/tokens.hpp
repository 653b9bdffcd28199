#pragma once

#include <string>
#include <string_view>

#include "config/parsed.hpp"

/// The small grammars of HTTP and of our own names.
namespace sidecar::config {

/// RFC 9110 §5.6.2.
[[nodiscard]] bool is_token(std::string_view text);

/// Printable, no blank at either end; tabs and bytes above ASCII may stand inside (RFC 9110 §5.5).
[[nodiscard]] bool is_field_value(std::string_view text);

/// A method in its own spelling: methods are case-sensitive.
[[nodiscard]] Parsed<std::string> parse_method(std::string_view text);

/// `/api/*/stream`, `/files/**`: `*` and `**` stand for whole segments.
[[nodiscard]] Parsed<std::string> parse_path_pattern(std::string_view text);

/// The name of a request or response field.
[[nodiscard]] Parsed<std::string> parse_field_name(std::string_view text);

/// The name of an upstream: letters, digits, `.`, `-`, `_`. It stands in metrics, logs and error bodies.
[[nodiscard]] Parsed<std::string> parse_upstream_name(std::string_view text);

/// The name of a route: anything printable.
[[nodiscard]] Parsed<std::string> parse_route_name(std::string_view text);

/// The path of a file: printable. Whether it is there is not looked at.
[[nodiscard]] Parsed<std::string> parse_file_path(std::string_view text);

/// The name of a query parameter.
[[nodiscard]] Parsed<std::string> parse_query_name(std::string_view text);

}  // namespace sidecar::config
