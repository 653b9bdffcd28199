#include "exchange/cors.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sidecar::exchange {
namespace {

using http::Field;

constexpr const char* kPage = "https://app.example";

CorsPolicy pages(std::vector<std::string> origins, bool credentials = false) {
  CorsPolicy policy;
  policy.origins = std::move(origins);
  policy.credentials = credentials;
  return policy;
}

std::string origin_for(const CorsPolicy& policy, std::vector<Field> request) {
  return std::string(allowed_origin(policy, request));
}

/// The fields that an answer with `sent` ends up with.
std::string answered(const CorsPolicy& policy, std::string_view allowed, std::vector<Field> sent) {
  http::HeadScratch scratch;
  scratch.rewritten = std::move(sent);
  http::ResponseHead head;
  head.fields = scratch.rewritten;
  add_cors(policy, allowed, scratch, head);
  std::string text;
  for (const Field& field : head.fields) text.append(field.name).append("=").append(field.value).append(";");
  return text;
}

TEST(Cors, KnowsThePagesOfThePolicy) {
  const CorsPolicy policy = pages({kPage, "http://other.example"});
  EXPECT_EQ(origin_for(policy, {{"Origin", kPage}}), kPage);
  EXPECT_EQ(origin_for(policy, {{"Origin", "http://other.example"}}), "http://other.example");
  for (const char* stranger : {"http://app.example", "https://app.example:444", "https://app.example.evil", "null", ""})
    EXPECT_EQ(origin_for(policy, {{"Origin", stranger}}), "") << stranger;
  EXPECT_EQ(origin_for(policy, {}), "");
  EXPECT_EQ(origin_for(policy, {{"Origin", kPage}, {"Origin", kPage}}), "") << "two are none";
  EXPECT_EQ(origin_for(pages({"*"}), {{"Origin", "https://any.example"}}), "*");
}

TEST(Cors, SaysSoInTheHead) {
  const CorsPolicy policy = pages({kPage}, true);
  EXPECT_EQ(answered(policy, kPage, {}),
            "Access-Control-Allow-Origin=https://app.example;Access-Control-Allow-Credentials=true;Vary=Origin;");
  EXPECT_EQ(answered(policy, "", {}), "Vary=Origin;") << "answers differ by origin";
  EXPECT_EQ(answered(pages({"*"}), "*", {}), "Access-Control-Allow-Origin=*;");
  EXPECT_EQ(answered(pages({}), "", {}), "") << "off";
}

TEST(Cors, NeverDoublesWhatTheBackendSays) {
  const CorsPolicy policy = pages({kPage}, true);
  EXPECT_EQ(answered(policy, kPage, {{"Access-Control-Allow-Origin", "https://its.own"}}),
            "Access-Control-Allow-Origin=https://its.own;");
  EXPECT_EQ(answered(policy, kPage, {{"Vary", "Accept, origin"}, {"Access-Control-Allow-Credentials", "true"}}),
            "Vary=Accept, origin;Access-Control-Allow-Credentials=true;"
            "Access-Control-Allow-Origin=https://app.example;");
}

TEST(Cors, KnowsAPreflight) {
  const std::vector<Field> asked{{"Origin", kPage}, {"Access-Control-Request-Method", "PUT"}};
  http::RequestHead head;
  head.method = "OPTIONS";
  head.fields = asked;
  EXPECT_EQ(preflight_method(head), "PUT");
  head.method = "GET";
  EXPECT_EQ(preflight_method(head), "");
  head.method = "OPTIONS";
  head.fields = http::Fields(asked).subspan(1);
  EXPECT_EQ(preflight_method(head), "");
}

}  // namespace
}  // namespace sidecar::exchange
