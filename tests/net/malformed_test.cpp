// Requests that two parsers could read differently are refused before the backend sees them.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

struct Case {
  const char* name;
  std::string bytes;
  int status = 400;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

class Malformed : public ::testing::TestWithParam<Case> {};

TEST_P(Malformed, is_refused_and_the_end) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send(GetParam().bytes + get("/smuggled"));
  const Response response = read_response(client);
  EXPECT_EQ(response.status(), GetParam().status);
  EXPECT_TRUE(response.head.lists("Connection", "close"));
  EXPECT_NE(client.wait_end(scaled(1s)), End::open);
  EXPECT_EQ(client.buffered(), "");
  EXPECT_TRUE(backend.no_connection_for(30ms));
}

const std::string kHost = "Host: app.test\r\n";

INSTANTIATE_TEST_SUITE_P(
    Requests, Malformed,
    ::testing::Values(
        Case{"no_host", "GET / HTTP/1.1\r\n\r\n"}, Case{"two_hosts", "GET / HTTP/1.1\r\n" + kHost + kHost + "\r\n"},
        Case{"bad_host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        Case{"length_and_chunked",
             "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Case{"two_lengths", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
        Case{"length_list", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 1, 2\r\n\r\nab"},
        Case{"length_word", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: abc\r\n\r\n"},
        Case{"length_plus", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: +2\r\n\r\nab"},
        Case{"length_minus", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: -2\r\n\r\nab"},
        Case{"length_empty", "POST / HTTP/1.1\r\n" + kHost + "Content-Length:\r\n\r\nab"},
        Case{"length_huge", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 99999999999999999999\r\n\r\nab", 413},
        Case{"chunked_not_last", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
        Case{"chunked_twice", "POST / HTTP/1.1\r\n" + kHost +
                                  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Case{"coding_misspelt", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
        Case{"chunked_in_1_0", "POST / HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Case{"folded", "GET / HTTP/1.1\r\n" + kHost + "X-A: b\r\n c\r\n\r\n"},
        Case{"folded_first", "GET / HTTP/1.1\r\n X-A: b\r\n" + kHost + "\r\n"},
        Case{"blank_before_colon", "GET / HTTP/1.1\r\n" + kHost + "X-A : b\r\n\r\n"},
        Case{"no_name", "GET / HTTP/1.1\r\n" + kHost + ": b\r\n\r\n"},
        Case{"no_colon", "GET / HTTP/1.1\r\n" + kHost + "X-A\r\n\r\n"},
        Case{"name_with_blank", "GET / HTTP/1.1\r\n" + kHost + "X A: b\r\n\r\n"},
        Case{"nul_in_value", "GET / HTTP/1.1\r\n" + kHost + std::string("X-A: b\0c\r\n\r\n", 12)},
        Case{"cr_in_value", "GET / HTTP/1.1\r\n" + kHost + "X-A: b\rc\r\n\r\n"},
        Case{"bare_lf", "GET / HTTP/1.1\nHost: app.test\n\n"},
        Case{"bare_lf_in_field", "GET / HTTP/1.1\r\n" + kHost + "X-A: b\nX-C: d\r\n\r\n"},
        Case{"blank_in_target", "GET /a b HTTP/1.1\r\n" + kHost + "\r\n"},
        Case{"two_blanks", "GET  / HTTP/1.1\r\n" + kHost + "\r\n"},
        Case{"relative_target", "GET a HTTP/1.1\r\n" + kHost + "\r\n"},
        Case{"star_without_options", "GET * HTTP/1.1\r\n" + kHost + "\r\n"},
        Case{"host_contradicts", "GET http://one.test/ HTTP/1.1\r\nHost: two.test\r\n\r\n"},
        Case{"bad_method", "G=T / HTTP/1.1\r\n" + kHost + "\r\n"}, Case{"no_version", "GET /\r\n" + kHost + "\r\n"},
        Case{"lower_case_version", "GET / http/1.1\r\n" + kHost + "\r\n"},
        Case{"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n"}),
    [](const auto& param) { return param.param.name; });

class MalformedChunks : public ::testing::TestWithParam<Case> {};

TEST_P(MalformedChunks, end_the_exchange_on_both_sides) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n" + chunk("fine"));
  RawConnection connection = backend.accept();
  BodyReader body(connection, framing_of_request(connection.read_head()));
  EXPECT_EQ(body.read_exact(4), "fine");
  client.send(GetParam().bytes);
  EXPECT_EQ(read_response(client).status(), GetParam().status);
  EXPECT_NE(client.wait_end(scaled(1s)), End::open);
  const BodyEnd end = body.wait_end();
  EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset) << "never dressed up as complete";
}

INSTANTIATE_TEST_SUITE_P(Requests, MalformedChunks,
                         ::testing::Values(Case{"size_word", "xyz\r\n"}, Case{"size_minus", "-1\r\n"},
                                           Case{"size_huge", "fffffffffffffffff\r\n", 413},
                                           Case{"no_crlf_behind_data", "3\r\nabcd\r\n"}, Case{"bare_lf", "3\nabc\r\n"},
                                           Case{"blank_before_size", " 3\r\nabc\r\n"}),
                         [](const auto& param) { return param.param.name; });

TEST(Requests, with_a_coding_that_is_not_understood_are_501) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  RawConnection client = sidecar.connect();
  client.send("POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(read_response(client).status(), 501);
  EXPECT_NE(client.wait_end(scaled(1s)), End::open);
}

TEST(Requests, of_an_unknown_version_are_refused) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string version : {"HTTP/2.0", "HTTP/3.1", "HTTP/0.9"}) {
    RawConnection client = sidecar.connect();
    client.send("GET / " + version + "\r\n" + kHost + "\r\n");
    const int status = read_response(client).status();
    EXPECT_TRUE(status == 400 || status == 505) << version << ": " << status;
    EXPECT_NE(client.wait_end(scaled(1s)), End::open);
  }
}

TEST(Requests, a_body_cut_short_is_never_completed) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  for (const std::string framing : {"Content-Length: 10", "Transfer-Encoding: chunked"}) {
    RawConnection client = sidecar.connect();
    client.send("POST / HTTP/1.1\r\n" + kHost + framing + "\r\n\r\n" + (framing[0] == 'C' ? "half" : chunk("half")));
    RawConnection connection = backend.accept();
    BodyReader body(connection, framing_of_request(connection.read_head()));
    EXPECT_EQ(body.read_exact(4), "half");
    client.close();
    const BodyEnd end = body.wait_end(scaled(1s));
    EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset);
  }
}

}  // namespace
}  // namespace sidecar::nettest
