#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// Random event streams for property tests, the same for the same seed on every machine.
namespace sidecar::test {

/// SplitMix64: small, fast, and free of the standard library's freedom in its distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  /// Evenly from 0 to limit - 1, for small limits; 0 when limit is 0.
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(next() % limit); }

  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// Mostly sensible events, with everything in between that a backend could get wrong: fields that are nearly fields,
/// NUL in ids, all line endings and mixtures of them, a BOM, a broken BOM, a BOM in the middle, broken UTF-8, and an
/// end anywhere.
[[nodiscard]] std::string random_stream(std::uint64_t seed);

}  // namespace sidecar::test
