#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/sse/law1.hpp"
#include "tests/support/random_stream.hpp"
#include "tests/support/whatwg_parser.hpp"

namespace sidecar::test {
namespace {

constexpr std::uint64_t kCases = 400'000;
constexpr std::uint64_t kDefaultSeed = 20'260'101;
constexpr int kFailuresMax = 5;

/// SIDECAR_SEED=n runs the cases n, n + 1, …: a failing case is named by its own seed and is then the first.
std::uint64_t seed_base() {
  const char* text = std::getenv("SIDECAR_SEED");
  return text == nullptr ? kDefaultSeed : std::strtoull(text, nullptr, 10);
}

TEST(Law1, HoldsForRandomStreamsSplitsAndPauses) {
  Law1Counts counts;
  int failures = 0;
  for (std::uint64_t i = 0; i < kCases && failures < kFailuresMax; ++i) {
    const std::uint64_t seed = seed_base() + i;
    Law1Case test_case{random_stream(seed), {}, static_cast<Law1Form>(seed % kLaw1Forms)};
    test_case.steps = random_steps(test_case.stream.size(), ~seed);
    const std::string failure = check_law1(test_case, counts);
    if (failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << "run again with SIDECAR_SEED=" << seed << "\n" << failure;
  }

  // The laws are easily kept by doing nothing. Everything that can happen must have happened often.
  for (const std::uint64_t count : counts.at_boundary) EXPECT_GT(count, 40'000U);
  for (const std::uint64_t count : counts.inside_event) EXPECT_GT(count, 40'000U);
  EXPECT_GT(counts.refused, 10'000U);
  EXPECT_GT(counts.between_cr_and_lf, 5'000U);
  EXPECT_GT(counts.before_first_byte, 10'000U);
  EXPECT_GT(counts.boms_dropped, 1'000U);
  EXPECT_GT(counts.boms_kept, 5'000U);
  EXPECT_GT(counts.events, 100'000U);
  for (const std::uint64_t count : counts.of_form) EXPECT_GT(count, 40'000U);
  EXPECT_GT(counts.bytes_refused, 10'000U);
}

/// Every stream of up to six of these pieces, with a pause at every byte, and with one at each single place: what the
/// random streams find rarely, this finds always.
TEST(Law1, HoldsForEverySmallStreamAndEveryPlaceInIt) {
  const std::string pieces[] = {"\n", "\r", "data", ":", "id:7", "\xEF\xBB\xBF", "\xEF\xBB"};
  constexpr std::size_t kPieces = std::size(pieces);
  constexpr std::size_t kLength = 6;
  Law1Counts counts;
  std::size_t streams = 1;
  for (std::size_t length = 0; length <= kLength; ++length, streams *= kPieces) {
    for (std::size_t number = 0; number < streams; ++number) {
      Law1Case test_case;
      test_case.form = static_cast<Law1Form>(number % kLaw1Forms);
      for (std::size_t i = 0, rest = number; i < length; ++i, rest /= kPieces)
        test_case.stream += pieces[rest % kPieces];
      const std::size_t bytes = test_case.stream.size();
      for (std::size_t place = 0; place <= bytes; ++place) {
        test_case.steps = {{place, 1}};
        ASSERT_EQ(check_law1(test_case, counts), "") << "one insertion at " << place;
      }
      test_case.steps.assign(bytes + 1, {1, 1});
      ASSERT_EQ(check_law1(test_case, counts), "") << "an insertion behind every byte";
      test_case.steps.insert(test_case.steps.begin(), {0, 2});
      ASSERT_EQ(check_law1(test_case, counts), "") << "insertions everywhere";
    }
  }
  EXPECT_GT(counts.between_cr_and_lf, 10'000U);
}

/// The corpus of the fuzz target is run in every build.
TEST(Law1, HoldsForTheFuzzCorpus) {
  const std::filesystem::path folder = std::filesystem::path(SIDECAR_SOURCE_DIR) / "tests/fuzz/corpus/sse_law1_fuzz";
  std::size_t files = 0;
  Law1Counts counts;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(check_law1(law1_case_from_bytes(bytes), counts), "") << entry.path();
    ++files;
  }
  EXPECT_GE(files, 8U);
  EXPECT_GT(counts.between_cr_and_lf, 0U);
  EXPECT_GT(counts.boms_dropped, 0U);
}

TEST(Law1, AnEmptyStreamTakesInsertions) {
  Law1Counts counts;
  EXPECT_EQ(check_law1({"", {{0, 3}}, Law1Form::event}, counts), "");
  EXPECT_EQ(counts.before_first_byte, 3U);
}

/// The check itself must be able to fail: what a careless heartbeat would do is seen by the oracle.
TEST(Law1, TheOracleSeesWhatCarelessInsertionsDo) {
  const auto differ = [](std::string_view in, std::string_view out) {
    return parse_event_stream(in) != parse_event_stream(out);
  };
  EXPECT_TRUE(differ("data: a\ndata: b\n\n", "data: a\n: beat\n\ndata: b\n\n")) << "blank line inside an event";
  EXPECT_TRUE(differ("data: a\n\n", "dat: beat\n\na: a\n\n")) << "inside a line";
  EXPECT_TRUE(differ("data: a\r\ndata: b\r\n\r\n", "data: a\r: beat\r\n\ndata: b\r\n\r\n")) << "CRLF between CR and LF";
  EXPECT_TRUE(differ("data: a\n\n", "data: a\n: beat\r\n")) << "a lone CR behind an LF swallows a blank line";
  EXPECT_TRUE(
      differ("\xEF\xBB\xBF"
             "data: a\n\n",
             ": beat\n\n\xEF\xBB\xBF"
             "data: a\n\n"))
      << "before the BOM";
}

}  // namespace
}  // namespace sidecar::test
