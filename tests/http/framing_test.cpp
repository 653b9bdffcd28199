#include "http/framing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/http/reading.hpp"

namespace sidecar::http {
namespace {

using namespace std::string_view_literals;

std::string framing_of_request(const std::vector<Field>& fields, Version version = Version::http_1_1) {
  RequestHead head;
  head.version = version;
  head.fields = fields;
  Framing framing;
  const Refusal refusal = request_framing(head, framing);
  return refusal ? std::to_string(refusal.status) : test::to_text(framing);
}

std::string framing_of_response(const std::vector<Field>& fields, int status = 200, bool to_head = false,
                                Version version = Version::http_1_1) {
  ResponseHead head;
  head.status = status;
  head.version = version;
  head.fields = fields;
  Framing framing;
  const Refusal refusal = response_framing(head, to_head, framing);
  return refusal ? std::to_string(refusal.status) : test::to_text(framing);
}

Field length(std::string_view value) {
  return {"Content-Length", value};
}

Field coding(std::string_view value) {
  return {"transfer-encoding", value};
}

TEST(ContentLength, IsDigitsOnly) {
  EXPECT_EQ(parse_content_length("0"), 0U);
  EXPECT_EQ(parse_content_length("007"), 7U);
  EXPECT_EQ(parse_content_length("10737418240"), 10'737'418'240U);
  EXPECT_EQ(parse_content_length("999999999999999999"), 999'999'999'999'999'999U);
  for (const std::string_view bad : {""sv,
                                     "+1"sv,
                                     "-1"sv,
                                     " 1"sv,
                                     "1 "sv,
                                     "1 2"sv,
                                     "1,1"sv,
                                     "1, 1"sv,
                                     "0x10"sv,
                                     "1e3"sv,
                                     "1.0"sv,
                                     "1_0"sv,
                                     "a"sv,
                                     "\"1\""sv,
                                     "1;"sv,
                                     "\0"
                                     "1"sv,
                                     "1\0"sv,
                                     "\xEF\xBC\x91"sv,
                                     "1000000000000000000"sv,
                                     "9223372036854775808"sv,
                                     "18446744073709551617"sv,
                                     "0000000000000000001"sv}) {
    EXPECT_EQ(parse_content_length(bad), std::nullopt) << test::printable(bad);
  }
}

TEST(RequestFraming, IsOneOfThree) {
  EXPECT_EQ(framing_of_request({}), "none");
  EXPECT_EQ(framing_of_request({}, Version::http_1_0), "none");
  EXPECT_EQ(framing_of_request({length("5")}), "length 5");
  EXPECT_EQ(framing_of_request({length("5")}, Version::http_1_0), "length 5");
  EXPECT_EQ(framing_of_request({length("0")}), "length 0");
  EXPECT_EQ(framing_of_request({{"CONTENT-LENGTH", "5"}}), "length 5");
  EXPECT_EQ(framing_of_request({coding("chunked")}), "chunked");
  EXPECT_EQ(framing_of_request({coding("ChunkeD")}), "chunked");
  EXPECT_EQ(framing_of_request({{"TE", "chunked"}, {"Content-Lengths", "5"}}), "none");
}

TEST(RequestFraming, RefusesBothAndRepeatedOnes) {
  EXPECT_EQ(framing_of_request({length("5"), coding("chunked")}), "400");
  EXPECT_EQ(framing_of_request({coding("chunked"), length("0")}), "400");
  EXPECT_EQ(framing_of_request({coding("identity"), length("5")}), "400");
  EXPECT_EQ(framing_of_request({length("5"), length("5")}), "400");
  EXPECT_EQ(framing_of_request({length("5"), length("6")}), "400");
  EXPECT_EQ(framing_of_request({length(""), length("6")}), "400");
  EXPECT_EQ(framing_of_request({length("6"), length("")}), "400");
  EXPECT_EQ(framing_of_request({coding("chunked"), coding("chunked")}), "400");
  EXPECT_EQ(framing_of_request({coding("chunked"), coding("identity")}), "400");
  EXPECT_EQ(framing_of_request({coding("chunked"), coding("")}), "400");
  EXPECT_EQ(framing_of_request({coding("chunked")}, Version::http_1_0), "400");
  EXPECT_EQ(framing_of_request({coding("identity")}, Version::http_1_0), "400");
}

/// Without a final `chunked` the end of the request is unknown; what stands before it is only not served.
TEST(RequestFraming, RefusesOtherCodings) {
  // Without a final `chunked` nobody could tell the end.
  for (const std::string_view bad :
       {""sv, "identity"sv, "gzip"sv, "chunked,"sv, ",chunked"sv, "chunked, identity"sv, "chunked, gzip"sv,
        "chunked;foo"sv, "chunked ;q=1"sv, "gzip, chunked;q=1"sv, "\"chunked\""sv, "\"gzip, chunked\""sv,
        "chunked\tx"sv, "xchunked"sv, "chunkedx"sv, "chunk"sv, "chun\xC4\xB8"sv, "'chunked'"sv}) {
    EXPECT_EQ(framing_of_request({coding(bad)}), "400") << bad;
  }
  for (const std::string_view unserved :
       {"gzip, chunked"sv, "chunked, chunked"sv, "identity,CHUNKED"sv, "a, b, chunked,"sv})
    EXPECT_EQ(framing_of_request({coding(unserved)}), "501") << unserved;
}

TEST(RequestFraming, RefusesOtherLengths) {
  for (const std::string_view bad : {""sv, "+5"sv, "-5"sv, "5,5"sv, "5 5"sv, "0x5"sv, "5a"sv})
    EXPECT_EQ(framing_of_request({length(bad)}), "400") << bad;
  EXPECT_EQ(framing_of_request({length("99999999999999999999")}), "413");
}

TEST(ResponseFraming, IsOneOfFour) {
  EXPECT_EQ(framing_of_response({}), "until_close");
  EXPECT_EQ(framing_of_response({}, 200, false, Version::http_1_0), "until_close");
  EXPECT_EQ(framing_of_response({length("5")}), "length 5");
  EXPECT_EQ(framing_of_response({length("0")}), "length 0");
  EXPECT_EQ(framing_of_response({length("5")}, 200, false, Version::http_1_0), "length 5");
  EXPECT_EQ(framing_of_response({coding("Chunked")}), "chunked");
}

TEST(ResponseFraming, HasNoBodyWhereNoneCanBe) {
  for (const int status : {100, 101, 103, 199, 204, 304}) {
    EXPECT_EQ(framing_of_response({}, status), "none") << status;
    EXPECT_EQ(framing_of_response({length("5")}, status), "none") << status;
    EXPECT_EQ(framing_of_response({coding("chunked")}, status), "none") << status;
  }
  EXPECT_EQ(framing_of_response({}, 200, true), "none");
  EXPECT_EQ(framing_of_response({length("5")}, 404, true), "none");
  EXPECT_EQ(framing_of_response({coding("chunked")}, 200, true), "none");
  for (const int status : {200, 205, 206, 301, 303, 305, 404, 500, 999})
    EXPECT_EQ(framing_of_response({length("5")}, status), "length 5") << status;
}

TEST(ResponseFraming, TakesRepeatedEqualLengthsAsOne) {
  EXPECT_EQ(framing_of_response({length("5"), length("5")}), "length 5");
  EXPECT_EQ(framing_of_response({length("5, 5")}), "length 5");
  EXPECT_EQ(framing_of_response({length("5,5"), length("05")}), "length 5");
  EXPECT_EQ(framing_of_response({length("5, 6")}), "502");
  EXPECT_EQ(framing_of_response({length("5"), length("6")}), "502");
  EXPECT_EQ(framing_of_response({length("5"), length("0")}), "502");
  EXPECT_EQ(framing_of_response({length("0"), length("5")}), "502");
}

TEST(ResponseFraming, RefusesWhatIsAmbiguous) {
  EXPECT_EQ(framing_of_response({length("5"), coding("chunked")}), "502");
  EXPECT_EQ(framing_of_response({coding("chunked"), length("5")}), "502");
  EXPECT_EQ(framing_of_response({coding("chunked"), coding("chunked")}), "502");
  EXPECT_EQ(framing_of_response({coding("chunked")}, 200, false, Version::http_1_0), "502");
  for (const std::string_view bad : {""sv, "identity"sv, "gzip"sv, "gzip, chunked"sv, "chunked, chunked"sv})
    EXPECT_EQ(framing_of_response({coding(bad)}), "502") << bad;
  for (const std::string_view bad : {""sv, ","sv, "+5"sv, "-5"sv, "5 5"sv, "0x5"sv, "five"sv, "5, five"sv}) {
    EXPECT_EQ(framing_of_response({length(bad)}), "502") << bad;
    EXPECT_EQ(framing_of_response({length(bad)}, 200, true), "502") << bad << " in an answer to HEAD";
  }
}

TEST(Framing, TellsTheBodysSize) {
  using Kind = BodySize::Kind;
  EXPECT_EQ((Framing{FramingKind::none, 0}.body_size()), (BodySize{Kind::none, 0}));
  EXPECT_EQ((Framing{FramingKind::length, 7}.body_size()), (BodySize{Kind::length, 7}));
  EXPECT_EQ((Framing{FramingKind::chunked, 0}.body_size()), (BodySize{Kind::unknown, 0}));
  EXPECT_EQ((Framing{FramingKind::until_close, 0}.body_size()), (BodySize{Kind::unknown, 0}));
}

}  // namespace
}  // namespace sidecar::http
