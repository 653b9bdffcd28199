#include "http/h2_preface.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sidecar::test {
namespace {

using http::H2Sniff;

TEST(H2Preface, IsToldFromEverythingElse) {
  const std::string preface(http::kH2Preface);
  for (std::size_t i = 0; i < preface.size(); ++i) EXPECT_EQ(http::sniff_h2(preface.substr(0, i)), H2Sniff::need_more);
  EXPECT_EQ(http::sniff_h2(preface), H2Sniff::yes);
  EXPECT_EQ(http::sniff_h2(preface + "more"), H2Sniff::yes);
  for (const char* other :
       {"PO", "PUT", "PRO", "PRINT", "PROPFIND / HTTP/1.1\r\n", "GET", "\r\n", "\x16", "PRI * HTTP/1"}) {
    EXPECT_EQ(http::sniff_h2(other), H2Sniff::no) << other;
  }
  std::string almost = preface;
  almost.back() = 'x';
  EXPECT_EQ(http::sniff_h2(almost), H2Sniff::no);
}

}  // namespace
}  // namespace sidecar::test
