#include "sse/insertion.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sidecar::sse {
namespace {

TEST(Insertion, HasABlankLineAtABoundaryOnly) {
  const Insertion comment = Insertion::comment("heartbeat");
  struct Case {
    LineEnding ending;
    std::string_view at_boundary;
    std::string_view inside_event;
  };
  const Case cases[] = {
      {LineEnding::lf, ": heartbeat\n\n", ": heartbeat\n"},
      {LineEnding::crlf, ": heartbeat\r\n\r\n", ": heartbeat\r\n"},
      {LineEnding::cr, ": heartbeat\r\r", ": heartbeat\r"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(comment.at(Position::boundary, c.ending), c.at_boundary);
    EXPECT_EQ(comment.at(Position::inside_event, c.ending), c.inside_event);
    EXPECT_EQ(comment.at(Position::mid_line, c.ending), "");
  }
}

TEST(Insertion, TakesTheTextAsItIs) {
  EXPECT_EQ(Insertion::comment("a: b  ").at(Position::inside_event, LineEnding::lf), ": a: b  \n");
  EXPECT_EQ(Insertion::comment("\xC3\xA9").at(Position::inside_event, LineEnding::lf), ": \xC3\xA9\n");
}

TEST(Insertion, OfAnEmptyTextIsABareColon) {
  EXPECT_EQ(Insertion::comment("").at(Position::inside_event, LineEnding::lf), ":\n");
  EXPECT_EQ(Insertion::comment("").at(Position::boundary, LineEnding::crlf), ":\r\n\r\n");
}

/// A heartbeat is a pointer to bytes that are there already.
TEST(Insertion, GivesTheSameBytesEveryTime) {
  const Insertion comment = Insertion::comment("heartbeat");
  EXPECT_EQ(comment.at(Position::boundary, LineEnding::lf).data(),
            comment.at(Position::boundary, LineEnding::lf).data());
}

#ifndef NDEBUG
TEST(InsertionDeathTest, RefusesATextThatIsNoLine) {
  EXPECT_DEATH((void)Insertion::comment("a\nb"), "");
  EXPECT_DEATH((void)Insertion::comment("a\rb"), "");
  EXPECT_DEATH((void)Insertion::comment(std::string_view("a\0b", 3)), "");
}
#endif

TEST(Insertion, SaysWhenToComeBack) {
  std::string out = "x";
  append_retry(std::chrono::milliseconds{1234}, LineEnding::lf, out);
  EXPECT_EQ(out, "xretry: 1234\n\n");
  out.clear();
  append_retry(std::chrono::milliseconds{0}, LineEnding::crlf, out);
  EXPECT_EQ(out, "retry: 0\r\n\r\n");
  out.clear();
  append_retry(std::chrono::milliseconds{5}, LineEnding::cr, out);
  EXPECT_EQ(out, "retry: 5\r\r");
}

}  // namespace
}  // namespace sidecar::sse
