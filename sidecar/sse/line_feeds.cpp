#include "sse/line_feeds.hpp"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>

namespace sidecar::sse {

bool find_line_feeds_anywhere(const char* bytes, std::span<std::uint64_t> masks) noexcept {
  const std::size_t size = masks.size() * kLineFeedBlock;
  if (std::memchr(bytes, '\r', size) != nullptr) return false;
  std::ranges::fill(masks, 0);
  for (std::size_t at = 0; at < size; ++at) {
    const void* const lf = std::memchr(bytes + at, '\n', size - at);
    if (lf == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const char*>(lf) - bytes);
    masks[at / kLineFeedBlock] |= std::uint64_t{1} << (at % kLineFeedBlock);
  }
  return true;
}

#ifdef __x86_64__

namespace {

/// One pass instead of a call for each line.
[[gnu::target("avx2")]] bool find_line_feeds_avx2(const char* bytes, std::span<std::uint64_t> masks) noexcept {
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i cr = _mm256_set1_epi8('\r');
  __m256i crs = _mm256_setzero_si256();
  for (std::uint64_t& mask : masks) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + sizeof low));
    crs = _mm256_or_si256(crs, _mm256_or_si256(_mm256_cmpeq_epi8(low, cr), _mm256_cmpeq_epi8(high, cr)));
    const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, lf)));
    const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, lf)));
    mask = std::uint64_t{high_bits} << 32U | low_bits;
    bytes += kLineFeedBlock;
  }
  return _mm256_testz_si256(crs, crs) != 0;
}

}  // namespace

const FindLineFeeds find_line_feeds =
    __builtin_cpu_supports("avx2") != 0 ? find_line_feeds_avx2 : find_line_feeds_anywhere;

#else

const FindLineFeeds find_line_feeds = find_line_feeds_anywhere;

#endif

}  // namespace sidecar::sse
