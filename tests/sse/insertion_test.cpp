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

std::string at(const Insertion& insertion, Position position, LineEnding ending) {
  return std::string(insertion.at(position, ending));
}

TEST(Insertion, OfACommentLineHasNoBlankLineAnywhere) {
  const Insertion line = Insertion::comment_line("hb");
  EXPECT_EQ(at(line, Position::boundary, LineEnding::lf), ": hb\n");
  EXPECT_EQ(at(line, Position::boundary, LineEnding::crlf), ": hb\r\n");
  EXPECT_EQ(at(line, Position::inside_event, LineEnding::cr), ": hb\r");
  EXPECT_EQ(at(line, Position::mid_line, LineEnding::lf), "");
}

TEST(Insertion, OfAnEventIsACommentInsideAnother) {
  const Insertion event = Insertion::event("ping", "{}", "hb");
  EXPECT_EQ(at(event, Position::boundary, LineEnding::lf), "event: ping\ndata: {}\n\n");
  EXPECT_EQ(at(event, Position::boundary, LineEnding::crlf), "event: ping\r\ndata: {}\r\n\r\n");
  EXPECT_EQ(at(event, Position::boundary, LineEnding::cr), "event: ping\rdata: {}\r\r");
  EXPECT_EQ(at(event, Position::inside_event, LineEnding::crlf), ": hb\r\n");
  EXPECT_EQ(at(event, Position::mid_line, LineEnding::lf), "");
}

TEST(Insertion, OfBytesStandsAtABoundaryOnly) {
  const Insertion bytes = Insertion::bytes(":a\r\n:b\n\n");
  EXPECT_EQ(at(bytes, Position::boundary, LineEnding::lf), ":a\n:b\n\n");
  EXPECT_EQ(at(bytes, Position::boundary, LineEnding::crlf), ":a\r\n:b\r\n\r\n");
  EXPECT_EQ(at(bytes, Position::boundary, LineEnding::cr), ":a\r:b\r\r");
  EXPECT_EQ(at(bytes, Position::inside_event, LineEnding::lf), "");
  EXPECT_EQ(at(bytes, Position::mid_line, LineEnding::lf), "");
}

TEST(Insertion, OfNothingIsNothing) {
  EXPECT_EQ(at(Insertion::nothing(), Position::boundary, LineEnding::lf), "");
  EXPECT_EQ(at(Insertion::nothing(), Position::inside_event, LineEnding::lf), "");
}

TEST(Insertion, PaddingGoesIntoAComment) {
  EXPECT_EQ(at(Insertion::comment("hb", 3), Position::boundary, LineEnding::lf), ": hb   \n\n");
  EXPECT_EQ(at(Insertion::comment("", 2), Position::inside_event, LineEnding::lf), ":  \n");
  EXPECT_EQ(at(Insertion::comment_line("hb", 3), Position::boundary, LineEnding::crlf), ": hb   \r\n");
  const Insertion event = Insertion::event("ping", "{}", "hb", 3);
  EXPECT_EQ(at(event, Position::boundary, LineEnding::lf), ":   \nevent: ping\ndata: {}\n\n");
  EXPECT_EQ(at(event, Position::inside_event, LineEnding::lf), ": hb   \n");
}

TEST(Insertion, BytesMustLeaveTheStreamAsItWas) {
  for (const std::string_view good : {"\n", "\r\n", ": ping\n", ":a\n:b\n", "event: x\ndata: 1\n\n", ":a\r\n\r\n"})
    EXPECT_TRUE(may_be_inserted(good)) << good;
  for (const std::string_view bad : {std::string_view(""), std::string_view("ping"), std::string_view("data: 1\n"),
                                     std::string_view(": ping"), std::string_view("a\r\n"), std::string_view(":a\rb\n"),
                                     std::string_view("id: 1\n:c\n"), std::string_view(":\0\n", 3)})
    EXPECT_FALSE(may_be_inserted(bad)) << bad;
}

TEST(Insertion, SaysWhenToComeBack) {
  std::string out = "x";
  append_retry(std::chrono::milliseconds{1234}, true, LineEnding::lf, out);
  EXPECT_EQ(out, "xretry: 1234\n\n");
  out.clear();
  append_retry(std::chrono::milliseconds{0}, true, LineEnding::crlf, out);
  EXPECT_EQ(out, "retry: 0\r\n\r\n");
  out.clear();
  append_retry(std::chrono::milliseconds{5}, true, LineEnding::cr, out);
  EXPECT_EQ(out, "retry: 5\r\r");
  out.clear();
  append_retry(std::chrono::milliseconds{5}, false, LineEnding::crlf, out);
  EXPECT_EQ(out, "retry: 5\r\n");
}

}  // namespace
}  // namespace sidecar::sse
