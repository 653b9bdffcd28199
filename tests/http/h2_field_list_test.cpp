#include "http/h2_field_list.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sidecar::test {
namespace {

TEST(H2FieldList, KeepsNoMoreThanItsLimit) {
  http::H2FieldList list;
  list.add(":method", "HEAD", 1'000);
  list.add("x", std::string(900, 'a'), 1'000);
  EXPECT_FALSE(list.refusal());
  EXPECT_EQ(list.size(), 7U + 4 + 32 + 1 + 900 + 32);
  list.add("y", "", 1'000);
  EXPECT_EQ(list.refusal().status, 431);
  EXPECT_EQ(list.memory(), 0U + std::string().capacity());
  EXPECT_TRUE(list.of_head_request());
  list.add("z", "", 1'000);
  EXPECT_EQ(list.size(), 976U + 33 + 33);
}

TEST(H2FieldList, GivesEverythingUp) {
  http::H2FieldList list;
  list.add("name", "value", 1'000);
  list.add("", "", 1'000);
  list.add("other", "", 1'000);
  std::string text;
  std::vector<http::Field> fields;
  list.unpack(100, text, fields);
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0], (http::Field{"name", "value"}));
  EXPECT_EQ(fields[1], (http::Field{"", ""}));
  EXPECT_EQ(fields[2], (http::Field{"other", ""}));
  const char* before = text.data();
  text.append(100, 'x');
  EXPECT_EQ(text.data(), before);  // What lends from it stays valid.
}

}  // namespace
}  // namespace sidecar::test
