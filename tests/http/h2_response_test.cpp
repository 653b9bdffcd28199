#include "http/h2_response.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/http/h2_frames.hpp"
#include "tests/http/reading.hpp"

namespace sidecar::test {
namespace {

TEST(H2Response, Becomes) {
  http::ResponseHead head;
  head.status = 200;
  const h2::List list{{"X-A", " b "}, {"Content-Length", "1"}, {"Content-Length", "1"}, {"Connection", "x"}};
  const auto fields = views_of(list);
  head.fields = fields;
  std::string text;
  std::vector<http::Field> out;
  http::to_h2_response(head, {http::BodySize::Kind::length, 5}, false, text, out);
  EXPECT_EQ(to_text(copy_of(out)), " [:status: 200] [x-a: b] [content-length: 5]");
  http::to_h2_response(head, {}, true, text, out);
  EXPECT_EQ(to_text(copy_of(out)), " [:status: 200] [x-a: b] [content-length: 1]");
  http::to_h2_response(head, {http::BodySize::Kind::unknown, 0}, false, text, out);
  EXPECT_EQ(to_text(copy_of(out)), " [:status: 200] [x-a: b]");
  const h2::List trailers{{"X-Sum", "1"}, {":status", "500"}, {"Content-Length", "1"}, {"TE", "x"}, {"a b", "c"}};
  http::to_h2_trailers(views_of(trailers), text, out);
  EXPECT_EQ(to_text(copy_of(out)), " [x-sum: 1]");
}

}  // namespace
}  // namespace sidecar::test
