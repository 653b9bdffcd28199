#include "http/accept.hpp"

#include <gtest/gtest.h>

namespace sidecar::http {
namespace {

struct Case {
  std::string_view value;
  bool expected;
};

TEST(Accept, NamesAMediaType) {
  const Case cases[] = {
      {"a/b", true},          {"A/B", true},  {"c/d, a/b;q=0.001", true},
      {"a/b;q=0", false},     {"*/*", false}, {"a/*", false},
      {"a/bc", false},        {"", false},    {"c/d;x=\", a/b\"", false},
      {"a/b;q=0, a/b", true},
  };
  for (const Case& c : cases) EXPECT_EQ(accepts(c.value, "a/b"), c.expected) << c.value;
}

TEST(Accept, JsonOverHtmlOrText) {
  const Case cases[] = {
      {"application/json", true},
      {"APPLICATION/JSON", true},
      {"application/problem+json", true},
      {"application/json, text/event-stream", true},
      {"application/json, text/plain, */*", true},
      {"application/json;q=0.9, text/html;q=0.8", true},
      {"application/json;q=0.5, text/html;q=0", true},
      {"text/html;q=0.123, application/json;q=0.124", true},
      {"application/json;q=0.1, */*", true},
      {"", false},
      {"*/*", false},
      {"application/*", false},
      {"text/event-stream", false},
      {"application/jsonx", false},
      {"application/json-seq", false},
      {"application/+json", false},
      {"+json", false},
      {"application/json;q=0", false},
      {"text/html, application/json", false},
      {"application/json, text/html", false},
      {"text/html, application/json;q=0.9", false},
      {"text/plain, application/json;q=0.9", false},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
  };
  for (const Case& c : cases) EXPECT_EQ(accepts_json_over_html_or_text(c.value), c.expected) << c.value;
}

}  // namespace
}  // namespace sidecar::http
