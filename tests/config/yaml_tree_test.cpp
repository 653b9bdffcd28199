#include "config/yaml_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sidecar::config {
namespace {

std::string problem_of(std::string_view text) {
  const YamlResult result = parse_yaml("f", text);
  EXPECT_NE(result.root.has_value(), result.problem.has_value());
  return result.problem ? to_string(*result.problem) : "";
}

/// `{key@1:1=scalar@1:4'text'}`: every node with its place.
std::string shape(const YamlNode& node) {
  const auto place = [](int line, int column) { return "@" + std::to_string(line) + ":" + std::to_string(column); };
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::empty:
      return "empty" + place(node.line, node.column);
    case YamlNode::Kind::null:
      return "null" + place(node.line, node.column);
    case YamlNode::Kind::scalar:
      return "'" + node.text + "'" + place(node.line, node.column);
    case YamlNode::Kind::sequence:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : " ") + shape(item);
      return "[" + text + "]" + place(node.line, node.column);
    case YamlNode::Kind::mapping:
      for (const YamlEntry& entry : node.entries) {
        text += (text.empty() ? "" : " ") + entry.key + place(entry.line, entry.column) + "=" + shape(entry.value);
      }
      return "{" + text + "}" + place(node.line, node.column);
  }
  return text;
}

std::string shape_of(std::string_view text) {
  const YamlResult result = parse_yaml("f", text);
  return result.root ? shape(*result.root) : to_string(*result.problem);
}

TEST(YamlTree, EveryNodeHasItsPlace) {
  EXPECT_EQ(shape_of("a: 1\nb:\n  - x\n  - {c: \"d e\"}\n"),
            "{a@1:1='1'@1:4 b@2:1=['x'@3:5 {c@4:6='d e'@4:9}@4:5]@3:3}@1:1");
  EXPECT_EQ(shape_of("a: 1\r\nb: 2\r\n"), "{a@1:1='1'@1:4 b@2:1='2'@2:4}@1:1");
}

TEST(YamlTree, NothingAtAll) {
  EXPECT_EQ(shape_of(""), "empty@1:1");
  EXPECT_EQ(shape_of("# only a comment\n"), "empty@1:1");
  EXPECT_EQ(shape_of("\xef\xbb\xbf"
                     "a: 1\n"),
            "{a@1:1='1'@1:4}@1:1");
}

TEST(YamlTree, ValueThatIsNotThereStandsAtItsKey) {
  EXPECT_EQ(shape_of("a:\nb: null\nc: ~\nd: {x: , y: 1}\n"),
            "{a@1:1=empty@1:1 b@2:1=null@2:4 c@3:1=null@3:4 d@4:1={x@4:5=empty@4:5 y@4:10='1'@4:13}@4:4}@1:1");
  EXPECT_EQ(shape_of("- x\n-\n- y\n"), "['x'@1:3 empty@2:1 'y'@3:3]@1:1");
  EXPECT_EQ(shape_of("a: 'null'\n"), "{a@1:1='null'@1:4}@1:1");
}

TEST(YamlTree, DuplicatesAreKept) {
  EXPECT_EQ(shape_of("a: 1\na: 2\n"), "{a@1:1='1'@1:4 a@2:1='2'@2:4}@1:1");
}

TEST(YamlTree, AliasStandsWhereItIsUsed) {
  EXPECT_EQ(shape_of("a: &k {x: 1}\nb: *k\n"), "{a@1:1={x@1:8='1'@1:11}@1:4 b@2:1={x@1:8='1'@1:11}@2:4}@1:1");
}

TEST(YamlTree, OneDocumentAndNothingBehindIt) {
  EXPECT_EQ(problem_of("a: 1\n---\nb: 2\n"), "f:2:1: a second document, or something behind the first one");
  EXPECT_EQ(problem_of("{a: 1} b\n"), "f:1:8: a second document, or something behind the first one");
  EXPECT_EQ(problem_of("a: 1\n...\ngarbage\n"), "f:3:1: a second document, or something behind the first one");
  EXPECT_EQ(problem_of("---\na: 1\n...\n"), "");
}

TEST(YamlTree, SyntaxProblemsHintAtTheUsualCause) {
  EXPECT_EQ(problem_of("k: {key: ${X}}\n"), "f:1:11: not YAML: end of map flow not found (put \"${...}\" into quotes)");
  EXPECT_EQ(problem_of("a: [::]:80\n"),
            "f:1:8: not YAML: end of map not found (put an address such as \"[::]:8080\" into quotes)");
  EXPECT_EQ(problem_of("x: 1\na: [::1]:80\n"),
            "f:2:9: not YAML: end of map not found (put an address such as \"[::]:8080\" into quotes)");
  EXPECT_EQ(problem_of("a:\n\tb: 1\n").substr(0, 4), "f:2:");
  EXPECT_EQ(problem_of("a: b: c\n"), "f:1:5: not YAML: illegal map value");
  EXPECT_EQ(problem_of("a: \"\\"), "f:1:7: not YAML: unknown escape character: \\x04");
  EXPECT_EQ(problem_of("a: *x\n"), "f:1:4: not YAML: the referenced anchor is not defined");
}

TEST(YamlTree, WhatTheParserWouldSwallowIsRefused) {
  EXPECT_EQ(problem_of("a: \"x\n"), "f:1:4: the quote is never closed");
  EXPECT_EQ(problem_of("a: 'it''s\n"), "f:1:4: the quote is never closed");
  EXPECT_EQ(problem_of("a: &k \"x\\\"\n"), "f:1:4: the quote is never closed");
  EXPECT_EQ(problem_of("a: 'it''s'\nb: \"\\\"\"\n"), "");
  EXPECT_EQ(problem_of("a: !!str 5\n"), "f:1:4: tags are not supported");
  EXPECT_EQ(problem_of("? [a]\n: b\n"), "f:1:3: a key must be a word");
  EXPECT_EQ(problem_of("~: b\n"), "f:1:1: a key must be a word");
  EXPECT_EQ(problem_of("a: 1\nb: x\x04\nc: 2\n"), "f:2:5: a control character");
  EXPECT_EQ(problem_of(std::string_view("a: 1\n\0", 6)), "f:2:1: a control character");
  EXPECT_EQ(problem_of("a: 1\rb: 2\n"), "f:1:5: a carriage return without a line feed");
  EXPECT_EQ(problem_of("a: 1\nb: \xff\n"), "f:2:1: this line is not UTF-8");
  EXPECT_EQ(problem_of(std::string_view("\xff\xfe"
                                        "a\0",
                                        4))
                .substr(0, 6),
            "f:1:4:");
}

TEST(YamlTree, BoundedDepthAndSize) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(problem_of(nested(kYamlDepthMax)), "");
  EXPECT_EQ(problem_of(nested(kYamlDepthMax + 1)), "f:1:33: too deeply nested");
  EXPECT_EQ(problem_of(std::string(kYamlBytesMax, '[')), "f:1:17: too deeply nested");  // and a mapping in each
  EXPECT_EQ(problem_of(std::string(kYamlBytesMax + 1, '#')), "f:1:1: the file is larger than 1 MiB");
  EXPECT_EQ(problem_of(std::string(kYamlBytesMax, '#')), "");
}

TEST(YamlTree, AliasesCannotGrowWithoutBound) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name <= 'i'; ++name) {
    bomb += std::string(1, name) + ": &" + name + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string(i == 0 ? "" : ", ") + "*" + static_cast<char>(name - 1);
    bomb += "]\n";
  }
  EXPECT_NE(problem_of(bomb).find("too many values (at most 100000)"), std::string::npos) << problem_of(bomb);
  EXPECT_EQ(problem_of("a: &x [*x]\n"), "f:1:8: an alias inside its own anchor");
  std::string tower = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    tower += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_NE(problem_of(tower).find("too deeply nested"), std::string::npos) << problem_of(tower);
}

}  // namespace
}  // namespace sidecar::config
