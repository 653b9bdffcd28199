// Who gets a connection that somebody has accepted.
#include "net/crew.hpp"

#include <gtest/gtest.h>

namespace sidecar::net {
namespace {

void enter(Crew& crew, std::size_t place, int times) {
  for (int i = 0; i < times; ++i) crew.enter(place);
}

TEST(Crew, WhoAcceptedKeepsWhatIsAboutEqual) {
  Crew crew(3);
  EXPECT_EQ(crew.choose(1), 1U);
  crew.enter(1);
  EXPECT_EQ(crew.choose(1), 1U);
  crew.enter(1);
  EXPECT_EQ(crew.choose(1), 0U);
  EXPECT_EQ(crew.choose(2), 2U);
}

TEST(Crew, PassesOnToWhoHasTheFewest) {
  Crew crew(3);
  enter(crew, 0, 10);
  enter(crew, 1, 4);
  enter(crew, 2, 7);
  EXPECT_EQ(crew.choose(0), 1U);
  EXPECT_EQ(crew.choose(2), 1U);
  EXPECT_EQ(crew.choose(1), 1U);
  for (int i = 0; i < 4; ++i) crew.leave(0);
  EXPECT_EQ(crew.choose(0), 1U);
  crew.leave(0);
  EXPECT_EQ(crew.choose(0), 0U);  // 5 and 4: about equal.
}

TEST(Crew, AmongThousandsAboutEqualIsThreePercent) {
  Crew crew(2);
  enter(crew, 0, 3'200);
  enter(crew, 1, 3'301);
  EXPECT_EQ(crew.choose(1), 1U);
  crew.enter(1);
  EXPECT_EQ(crew.choose(1), 0U);
}

TEST(Crew, InTheEndEachKeepsWhatItAccepts) {
  Crew crew(2);
  enter(crew, 0, 10);
  EXPECT_EQ(crew.choose(0), 1U);
  crew.part();
  EXPECT_EQ(crew.choose(0), 0U);
}

}  // namespace
}  // namespace sidecar::net
