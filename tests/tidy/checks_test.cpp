#include "tests/tidy/checks.hpp"

#include <gtest/gtest.h>

#include <string>

// Every rule with a text that it accepts and one that it does not: a check that cannot fail checks nothing.
namespace sidecar::tidy {
namespace {

std::string repeat(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

std::string function_of(std::size_t lines) {
  return "void f() {\n" + repeat("  g();\n", lines - 2) + "}\n";
}

TEST(Whitespace, IsUniform) {
  EXPECT_TRUE(check_whitespace("a.md", "one\n\ntwo\n").empty());
  EXPECT_TRUE(check_whitespace("a.md", "").empty());
  EXPECT_EQ(check_whitespace("a.md", "one\ttwo\n").size(), 1U);
  EXPECT_EQ(check_whitespace("a.md", "one \n").size(), 1U);
  EXPECT_EQ(check_whitespace("a.md", "one\r\n").size(), 1U);
  EXPECT_EQ(check_whitespace("a.md", "one").size(), 1U);
}

TEST(Lengths, OfFiles) {
  EXPECT_TRUE(check_lengths("sidecar/a.cpp", repeat("\n", 499)).empty());
  EXPECT_EQ(check_lengths("sidecar/a.cpp", repeat("\n", 500)).size(), 1U);
  EXPECT_EQ(check_lengths("tests/systems/a.py", repeat("\n", 500)).size(), 1U);
  EXPECT_TRUE(check_lengths("README.md", repeat("\n", 500)).empty());
}

TEST(Lengths, OfFunctions) {
  EXPECT_TRUE(check_lengths("sidecar/a.cpp", function_of(69)).empty());
  EXPECT_EQ(check_lengths("sidecar/a.cpp", function_of(70)).size(), 1U);
}

TEST(Lengths, OfLines) {
  EXPECT_TRUE(check_lengths("sidecar/a.cpp", repeat("x", 120) + "\n").empty());
  EXPECT_TRUE(check_lengths("sidecar/a.cpp", repeat("é", 120) + "\n").empty());
  EXPECT_EQ(check_lengths("sidecar/a.cpp", repeat("x", 121) + "\n").size(), 1U);
}

TEST(Words, HaveAlternatives) {
  EXPECT_EQ(check_words("tests/net/a.cpp", "using namespace std;\n").size(), 1U);
  EXPECT_TRUE(check_words("tests/net/a.cpp", "using namespace std::chrono_literals;\n").empty());
  EXPECT_EQ(check_words("sidecar/net/a.cpp", "out << std::endl;\n").size(), 1U);
  EXPECT_EQ(check_words("sidecar/net/a.cpp", "std::shared_ptr<Session> session;\n").size(), 1U);
  EXPECT_TRUE(check_words("sidecar/net/a.cpp", "// no shared_ptr<Session>, no std::endl\n").empty());
}

TEST(Words, NoSleepUnderAFakeClock) {
  const std::string sleep = "std::this_thread::sleep_for(1s);\n";
  EXPECT_EQ(check_words("tests/sim/a_test.cpp", sleep).size(), 1U);
  EXPECT_EQ(check_words("tests/sse/a_test.cpp", "usleep(5);\n").size(), 1U);
  EXPECT_TRUE(check_words("tests/net/a_test.cpp", sleep).empty());
}

TEST(Headers, AreIncludedOnce) {
  EXPECT_TRUE(check_headers_and_todos("sidecar/a.hpp", "#pragma once\n").empty());
  EXPECT_EQ(check_headers_and_todos("sidecar/a.hpp", "int x;\n").size(), 1U);
}

TEST(Todos, SayWhat) {
  const std::string todo = "// TO" + std::string("DO");
  EXPECT_TRUE(check_headers_and_todos("sidecar/a.cpp", todo + ": count the bytes here too\n").empty());
  EXPECT_EQ(check_headers_and_todos("sidecar/a.cpp", todo + "\n").size(), 1U);
  EXPECT_EQ(check_headers_and_todos("sidecar/a.cpp", todo + ": fix\n").size(), 1U);
}

TEST(Scripts, CanBeExecuted) {
  EXPECT_TRUE(check_executable("dev", "#!/bin/sh\n", true).empty());
  EXPECT_TRUE(check_executable("a.py", "import os\n", false).empty());
  EXPECT_EQ(check_executable("dev", "#!/bin/sh\n", false).size(), 1U);
}

TEST(Size, IsLimited) {
  EXPECT_TRUE(check_size("a.bin", 300U * 1024U).empty());
  EXPECT_EQ(check_size("a.bin", 300U * 1024U + 1U).size(), 1U);
}

TEST(Changelog, HasItsForm) {
  const std::string good =
      "# Changelog\n\n## [Unreleased]\n\n### Added\n\n## [0.10.0] - 2025-02-01\n## [0.9.0] - 2025-01-01\n";
  EXPECT_TRUE(check_changelog("CHANGELOG.md", good).empty());
  EXPECT_EQ(check_changelog("CHANGELOG.md", "## [Unreleased]\n").size(), 1U);
  EXPECT_EQ(check_changelog("CHANGELOG.md", "# Changelog\n").size(), 1U);
  EXPECT_EQ(check_changelog("CHANGELOG.md", "# Changelog\n## [Unreleased]\n## 0.1.0\n").size(), 1U);
  EXPECT_EQ(check_changelog("CHANGELOG.md", "# Changelog\n## [Unreleased]\n### News\n").size(), 1U);
  EXPECT_EQ(check_changelog("CHANGELOG.md", "# Changelog\n## [0.1.0] - 2025-01-01\n## [Unreleased]\n").size(), 1U);
  const std::string backwards = "# Changelog\n## [Unreleased]\n## [0.9.0] - 2025-01-01\n## [0.10.0] - 2025-02-01\n";
  EXPECT_EQ(check_changelog("CHANGELOG.md", backwards).size(), 1U);
}

TEST(Mirror, OfThePureShore) {
  EXPECT_TRUE(check_mirror({"sidecar/sse/scanner.cpp", "tests/sse/scanner_test.cpp"}).empty());
  EXPECT_TRUE(check_mirror({"sidecar/net/worker.cpp", "sidecar/sse/position.hpp"}).empty());
  EXPECT_EQ(check_mirror({"sidecar/sse/scanner.cpp", "tests/http/scanner_test.cpp"}).size(), 1U);
}

}  // namespace
}  // namespace sidecar::tidy
