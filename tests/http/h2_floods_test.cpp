#include <gtest/gtest.h>

#include <string>

#include "tests/http/h2_dialogue.hpp"

// What a client may cost, and what it may not (RFC 9113 §10.5).
namespace sidecar::test {
namespace {

using Settings = http::H2Connection::Settings;

constexpr http::BodySize kUnknown{http::BodySize::Kind::unknown, 0};

std::string repeated(const std::string& bytes, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += bytes;
  return all;
}

/// Sends `bytes` again and again, reading what comes, and expects to be told to calm down.
void expect_calm(H2Dialogue& d, const std::string& bytes, int times, const char* why) {
  for (int i = 0; i < times && !d.connection.over(); ++i) {
    d.client(bytes);
    static_cast<void>(d.to_client());
  }
  EXPECT_TRUE(d.connection.over());
  EXPECT_STREQ(d.connection.broken(), why);
}

constexpr const char* kNothing = "too many frames that ask for nothing";

TEST(H2Floods, FramesThatAskForNothing) {
  const std::string get = h2::headers(1, h2::request("POST"), h2::kEndHeaders);
  const std::pair<const char*, std::string> floods[] = {
      {"PING", h2::ping()},
      {"answers to PING", h2::ping(true)},
      {"SETTINGS", h2::settings({})},
      {"PRIORITY", h2::frame(h2::kPriorityFrame, 0, 3, h2::u32(0) + "x")},
      {"WINDOW_UPDATE", h2::window_update(0, 1)},
      {"WINDOW_UPDATE on a stream", h2::window_update(1, 1)},
      {"empty DATA", h2::data(1, "")},
      {"DATA that is padding", h2::frame(h2::kData, h2::kPadded, 1, std::string(1, '\x02') + "ab")},
      {"unknown frames", h2::frame(0xbb, 0, 0, "x")},
      {"PRIORITY_UPDATE", h2::frame(0x10, 0, 0, h2::u32(1) + "u=1")},
      {"GOAWAY", h2::goaway()},
  };
  for (const auto& [name, bytes] : floods) {
    SCOPED_TRACE(name);
    H2Dialogue d;
    d.client(get);
    expect_calm(d, repeated(bytes, 200), 10, kNothing);
    H2Dialogue calm;
    calm.client(get);
    for (int i = 0; i < 3'000; ++i) {
      calm.client(bytes);  // A read each: such a client may be slow, or keep its connection alive.
      static_cast<void>(calm.to_client());
    }
    EXPECT_FALSE(calm.connection.over());
  }
}

TEST(H2Floods, AClientThatReadsMayAnswerEachFrame) {
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  std::string answers;
  for (int i = 0; i < 4'000; ++i) {
    d.body(1, "data: x\n\n");
    static_cast<void>(d.to_client());
    answers += h2::window_update(0, 9) + h2::window_update(1, 9);
  }
  d.client(answers);  // In one read: it was we who were slow.
  EXPECT_FALSE(d.connection.over());
}

TEST(H2Floods, RequestsThatAreTakenBackAtOnce) {
  H2Dialogue d;
  std::uint32_t id = 1;
  for (; id < 1'000 && !d.connection.over(); id += 2) {
    d.client(h2::headers(id, h2::request()) + h2::reset(id));
    static_cast<void>(d.to_client());
  }
  EXPECT_EQ(id, 203U);  // One more than a hundred.
  EXPECT_STREQ(d.connection.broken(), "too many streams were reset unanswered");
  EXPECT_EQ(d.seen(), "");
  EXPECT_EQ(d.connection.streams(), 0U);
}

TEST(H2Floods, AnAnswerPaysForARequestThatIsTakenBack) {
  H2Dialogue d;
  std::uint32_t id = 1;
  const auto answered = [&](int times) {
    for (int i = 0; i < times; ++i, id += 2) {
      d.client(h2::headers(id, h2::request()));
      d.answer(static_cast<std::int32_t>(id), "x");
      static_cast<void>(d.to_client());
      d.release(static_cast<std::int32_t>(id));
    }
  };
  const auto taken_back = [&](int times) {
    for (int i = 0; i < times; ++i, id += 2) d.client(h2::headers(id, h2::request()) + h2::reset(id));
    static_cast<void>(d.to_client());
    return d.connection.over();
  };
  answered(50);
  EXPECT_FALSE(taken_back(150));
  answered(3'000);
  EXPECT_FALSE(taken_back(1'000));  // No more than that can be saved up.
  EXPECT_TRUE(taken_back(1));
}

TEST(H2Floods, RequestsThatAreTakenBackInOneRead) {
  H2Dialogue d;
  std::string bytes;
  for (std::uint32_t id = 1; id < 2'000; id += 2) bytes += h2::headers(id, h2::request()) + h2::reset(id);
  d.client(bytes);
  EXPECT_EQ(d.to_client(), "GOAWAY 1999 ENHANCE_YOUR_CALM\n");
  EXPECT_TRUE(d.connection.over());
}

/// Readers of event streams leave by a reset, and an ingress brings all of them over one connection.
TEST(H2Floods, StreamsThatWereAnsweredMayBeReset) {
  H2Dialogue d;
  for (int id = 1; id < 4'000; id += 2) {
    d.client(h2::headers(static_cast<std::uint32_t>(id), h2::request()));
    d.head(id, 200, kUnknown);
    static_cast<void>(d.to_client());
    d.client(h2::reset(static_cast<std::uint32_t>(id)));
    d.release(id);
  }
  EXPECT_FALSE(d.connection.over());
}

/// CVE-2025-8671: the client lets us reset its streams, and the backend works for nothing.
TEST(H2Floods, StreamsThatWeAreMadeToReset) {
  H2Dialogue d;
  std::uint32_t id = 1;
  for (; id < 1'000 && !d.connection.over(); id += 2) {
    d.client(h2::headers(id, h2::request()) + h2::window_update(id, 0x7fffffff));
    static_cast<void>(d.to_client());
    if (!d.connection.over()) d.release(static_cast<std::int32_t>(id));
  }
  EXPECT_LT(id, 220U);
  EXPECT_STREQ(d.connection.broken(), "too many streams were reset unanswered");
}

TEST(H2Floods, MoreStreamsThanAllowed) {
  Settings settings;
  settings.concurrent_streams = 2;
  H2Dialogue d(settings);
  for (const std::uint32_t id : {1U, 3U, 5U}) d.client(h2::headers(id, h2::request()));
  EXPECT_EQ(d.to_client(), "GOAWAY 3 PROTOCOL_ERROR\n");
  EXPECT_TRUE(d.connection.over());
}

TEST(H2Floods, MoreStreamsThanAllowedBeforeTheClientKnewIt) {
  Settings settings;
  settings.concurrent_streams = 2;
  H2Dialogue d(settings, false);
  static_cast<void>(d.to_client());
  d.client(h2::hello() + h2::headers(1, h2::request()) + h2::headers(3, h2::request()) + h2::headers(5, h2::request()));
  EXPECT_EQ(d.to_client(), "SETTINGS ack\nRST_STREAM 5 REFUSED_STREAM\n");
  EXPECT_EQ(d.connection.streams(), 2U);
  std::string more;
  for (std::uint32_t id = 7; id < 1'000; id += 2) more += h2::headers(id, h2::request());
  d.client(more);
  EXPECT_NE(d.to_client().find("ENHANCE_YOUR_CALM"), std::string::npos);
}

TEST(H2Floods, AClientThatReadsNothing) {
  H2Dialogue d;
  for (int i = 0; i < 2'000 && d.connection.broken() == nullptr; ++i) d.client(h2::ping());
  EXPECT_STREQ(d.connection.broken(), "too many SETTINGS or PING frames wait for an answer");
  EXPECT_EQ(d.to_client(), "GOAWAY 0 ENHANCE_YOUR_CALM\n");
  EXPECT_TRUE(d.connection.over());
}

TEST(H2Floods, Continuations) {
  const std::string begun = h2::frame(h2::kHeaders, h2::kEndStream, 1, h2::hpack(h2::request()));
  H2Dialogue d;
  d.client(begun + repeated(h2::frame(h2::kContinuation, 0, 1, {}), 7) +
           h2::frame(h2::kContinuation, h2::kEndHeaders, 1, h2::hpack({{"a", "b"}})));
  EXPECT_EQ(d.seen(), "1 GET / [Host: h] [a: b] none\n1 end\n");
  H2Dialogue flood;
  flood.client(begun);
  flood.client_bytewise(repeated(h2::frame(h2::kContinuation, 0, 1, {}), 8));
  EXPECT_EQ(flood.connection.broken(), nullptr);
  flood.client_bytewise(h2::frame(h2::kContinuation, 0, 1, {}));
  EXPECT_STREQ(flood.connection.broken(), "too many CONTINUATION frames in one field section");
  EXPECT_EQ(flood.to_client(), "GOAWAY 1 ENHANCE_YOUR_CALM\n");
}

TEST(H2Floods, ContinuationsOfAHeadThatIsIgnored) {
  H2Dialogue closed;
  closed.client(h2::headers(1, h2::request()) + h2::headers(3, h2::request(), h2::kEndHeaders));
  static_cast<void>(closed.to_client());
  closed.client(h2::reset(3) + h2::frame(h2::kHeaders, 0, 3, h2::hpack({{"a", "b"}})));
  expect_calm(closed, h2::frame(h2::kContinuation, 0, 3, {}), 10, "too many CONTINUATION frames in one field section");
}

TEST(H2Floods, AHeadThatIsTooLongIsAnswered) {
  Settings settings;
  settings.header_list = 1'000;
  H2Dialogue d(settings);
  d.client(h2::headers(1, h2::request("GET", "/", {{"x", std::string(900, 'a')}})));
  EXPECT_EQ(d.seen(), "1 refused 431 (the head is too long)\n");
  d.answer(1, "no");
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200] [content-length: 2]\nDATA 1 'no' end\n");
  d.client(h2::headers(3, h2::request("HEAD", "/" + std::string(1'000, 'a')), h2::kEndHeaders) + h2::data(3, "body"));
  EXPECT_EQ(d.seen(), "3 refused 414 (the request target is too long)\n");
  EXPECT_EQ(d.stream(3).received().size(), 0U);
  d.answer(3, "no");
  EXPECT_EQ(d.to_client(), "HEADERS 3 [:status: 200] end\nRST_STREAM 3 NO_ERROR\n");
  // An index to what both tables know is one byte that decodes to many.
  d.client(h2::headers(5, h2::request("GET", "/", {{"x", std::string(700, 'a')}})));
  EXPECT_EQ(d.seen(), "5 GET / [Host: h] [x: " + std::string(700, 'a') + "] none\n5 end\n");
}

/// One byte that names an entry of the table decodes to kilobytes.
TEST(H2Floods, AHeadThatInflatesIsNotKept) {
  Settings settings;
  settings.header_list = 10'000;
  H2Dialogue d(settings);
  const std::string big(3'000, 'a');
  std::string remembered = "\x40" + h2::hpack_integer(1, 7, 0) + "x" + h2::hpack_integer(big.size(), 7, 0) + big;
  const std::string fields = h2::hpack(h2::request());
  d.client(h2::frame(h2::kHeaders, 5, 1, fields + remembered + std::string(2, '\xbe')));  // Three times: not too much.
  EXPECT_NE(d.seen().find("1 GET / [Host: h] [x: aaa"), std::string::npos);
  d.client(h2::frame(h2::kHeaders, 5, 3, fields + std::string(5, '\xbe')));
  EXPECT_EQ(d.seen(), "3 refused 431 (the head is too long)\n");
  EXPECT_LT(d.stream(3).memory(), 1'000U);
  d.client(h2::frame(h2::kHeaders, 5, 5, fields + std::string(16'000, '\xbe')));
  EXPECT_EQ(d.seen(), "");
  EXPECT_EQ(d.to_client(), "RST_STREAM 5 ENHANCE_YOUR_CALM\n");
  EXPECT_EQ(d.connection.streams(), 2U);
  d.client(h2::frame(h2::kHeaders, 5, 7, fields + std::string(1, '\xbe')));  // Both sides still have the same table.
  EXPECT_NE(d.seen().find("7 GET / [Host: h] [x: aaa"), std::string::npos);
}

TEST(H2Floods, ALongHeadInManyFramesIsNotKeptEither) {
  Settings settings;
  settings.header_list = 1'000;
  H2Dialogue d(settings);
  d.client(h2::frame(h2::kHeaders, 1, 1, h2::hpack(h2::request())));
  for (int i = 0; i < 3; ++i) d.client(h2::frame(h2::kContinuation, 0, 1, h2::hpack({{"x", std::string(500, 'a')}})));
  EXPECT_LT(d.connection.memory(), H2Dialogue().connection.memory() + 2'000);
  d.client(h2::frame(h2::kContinuation, 4, 1, {}));
  EXPECT_EQ(d.seen(), "1 refused 431 (the head is too long)\n");
}

TEST(H2Floods, TooManyFields) {
  H2Dialogue d;
  d.limits.fields = 4;
  const h2::List three{{"a", "1"}, {"b", "2"}, {"c", "3"}};
  d.client(h2::headers(1, h2::request("GET", "/", three)));  // And Host.
  EXPECT_EQ(d.seen(), "1 GET / [Host: h] [a: 1] [b: 2] [c: 3] none\n1 end\n");
  d.client(h2::headers(3, h2::request("GET", "/", {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}})));
  EXPECT_EQ(d.seen(), "3 refused 431 (too many fields)\n");
  const h2::List cookies{{"cookie", "1"}, {"cookie", "2"}, {"cookie", "3"}, {"cookie", "4"}, {"cookie", "5"}};
  d.client(h2::headers(5, h2::request("GET", "/", cookies)));
  EXPECT_EQ(d.seen(), "5 GET / [Host: h] [cookie: 1; 2; 3; 4; 5] none\n5 end\n");
  d.limits.bytes = 50;
  d.client(h2::headers(7, h2::request("GET", "/", {{"a", std::string(30, 'x')}})));
  EXPECT_EQ(d.seen(), "7 refused 431 (the head is too long)\n");
}

TEST(H2Floods, TrailersHaveTheSameLimits) {
  Settings settings;
  settings.header_list = 1'000;
  H2Dialogue d(settings);
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::headers(1, {{"x", std::string(1'000, 'a')}}));
  EXPECT_EQ(d.seen(), "1 POST / [Host: h] chunked\n1 refused 431 (the trailer section is too long)\n");
}

}  // namespace
}  // namespace sidecar::test
