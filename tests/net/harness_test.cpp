// The peers themselves: a test-suite that cannot tell a truncated body from a complete one proves nothing.
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

struct Pair {
  RawBackend listener;
  RawConnection client = connect_to(listener.address());
  RawConnection server = listener.accept();
};

BodyFraming chunked() {
  return {Framing::chunked, 0};
}

TEST(Harness, chunks_are_decoded_at_every_split) {
  const std::string bytes = chunk("one") + chunk("two and a half") + "0\r\nX-End: yes\r\n\r\nNEXT";
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Pair pair;
    BodyReader body(pair.client, chunked());
    pair.server.send(bytes.substr(0, split));
    pair.server.flush();
    (void)body.silent_for(0ms);
    pair.server.send(bytes.substr(split));
    EXPECT_EQ(body.read_all(), "onetwo and a half");
    EXPECT_EQ(body.trailers(), (std::vector<Field>{{"X-End", "yes"}}));
    EXPECT_EQ(pair.client.read_exact(4), "NEXT");
  }
}

TEST(Harness, a_missing_last_chunk_is_a_truncation) {
  Pair pair;
  pair.server.send(chunk("one"));
  pair.server.close();
  BodyReader body(pair.client, chunked());
  EXPECT_EQ(body.wait_end(), BodyEnd::truncated);
  EXPECT_EQ(body.buffered(), "one");
}

TEST(Harness, a_reset_is_told_from_an_end) {
  Pair pair;
  pair.server.send("delivered");
  EXPECT_EQ(pair.client.read_exact(9), "delivered");
  pair.server.reset();
  EXPECT_EQ(pair.client.wait_end(), End::reset);
}

TEST(Harness, malformed_chunks_are_refused) {
  for (const std::string bytes : {"3;x=y\r\none\r\n", "g\r\n", " 3\r\none\r\n", "3\r\noneX\r\n", "0x3\r\none\r\n"}) {
    Pair pair;
    pair.server.send(bytes + "0\r\n\r\n");  // All that was missing, if that were taken.
    BodyReader body(pair.client, chunked());
    EXPECT_THROW((void)body.read_all(500ms), std::exception) << bytes;
  }
}

TEST(Harness, a_head_with_two_lengths_is_refused) {
  EXPECT_THROW((void)framing_of_response(
                   parse_head("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "GET"),
               std::exception);
  EXPECT_THROW((void)parse_head("HTTP/1.1 200 OK\r\nX-A: b\nX-C: d\r\n\r\n"), std::exception);
  EXPECT_THROW((void)parse_head("HTTP/1.1 200 OK\r\nX A: b\r\n\r\n"), std::exception);
}

TEST(Harness, silence_and_deadlines) {
  Pair pair;
  EXPECT_TRUE(pair.client.silent_for(20ms));
  EXPECT_THROW((void)pair.client.read_exact(1, 20ms), TimedOut);
  pair.server.send("x");
  EXPECT_TRUE(pair.client.readable_within(patience()));
  EXPECT_FALSE(pair.client.silent_for(20ms));
  EXPECT_EQ(pair.client.read_exact(1), "x");
  pair.server.half_close();
  EXPECT_EQ(pair.client.wait_end(), End::eof);
  pair.client.send("still open this way");
  EXPECT_EQ(pair.server.read_exact(19), "still open this way");
}

TEST(Harness, the_pattern_changes_with_its_offset) {
  const std::string all = pattern(100'000);
  EXPECT_EQ(pattern(1'000, 54'321), all.substr(54'321, 1'000));
  EXPECT_NE(pattern(1'000, 4'096), all.substr(0, 1'000));
}

}  // namespace
}  // namespace sidecar::nettest
