#include "config/environment.hpp"

#include <gtest/gtest.h>

namespace sidecar::config {
namespace {

std::optional<std::string> lookup(std::string_view name) {
  if (name == "HOST") return "app";
  if (name == "EMPTY") return "";
  if (name == "NESTED") return "${HOST}";
  if (name == "_a1") return "x";
  if (name == "BINARY") return "\xff";
  return std::nullopt;
}

std::string expanded(std::string_view text) {
  const Parsed<Expanded> result = expand(text, lookup);
  return result.value ? result.value->text : "! " + result.why;
}

TEST(Environment, Expands) {
  EXPECT_EQ(expanded(""), "");
  EXPECT_EQ(expanded("plain"), "plain");
  EXPECT_EQ(expanded("${HOST}"), "app");
  EXPECT_EQ(expanded("http://${HOST}:${PORT:-8000}/${_a1}"), "http://app:8000/x");
  EXPECT_EQ(expanded("[${EMPTY}]"), "[]");
  EXPECT_EQ(expanded("[${NONE:-}]"), "[]");
}

TEST(Environment, DefaultStandsForUnsetAndEmpty) {
  EXPECT_EQ(expanded("${HOST:-other}"), "app");
  EXPECT_EQ(expanded("${NONE:-other}"), "other");
  EXPECT_EQ(expanded("${EMPTY:-other}"), "other");
  EXPECT_EQ(expanded("${NONE:-a:-b}"), "a:-b");
}

TEST(Environment, WhatAVariableHoldsIsNotExpandedAgain) {
  EXPECT_EQ(expanded("${NESTED}"), "${HOST}");
}

TEST(Environment, DollarsThatMeanNothing) {
  EXPECT_EQ(expanded("$"), "$");
  EXPECT_EQ(expanded("$HOST $$ 5$"), "$HOST $$ 5$");
  EXPECT_EQ(expanded("$${HOST}"), "${HOST}");
  EXPECT_EQ(expanded("$$${HOST}"), "$${HOST}");
}

TEST(Environment, Refused) {
  EXPECT_EQ(expanded("${NONE}"),
            "! the environment variable NONE is not set (${NONE:-default} would give it a default)");
  EXPECT_EQ(expanded("a ${HOST"), "! '${HOST' lacks the closing }");
  EXPECT_EQ(expanded("${NONE:-${HOST}}"), "! the default of ${NONE} must not contain another ${");
  EXPECT_EQ(expanded("${HOST:-${NONE}}"), "! the default of ${HOST} must not contain another ${");
  EXPECT_EQ(expanded("${BINARY}"), "! the environment variable BINARY is not UTF-8");
  for (const char* const text : {"${}", "${1A}", "${A B}", "${A-b}", "${A:b}", "${:-x}"}) {
    EXPECT_EQ(expanded(text),
              "! '" + std::string(text) +
                  "' is not a variable (write ${NAME} or ${NAME:-default}; $${ stands for a literal ${)");
  }
}

TEST(Environment, TellsWhetherItChangedAnything) {
  EXPECT_FALSE(expand("$${HOST}", lookup).value->changed);
  EXPECT_TRUE(expand("${HOST}", lookup).value->changed);
}

TEST(Environment, EscapedIsReadBack) {
  for (const char* const text : {"", "$", "${", "$${", "$$${X}", "a${b}c${", "}{$", "$$", "${${${"}) {
    EXPECT_EQ(expanded(escape_expansion(text)), text);
  }
}

}  // namespace
}  // namespace sidecar::config
