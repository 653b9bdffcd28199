#include <gtest/gtest.h>

#include <random>

#include "config/print.hpp"
#include "tests/config/support.hpp"

/// Files as nobody would write them. Nothing may crash or throw; what loads must survive being printed.
namespace sidecar::config {
namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

constexpr std::string_view kPieces[] = {"null", "off",  "${",   "${X}", "${X:-", "}",     "{",           "}",     "[",
                                        "]",    ":",    ": ",   "- ",   "\n",    "\n  ",  "\t",          "\"",    "'",
                                        "#",    " #",   "&a ",  "*a",   "!t ",   "---\n", "...",         "|\n",   ">\n",
                                        "? ",   ", ",   "\\",   "\xff", "\x04",  "~",     "<<: ",        "%TAG ", "0s",
                                        "\r",   "\r\n", "[::]", "é",    "1e9",   "@",     "\xef\xbb\xbf"};

std::string mutated(std::string text, Random& random) {
  const std::size_t changes = 1 + below(random, 4);
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = below(random, text.size());
    switch (below(random, 5)) {
      case 0:
        text.erase(at, 1 + below(random, 20));
        break;
      case 1:
        text.insert(at, kPieces[below(random, std::size(kPieces))]);
        break;
      case 2:
        text.insert(at, text.substr(below(random, text.size()), below(random, 60)));
        break;
      case 3:
        text[at] = static_cast<char>(below(random, 256));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

/// Comments away: mutations shall hit what counts.
std::string without_comments(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::string code = line.substr(0, line.find('#'));
    if (code.find_first_not_of(' ') != std::string::npos) out += code + "\n";
    at = end + 1;
  }
  return out;
}

void torture(const std::string& text, std::size_t& loaded) {
  const LoadResult result = load_text(text, {}, {{"X", "x"}});
  ASSERT_EQ(result.config.has_value(), result.problems.empty()) << text;
  for (const Problem& problem : result.problems) {
    const std::string line = to_string(problem);
    ASSERT_EQ(line.find_first_of("\n\r"), std::string::npos) << line;
    ASSERT_EQ(problem.source, "f.yaml");
    ASSERT_GT(problem.line, 0) << line;
    ASSERT_GT(problem.column, 0) << line;
  }
  if (!result.config) return;
  ++loaded;
  const LoadResult again = load_text(print(*result.config));
  ASSERT_TRUE(again.config) << to_string(again.problems.at(0)) << "\n" << text << "\n" << print(*result.config);
  ASSERT_EQ(described(*again.config), described(*result.config)) << text;
}

TEST(Torture, MutationsOfRealFiles) {
  const unsigned seed = 20'250'611;
  Random random(seed);
  std::size_t loaded = 0;
  for (const char* const file : {"conf/sidecar.yaml", "tests/config/every_key.yaml", "conf/minimal.yaml"}) {
    const std::string text = without_comments(source_file(file));
    for (int round = 0; round < 3'000; ++round) {
      ASSERT_NO_THROW(torture(mutated(text, random), loaded)) << "seed " << seed;
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(loaded, 100U);  // otherwise the mutations are too coarse to say anything
}

TEST(Torture, PiecesOfYaml) {
  Random random(7);
  std::size_t loaded = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t pieces = below(random, 30); pieces > 0; --pieces)
      text += kPieces[below(random, std::size(kPieces))];
    ASSERT_NO_THROW(torture(text, loaded)) << text;
    if (HasFatalFailure()) return;
  }
}

TEST(Torture, EveryPrefixOfAFile) {
  const std::string text = source_file("tests/config/every_key.yaml");
  std::size_t loaded = 0;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    torture(text.substr(0, size), loaded);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace sidecar::config
