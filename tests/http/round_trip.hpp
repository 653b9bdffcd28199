#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// What must hold for any bytes that a client or a backend sends, for the property test and the fuzz targets:
///
///   1. However the bytes are cut into reads, the same is understood.
///   2. What is understood has one reading: no control characters, one framing, one Host.
///   3. Encoded for the other side and read there, it is the same message; and one that broke off never looks whole,
///      unless only the end of the connection could tell.
namespace sidecar::test {

/// Empty, or what does not hold. What is not in the bytes, as limits and cuts, is random from `seed`.
[[nodiscard]] std::string check_requests(std::string_view bytes, std::uint64_t seed);
[[nodiscard]] std::string check_response(std::string_view bytes, std::uint64_t seed);

}  // namespace sidecar::test
