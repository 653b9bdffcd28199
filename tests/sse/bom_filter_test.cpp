#include "sse/bom_filter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/sse/splits.hpp"
#include "tests/support/whatwg_parser.hpp"

namespace sidecar::sse {
namespace {

std::string passed_by(BomFilter& filter, const std::vector<std::string_view>& reads) {
  std::string out;
  for (const std::string_view read : reads) {
    const BomFilter::Passed passed = filter.filter(read);
    out.append(passed.held).append(passed.rest);
  }
  return out.append(filter.finish());
}

struct Case {
  const char* name;
  std::string_view bytes;
  std::string_view behind_an_insertion;
};

constexpr Case kCases[] = {
    {"nothing", "", ""},
    {"no BOM", "data: x\n\n", "data: x\n\n"},
    {"BOM alone", "\xEF\xBB\xBF", ""},
    {"BOM and an event",
     "\xEF\xBB\xBF"
     "data: x\n\n",
     "data: x\n\n"},
    {"only the first",
     "\xEF\xBB\xBF\xEF\xBB\xBF"
     "data",
     "\xEF\xBB\xBF"
     "data"},
    {"one byte of it", "\xEF", "\xEF"},
    {"two bytes of it", "\xEF\xBB", "\xEF\xBB"},
    {"one byte, then something else",
     "\xEF"
     "data",
     "\xEF"
     "data"},
    {"two bytes, then something else", "\xEF\xBB\n", "\xEF\xBB\n"},
    {"first byte twice", "\xEF\xEF\xBB\xBF", "\xEF\xEF\xBB\xBF"},
    {"second byte twice", "\xEF\xBB\xBB\xBF", "\xEF\xBB\xBB\xBF"},
    {"behind a line", "\n\xEF\xBB\xBF", "\n\xEF\xBB\xBF"},
};

TEST(BomFilter, DropsABomBehindAnInsertion) {
  for (const Case& c : kCases) {
    for (const test::Split& split : test::splits_of(c.bytes)) {
      BomFilter filter;
      filter.on_insertion();
      EXPECT_EQ(passed_by(filter, split.reads), c.behind_an_insertion) << c.name << ", " << split.name;
    }
  }
}

TEST(BomFilter, PassesEverythingWhenNothingWasSentFirst) {
  for (const Case& c : kCases) {
    for (const test::Split& split : test::splits_of(c.bytes)) {
      BomFilter filter;
      EXPECT_EQ(passed_by(filter, split.reads), c.bytes) << c.name << ", " << split.name;
    }
  }
}

TEST(BomFilter, IgnoresInsertionsBehindTheFirstByte) {
  for (const std::string_view first : {"\xEF\xBB\xBF", "\n"}) {
    BomFilter filter;
    EXPECT_EQ(filter.filter(first).rest, first);
    filter.on_insertion();
    EXPECT_EQ(filter.filter("\xEF\xBB\xBF").rest, "\xEF\xBB\xBF") << test::escape_bytes(first);
  }
}

TEST(BomFilter, IsNotArmedAnewByMoreInsertions) {
  BomFilter filter;
  filter.on_insertion();
  filter.on_insertion();
  EXPECT_EQ(filter.filter("\xEF\xBB\xBF").rest, "");
  filter.on_insertion();
  EXPECT_EQ(filter.filter("\xEF\xBB\xBF").rest, "\xEF\xBB\xBF");
}

TEST(BomFilter, AnEmptyReadIsNoFirstByte) {
  BomFilter filter;
  EXPECT_EQ(filter.filter("").rest, "");
  filter.on_insertion();
  EXPECT_EQ(filter
                .filter("\xEF\xBB\xBF"
                        "x")
                .rest,
            "x");
}

TEST(BomFilter, PassesTheBytesThemselvesAndGivesHeldOnesBackOnce) {
  BomFilter filter;
  filter.on_insertion();
  EXPECT_EQ(filter.filter("\xEF\xBB").held, "");
  const std::string_view rest = "data";
  const BomFilter::Passed passed = filter.filter(rest);
  EXPECT_EQ(passed.held, "\xEF\xBB");
  EXPECT_EQ(passed.rest.data(), rest.data());
  EXPECT_EQ(filter.finish(), "");

  BomFilter cut;
  cut.on_insertion();
  EXPECT_EQ(cut.filter("\xEF").rest, "");
  EXPECT_EQ(cut.finish(), "\xEF");
  EXPECT_EQ(cut.finish(), "");
}

}  // namespace
}  // namespace sidecar::sse
