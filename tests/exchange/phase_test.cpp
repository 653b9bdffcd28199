#include "exchange/phase.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sidecar::exchange {
namespace {

constexpr int kPhases = static_cast<int>(Phase::done) + 1;

/// Row: from; column: to. The order is that of the enumeration.
constexpr const char* kTable[kPhases] = {
    // icapehrstcd
    ".x.......x.",  // idle
    "..xx.x...x.",  // connecting
    ".x.xxxxxxx.",  // awaiting
    ".x...x...x.",  // pausing
    ".....x...x.",  // explaining
    ".........x.",  // holding
    ".........x.",  // responding
    ".........x.",  // streaming
    ".........x.",  // tunnel
    "..........x",  // closing
    "x..........",  // done
};

TEST(Phase, EveryPair) {
  for (int from = 0; from < kPhases; ++from) {
    for (int to = 0; to < kPhases; ++to) {
      EXPECT_EQ(may_follow(static_cast<Phase>(from), static_cast<Phase>(to)), kTable[from][to] == 'x')
          << to_string(static_cast<Phase>(from)) << " to " << to_string(static_cast<Phase>(to));
    }
  }
}

TEST(Phase, EachHasAName) {
  std::set<std::string_view> names;
  for (int i = 0; i < kPhases; ++i) names.insert(to_string(static_cast<Phase>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kPhases));
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace sidecar::exchange
