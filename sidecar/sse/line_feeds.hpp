#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sidecar::sse {

/// Finds the LFs of `masks.size()` whole blocks at `bytes`: a word for each block, a bit for each byte of it, the
/// lowest for the first. False: there is a CR among them, and the masks say nothing.
using FindLineFeeds = bool (*)(const char* bytes, std::span<std::uint64_t> masks) noexcept;

/// Bytes of a block.
inline constexpr std::size_t kLineFeedBlock = 64;

/// The fastest one that this processor can run.
extern const FindLineFeeds find_line_feeds;

/// The one that every processor can.
bool find_line_feeds_anywhere(const char* bytes, std::span<std::uint64_t> masks) noexcept;

}  // namespace sidecar::sse
