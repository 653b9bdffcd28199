#pragma once

#include <string>
#include <string_view>

/// What must hold for any first bytes of a connection, for the property test and the fuzz target:
///
///   1. However the bytes are cut into reads, the same is understood, at the same byte: a header with its last byte, an
///      error with the first one that no header could have there and never again anything else.
///   2. No more than kProxyHeaderBytesMax bytes ever wait (107 for a line).
///   3. A line that was understood is what the specification writes down, and its source is its second word.
namespace sidecar::test {

/// Empty, or what does not hold.
[[nodiscard]] std::string check_proxy_header(std::string_view bytes);

}  // namespace sidecar::test
