#include "config/report.hpp"

#include <gtest/gtest.h>

namespace sidecar::config {
namespace {

std::vector<std::string> lines(Report& report) {
  std::vector<std::string> out;
  for (const Problem& problem : report.take()) out.push_back(to_string(problem));
  return out;
}

TEST(Report, ProblemIsOneLine) {
  EXPECT_EQ(to_string({"f.yaml", 3, 14, "a: wrong"}), "f.yaml:3:14: a: wrong");
  EXPECT_EQ(to_string({"--workers", 0, 0, "wrong"}), "--workers: wrong");
  EXPECT_EQ(to_string({"", 0, 0, "wrong"}), "wrong");
}

TEST(Report, BlamesThePlaceOfThePath) {
  Report report("f.yaml");
  report.locate("routes[0]", {"f.yaml", 7, 5});
  report.locate("routes[0].name", {"f.yaml", 8, 11});
  report.problem("routes[0].name", "wrong");
  report.problem("routes[0].match.path", "absent");
  report.problem("listeners[3]", "nowhere");
  EXPECT_EQ(lines(report),
            (std::vector<std::string>{"f.yaml:1:1: listeners[3]: nowhere", "f.yaml:7:5: routes[0].match.path: absent",
                                      "f.yaml:8:11: routes[0].name: wrong"}));
}

TEST(Report, OptionIsItsOwnPath) {
  Report report("f.yaml");
  report.locate("listeners[0].address", {"f.yaml", 2, 2});
  report.locate("listeners[0].address", {"--listen", 0, 0});
  report.problem("listeners[0].address", "twice");
  EXPECT_EQ(lines(report), std::vector<std::string>{"--listen: twice"});
}

TEST(Report, OrderedByPlaceThenAsFound) {
  Report report("f.yaml");
  EXPECT_TRUE(report.clean());
  report.problem_at({"--x", 0, 0}, "", "option");
  report.problem_at({"f.yaml", 9, 1}, "", "late");
  report.problem_at({"f.yaml", 2, 9}, "", "second");
  report.problem_at({"f.yaml", 2, 3}, "", "first");
  report.problem_at({"f.yaml", 2, 3}, "", "also first");
  EXPECT_FALSE(report.clean());
  EXPECT_EQ(lines(report), (std::vector<std::string>{"f.yaml:2:3: first", "f.yaml:2:3: also first",
                                                     "f.yaml:2:9: second", "f.yaml:9:1: late", "--x: option"}));
}

TEST(Report, Paths) {
  EXPECT_EQ(member_path("", "a"), "a");
  EXPECT_EQ(member_path("a", "b"), "a.b");
  EXPECT_EQ(member_path("set", "X-\nA"), "set.'X-\\nA'");
  EXPECT_EQ(member_path("set", ""), "set.''");
  EXPECT_EQ(element_path("routes", 2), "routes[2]");
}

TEST(Report, NoFileNoPlace) {
  Report report("");
  report.problem("", "no upstream");
  EXPECT_EQ(lines(report), std::vector<std::string>{"no upstream"});
}

}  // namespace
}  // namespace sidecar::config
