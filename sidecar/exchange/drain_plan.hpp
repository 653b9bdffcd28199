#pragma once

#include <random>

#include "exchange/clock.hpp"
#include "exchange/policy.hpp"

namespace sidecar::exchange {

/// Chance on the pure shore: seeded by the shell.
using Random = std::minstd_rand;

[[nodiscard]] inline Milliseconds between(Milliseconds least, Milliseconds most, Random& random) {
  return Milliseconds{std::uniform_int_distribution<Milliseconds::rep>(least.count(), most.count())(random)};
}

/// A drain that has begun.
struct DrainPlan {
  TimePoint streams_end_by;  ///< Planned ends are spread from now to here.
  Milliseconds retry_min;
  Milliseconds retry_max;
};

}  // namespace sidecar::exchange
