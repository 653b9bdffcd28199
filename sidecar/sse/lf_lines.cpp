#include "sse/lf_lines.hpp"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <array>
#include <bit>
#include <cstddef>

namespace sidecar::sse {
namespace {

const char* leave_lf_lines(const char* next, const char* /*end*/, Blocks& /*blocks*/) noexcept {
  return next;
}

#ifdef __x86_64__

constexpr std::ptrdiff_t kWord = 64;

/// The lines that end in 64 bytes at `begin`, a bit of `lfs` for each.
[[gnu::always_inline]] inline const char* end_lines(const char* next, const char* begin, std::uint64_t lfs,
                                                    Blocks& blocks) noexcept {
  for (; lfs != 0; lfs &= lfs - 1) {
    const char* const lf = begin + std::countr_zero(lfs);
    blocks.end_line({next, static_cast<std::size_t>(lf - next)});
    next = lf + 1;
  }
  return next;
}

[[gnu::target("avx2,bmi")]] const char* walk_lf_lines_avx2(const char* next, const char* end, Blocks& state) noexcept {
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i cr = _mm256_set1_epi8('\r');
  Blocks blocks = state;  // In registers.
  for (const char* begin = next; end - begin >= kWord; begin += kWord) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(begin));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(begin + sizeof low));
    const __m256i crs = _mm256_or_si256(_mm256_cmpeq_epi8(low, cr), _mm256_cmpeq_epi8(high, cr));
    if (_mm256_testz_si256(crs, crs) == 0) break;
    const auto low_lfs = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, lf)));
    const auto high_lfs = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, lf)));
    next = end_lines(next, begin, std::uint64_t{high_lfs} << 32U | low_lfs, blocks);
  }
  state = blocks;
  return next;
}

/// The last bytes too.
[[gnu::target("avx512bw,bmi")]] const char* walk_lf_lines_avx512(const char* next, const char* end,
                                                                 Blocks& state) noexcept {
  const __m512i lf = _mm512_set1_epi8('\n');
  const __m512i cr = _mm512_set1_epi8('\r');
  Blocks blocks = state;
  for (const char* begin = next; begin < end; begin += kWord) {
    const bool whole = end - begin >= kWord;
    const __m512i word =
        whole ? _mm512_loadu_si512(begin) : _mm512_maskz_loadu_epi8((std::uint64_t{1} << (end - begin)) - 1, begin);
    if (_mm512_cmpeq_epi8_mask(word, cr) != 0) break;
    next = end_lines(next, begin, _mm512_cmpeq_epi8_mask(word, lf), blocks);
    if (!whole) break;
  }
  state = blocks;
  return next;
}

constexpr std::array<WalkLfLines, 3> kWalks = {walk_lf_lines_avx512, walk_lf_lines_avx2, leave_lf_lines};

std::size_t first_possible() noexcept {
  if (__builtin_cpu_supports("bmi") == 0) return 2;
  if (__builtin_cpu_supports("avx512bw") != 0) return 0;
  return __builtin_cpu_supports("avx2") != 0 ? 1 : 2;
}

#else

constexpr std::array<WalkLfLines, 1> kWalks = {leave_lf_lines};

std::size_t first_possible() noexcept {
  return 0;
}

#endif

}  // namespace

const WalkLfLines walk_lf_lines = all_lf_line_walks().front();

std::span<const WalkLfLines> all_lf_line_walks() noexcept {
  return std::span(kWalks).subspan(first_possible());
}

}  // namespace sidecar::sse
