#include "config/reader.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "config/units.hpp"
#include "tests/config/support.hpp"

namespace sidecar::config {
namespace {

using Lines = std::vector<std::string>;

Parsed<std::string> as_is(std::string_view text) {
  return std::string(text);
}

Parsed<std::size_t> number(std::string_view text) {
  return parse_count(text, {0, 100});
}

/// Reads `text` with `body` and returns the problems.
Lines read(std::string_view text, const Section::Body& body, Variables variables = {}) {
  Report report("f");
  const EnvironmentLookup environment = environment_of(std::move(variables));
  ReaderContext context{report, environment};
  const YamlResult yaml = parse_yaml("f", text);
  EXPECT_TRUE(yaml.root);
  Section::read(context, &*yaml.root, {}, body);
  Lines lines;
  for (const Problem& problem : report.take()) lines.push_back(to_string(problem));
  return lines;
}

TEST(Reader, Values) {
  std::size_t given = 1;
  std::size_t absent = 2;
  EXPECT_EQ(read("a: 7\n",
                 [&](Section& top) {
                   top.value("a", given, number);
                   top.value("b", absent, number);
                 }),
            Lines{});
  EXPECT_EQ(given, 7U);
  EXPECT_EQ(absent, 2U);
}

TEST(Reader, ValueProblems) {
  const auto problems = [](std::string_view text) {
    std::size_t out = 1;
    const Lines lines = read(text, [&](Section& top) { top.value("a", out, number); });
    EXPECT_EQ(out, 1U) << text;
    return lines;
  };
  EXPECT_EQ(problems("a: x\n"), Lines{"f:1:4: a: 'x' is not a whole number"});
  EXPECT_EQ(problems("a: null\n"), Lines{"f:1:4: a: must not be null"});
  EXPECT_EQ(problems("a: [1]\n"), Lines{"f:1:4: a: must be a single value, not a list"});
  EXPECT_EQ(problems("a: {b: 1}\n"), Lines{"f:1:4: a: must be a single value, not a mapping"});
  EXPECT_EQ(problems("a:\n"),
            Lines{"f:1:1: a: has no value (remove the key to get the default, write null to mean none)"});
}

TEST(Reader, Switchable) {
  const auto value = [](std::string_view text, Variables variables = {}) {
    std::optional<std::size_t> out = 1;
    EXPECT_EQ(read(
                  text, [&](Section& top) { top.switchable("a", out, number); }, std::move(variables)),
              Lines{});
    return out;
  };
  EXPECT_EQ(value("a: 5\n"), 5U);
  EXPECT_EQ(value("a: off\n"), std::nullopt);
  EXPECT_EQ(value("a: \"off\"\n"), std::nullopt);
  EXPECT_EQ(value("a: null\n"), std::nullopt);
  EXPECT_EQ(value("a: ~\n"), std::nullopt);
  EXPECT_EQ(value("a: \"${X}\"\n", {{"X", "null"}}), std::nullopt);
  EXPECT_EQ(value("a: ${X:-off}\n"), std::nullopt);
  EXPECT_EQ(value("a: ${X}\n", {{"X", "9"}}), 9U);
}

TEST(Reader, UnknownAndDuplicateKeys) {
  std::size_t out = 0;
  const auto body = [&](Section& top) {
    top.section("limits", [&](Section& limits) {
      limits.value("head_bytes", out, number);
      limits.value("head_fields", out, number);
    });
  };
  EXPECT_EQ(read("limits:\n  head_byte: 1\n  zzz: 1\n  head_fields: 1\n  head_fields: 2\nlimit: 1\n", body),
            (Lines{"f:2:3: limits: unknown key 'head_byte' (did you mean 'head_bytes'?)",
                   "f:3:3: limits: unknown key 'zzz' (known here: head_bytes and head_fields)",
                   "f:5:3: limits: duplicate key 'head_fields' (first in line 4)",
                   "f:6:1: unknown key 'limit' (did you mean 'limits'?)"}));
  EXPECT_EQ(out, 1U);
}

TEST(Reader, SectionsOfTheWrongKind) {
  const auto body = [](Section& top) {
    top.section("a", [](Section&) {});
    top.sections("b", [](Section&, std::size_t) {});
    top.named_sections("c", [](Section&, const std::string&) {});
    top.section_or_off(
        "d", [] {}, [](Section&) {});
  };
  EXPECT_EQ(
      read("a: 1\nb: {}\nc: []\nd: on\n", body),
      (Lines{"f:1:4: a: must be a mapping of keys to values, not a single value",
             "f:2:4: b: must be a list, not a mapping", "f:3:4: c: must be a mapping of keys to values, not a list",
             "f:4:4: d: 'on' is neither a mapping nor off"}));
  EXPECT_EQ(read("b:\n  - 1\nd: [1]\n", body),
            (Lines{"f:2:5: b[0]: must be a mapping of keys to values, not a single value",
                   "f:3:4: d: must be a mapping, or off, not a list"}));
  EXPECT_EQ(read("a:\nb: null\nc:\n", body), Lines{});
  EXPECT_EQ(read("- a\n", body), Lines{"f:1:1: must be a mapping of keys to values, not a list"});
}

TEST(Reader, SectionOrOff) {
  const auto was_switched_off = [](std::string_view text) {
    bool off = false;
    EXPECT_EQ(read(text,
                   [&](Section& top) {
                     top.section_or_off(
                         "a", [&] { off = true; }, [](Section&) {});
                   }),
              Lines{});
    return off;
  };
  EXPECT_TRUE(was_switched_off("a: off\n"));
  EXPECT_TRUE(was_switched_off("a: null\n"));
  EXPECT_FALSE(was_switched_off("a: {}\n"));
  EXPECT_FALSE(was_switched_off("{}\n"));
}

TEST(Reader, SectionWithNothingBelowItIsNotTakenForOff) {
  bool off = false;
  const Lines problems = read("a:\n#  interval: 15s\n", [&](Section& top) {
    top.section_or_off(
        "a", [&] { off = true; }, [](Section&) {});
  });
  EXPECT_EQ(problems.size(), 1U);
  EXPECT_FALSE(off);
}

TEST(Reader, Lists) {
  std::vector<std::string> words{"default"};
  std::vector<std::string> untouched{"default"};
  EXPECT_EQ(read("a: [x, 'y z']\n",
                 [&](Section& top) {
                   top.values("a", words, as_is);
                   top.values("b", untouched, as_is);
                 }),
            Lines{});
  EXPECT_EQ(words, (Lines{"x", "y z"}));
  EXPECT_EQ(untouched, Lines{"default"});
  EXPECT_EQ(read("a: []\n", [&](Section& top) { top.values("a", words, as_is); }), Lines{});
  EXPECT_EQ(words, Lines{});
}

TEST(Reader, ListElementThatFailsKeepsTheOthersInTheirPlaces) {
  std::vector<std::size_t> numbers;
  EXPECT_EQ(
      read("a:\n  - 1\n  - x\n  - null\n  - [2]\n  - 5\n", [&](Section& top) { top.values("a", numbers, number); }),
      (Lines{"f:3:5: a[1]: 'x' is not a whole number", "f:4:5: a[2]: must not be null",
             "f:5:5: a[3]: must be a single value, not a list"}));
  EXPECT_EQ(numbers, (std::vector<std::size_t>{1, 0, 0, 0, 5}));
  EXPECT_EQ(read("a: x\n", [&](Section& top) { top.values("a", numbers, number); }),
            Lines{"f:1:4: a: must be a list, not a single value (write [...])"});
}

TEST(Reader, Pairs) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto body = [&](Section& top) { top.pairs("a", pairs); };
  EXPECT_EQ(read("a: {X-B: 1, X-A: '${V}', X-C: ''}\n", body, {{"V", "v"}}), Lines{});
  EXPECT_EQ(pairs, (std::vector<std::pair<std::string, std::string>>{{"X-B", "1"}, {"X-A", "v"}, {"X-C", ""}}));
  EXPECT_EQ(read("a:\n  X: 1\n  X: 2\n  Y: null\n  Z: [1]\n", body),
            (Lines{"f:3:3: a: duplicate key 'X' (first in line 2)", "f:4:6: a.Y: must not be null",
                   "f:5:6: a.Z: must be a single value, not a list"}));
}

TEST(Reader, ExpansionProblemsStandAtTheirValue) {
  std::size_t out = 0;
  EXPECT_EQ(read("a: ${NONE}\n", [&](Section& top) { top.value("a", out, number); }),
            Lines{"f:1:4: a: the environment variable NONE is not set (${NONE:-default} would give it a default)"});
}

TEST(Reader, DescribesWhatItAsksFor) {
  Report report("");
  const EnvironmentLookup environment = environment_of({});
  std::set<std::string> asked;
  ReaderContext context{report, environment, &asked};
  std::size_t out = 0;
  Section::read(context, nullptr, {}, [&](Section& top) {
    top.sections("list", [&](Section& element, std::size_t) { element.value("a", out, number); });
    top.named_sections("names", [&](Section& element, const std::string&) { element.value("b", out, number); });
  });
  EXPECT_EQ(asked, (std::set<std::string>{"list", "list[].a", "names", "names.NAME.b"}));
}

}  // namespace
}  // namespace sidecar::config
