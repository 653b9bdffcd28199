#include "http/field_names.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace sidecar::http {
namespace {

TEST(FieldNames, AreTheSameVariable) {
  EXPECT_TRUE(is_same_variable("X-User", "x_USER"));
  EXPECT_TRUE(is_same_variable("a_b-c", "A-B_C"));
  EXPECT_TRUE(is_same_variable("", ""));
  EXPECT_FALSE(is_same_variable("X-User", "X-Users"));
  EXPECT_FALSE(is_same_variable("X-User", "X.User"));
  EXPECT_FALSE(is_same_variable("X-User", "XUser"));
}

TEST(FieldNames, OfOneConnection) {
  for (const std::string_view name :
       {"connection", "Keep-Alive", "PROXY-CONNECTION", "te", "Transfer-Encoding", "Upgrade", "HTTP2-Settings"}) {
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  }
  for (const std::string_view name : {"Keep_Alive", "Trailer", "Host", "Content-Length", "X-Connection", ""}) {
    EXPECT_FALSE(is_hop_by_hop(name)) << name;
  }
}

TEST(FieldNames, ThatStayWhateverConnectionNames) {
  for (const std::string_view name : {"host", "Content-Length", "X-Forwarded-For", "x-forwarded-proto", "Forwarded",
                                      "X-Real-IP", "X-Forwarded-Anything"}) {
    EXPECT_TRUE(must_stay(name)) << name;
  }
  for (const std::string_view name : {"Cookie", "X-Forwarded", "X-A", ""}) EXPECT_FALSE(must_stay(name)) << name;
}

TEST(FieldNames, ThatImitateOthers) {
  for (const std::string_view name :
       {"Content_Length", "CONTENT_LENGTH", "Transfer_Encoding", "X_Forwarded_For", "X-Forwarded_For",
        "x_forwarded-host", "X_Real_IP", "X-Real_IP", "Keep_Alive", "Proxy_Connection"}) {
    EXPECT_TRUE(is_disguised(name)) << name;
  }
  for (const std::string_view name : {"Content-Length", "Transfer-Encoding", "X-Forwarded-For", "X-Real-IP", "X_User",
                                      "Content_Type", "_", "Content__Length", "_Content-Length"}) {
    EXPECT_FALSE(is_disguised(name)) << name;
  }
}

TEST(FieldNames, ForbiddenInTrailers) {
  for (const std::string_view name : {"Host", "content-length", "Content_Length", "X-Forwarded-For", "Forwarded",
                                      "Authorization", "cookie", "Set-Cookie", "Trailer"}) {
    EXPECT_TRUE(is_forbidden_trailer(name)) << name;
  }
  for (const std::string_view name : {"Digest", "Server-Timing", "Grpc-Status", "X-Checksum", "ETag"}) {
    EXPECT_FALSE(is_forbidden_trailer(name)) << name;
  }
}

bool authenticates(std::string_view name, std::string_view value) {
  const Field fields[] = {{"A", "NTLM"}, {name, value}};
  return authenticates_connection(fields);
}

TEST(FieldNames, SchemesThatAuthenticateAConnection) {
  for (const std::string_view name :
       {"Authorization", "proxy-authorization", "WWW-Authenticate", "Proxy-Authenticate"}) {
    EXPECT_TRUE(authenticates(name, "NTLM")) << name;
    EXPECT_FALSE(authenticates(name, "Bearer NTLM")) << name;
  }
  for (const std::string_view value : {"ntlm TlRMTVNTUAAB", "Negotiate", "NEGOTIATE\tYII=", "Nego2",
                                       "Basic realm=\"a, b\", NTLM", "Negotiate, Basic realm=x"}) {
    EXPECT_TRUE(authenticates("WWW-Authenticate", value)) << value;
  }
  for (const std::string_view value : {"", "Basic realm=\"x, NTLM\"", "Basic", "NTLMv2", "Bearer x", "Digest NTLM=x"}) {
    EXPECT_FALSE(authenticates("WWW-Authenticate", value)) << value;
  }
  EXPECT_FALSE(authenticates("X-Authorization", "NTLM"));
}

}  // namespace
}  // namespace sidecar::http
