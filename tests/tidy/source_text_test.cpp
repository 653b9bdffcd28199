#include "tests/tidy/source_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sidecar::tidy {
namespace {

std::vector<std::size_t> body_lines(const std::string& text) {
  std::vector<std::size_t> lengths;
  for (const FunctionBody& body : function_bodies(text)) lengths.push_back(body.lines);
  return lengths;
}

using Lengths = std::vector<std::size_t>;

TEST(CodeOnly, BlanksCommentsAndLiteralsAndKeepsLines) {
  EXPECT_EQ(code_only("a; // b\nc;"), "a;     \nc;");
  EXPECT_EQ(code_only("a /* b\nc */ d"), "a     \n     d");
  EXPECT_EQ(code_only(R"(f("{", '{', "\"{");)"), R"(f(" ", ' ', "   ");)");
  EXPECT_EQ(code_only("x = 1'000'000; {"), "x = 1'000'000; {");
  EXPECT_EQ(code_only("a = R\"x({\n)\" {)x\"; }"), "a = R\"   \n      \"; }");
}

TEST(FunctionBodies, FindsFunctionsMembersAndTests) {
  EXPECT_EQ(body_lines("int f() {\n  return 1;\n}\n"), (Lengths{3}));
  EXPECT_EQ(body_lines("namespace a {\nclass B final : public C {\n int f() const { return 1; }\n};\n}\n"),
            (Lengths{1}));
  EXPECT_EQ(body_lines("TEST(A, B) {\n  if (x) {\n    y();\n  }\n}\n"), (Lengths{5}));
  EXPECT_EQ(body_lines("auto f() -> std::vector<int>\n{\n}\n"), (Lengths{2}));
  EXPECT_EQ(body_lines("const auto kSquare = [](int x) {\n  return x * x;\n};\n"), (Lengths{3}));
  EXPECT_EQ(body_lines("extern \"C\" int fuzz(int x) {\n}\n"), (Lengths{2}));
}

TEST(FunctionBodies, FindsTheBodyBehindBracedInitializers) {
  EXPECT_EQ(body_lines("A::A(int a) : a_{a}, b_{2} {\n\n\n}\n").back(), 4U);
}

TEST(FunctionBodies, IsNotMisledByTablesTypesAndMacros) {
  EXPECT_EQ(body_lines("constexpr std::array kRows{\n  Row{1},\n  Row{2},\n};\n"), Lengths{});
  EXPECT_EQ(body_lines("constexpr int kRows[] = {\n  f(1),\n};\n"), Lengths{});
  EXPECT_EQ(body_lines("enum class A : std::uint8_t { b, c };\nstruct D {\n  int x = f(1);\n};\n"), Lengths{});
  EXPECT_EQ(body_lines("INSTANTIATE(A, B, Values(Case{1},\n  Case{2}));\n"), Lengths{});
  EXPECT_EQ(body_lines("#define F(x) \\\n  if (x) {\nint f() {\n}\n"), (Lengths{2}));
}

}  // namespace
}  // namespace sidecar::tidy
