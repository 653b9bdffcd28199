#include "http/h2_frame_watch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/http/h2_frames.hpp"

namespace sidecar::test {
namespace {

constexpr const char* kNothing = "too many frames that ask for nothing";

std::string repeated(const std::string& bytes, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += bytes;
  return all;
}

/// Past the preface.
struct Watch : http::H2FrameWatch {
  Watch() { EXPECT_EQ(look(http::kH2Preface), nullptr); }
};

TEST(H2FrameWatch, TakesSoMuchOfNothingInARead) {
  Watch watch;
  EXPECT_EQ(watch.look(repeated(h2::ping(), 1'016)), nullptr);  // A thousand, and what two reads have earned.
  EXPECT_STREQ(watch.look(repeated(h2::ping(), 9)), kNothing);
}

TEST(H2FrameWatch, EveryReadEarnsALittle) {
  Watch watch;
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(watch.look(repeated(h2::ping(), 8)), nullptr);
}

TEST(H2FrameWatch, RequestsAndResponsesEarnMore) {
  Watch watch;
  EXPECT_EQ(watch.look(repeated(h2::headers(1, h2::request()) + repeated(h2::ping(), 16), 1'000)), nullptr);
  for (int i = 0; i < 1'000; ++i) watch.on_response_frame();
  EXPECT_EQ(watch.look(repeated(h2::window_update(0, 1), 5'000)), nullptr);
  EXPECT_STREQ(watch.look(repeated(h2::window_update(0, 1), 200)), kNothing);
}

TEST(H2FrameWatch, NobodyCanSaveUpForAFlood) {
  Watch watch;
  for (int i = 0; i < 100'000; ++i) watch.on_response_frame();
  EXPECT_STREQ(watch.look(repeated(h2::ping(), 20'001)), kNothing);
}

TEST(H2FrameWatch, BodiesAndEndsCostNothing) {
  Watch watch;
  EXPECT_EQ(watch.look(repeated(h2::data(1, "x"), 3'000)), nullptr);
  EXPECT_EQ(watch.look(repeated(h2::data(1, "", true), 3'000)), nullptr);
  EXPECT_EQ(watch.look(repeated(h2::frame(h2::kData, h2::kPadded, 1, std::string(257, 'x')), 3'000)), nullptr);
  EXPECT_STREQ(watch.look(repeated(h2::frame(h2::kData, h2::kPadded, 1, std::string(256, 'x')), 3'000)), kNothing);
}

TEST(H2FrameWatch, SeesTheSameHoweverTheBytesAreCut) {
  const std::string bytes = h2::data(1, std::string(300, '\0')) + h2::frame(h2::kHeaders, 0, 1, "abc") +
                            repeated(h2::frame(h2::kContinuation, 0, 1, {}), 8);
  Watch watch;
  for (const char c : bytes) ASSERT_EQ(watch.look({&c, 1}), nullptr);
  const char* found = nullptr;
  for (const char c : h2::frame(h2::kContinuation, 0, 1, {})) {
    if (const char* now = watch.look({&c, 1})) found = now;
  }
  EXPECT_STREQ(found, "too many CONTINUATION frames in one field section");
}

TEST(H2FrameWatch, EachFieldSectionMayHaveItsContinuations) {
  Watch watch;
  const std::string section = h2::frame(h2::kHeaders, 0, 1, {}) + repeated(h2::frame(h2::kContinuation, 0, 1, {}), 8);
  EXPECT_EQ(watch.look(section + section), nullptr);
}

TEST(H2FrameWatch, KnowsWhetherAHeadHasBegun) {
  http::H2FrameWatch watch;
  const auto after = [&](std::string_view bytes) {
    EXPECT_EQ(watch.look(bytes), nullptr);
    return watch.in_head();
  };
  EXPECT_TRUE(after({}));
  EXPECT_TRUE(after(http::kH2Preface.substr(0, 23)));
  EXPECT_FALSE(after(http::kH2Preface.substr(23)));
  const std::string ping = h2::ping();
  EXPECT_TRUE(after(ping.substr(0, 8)));
  EXPECT_FALSE(after(ping.substr(8)));
  const std::string headers = h2::headers(1, h2::request());
  EXPECT_TRUE(after(headers.substr(0, 20)));
  EXPECT_FALSE(after(headers.substr(20)));
  EXPECT_TRUE(after(h2::headers(3, h2::request(), 0)));
  EXPECT_TRUE(after(h2::frame(h2::kContinuation, 0, 3, "x")));
  EXPECT_FALSE(after(h2::frame(h2::kContinuation, h2::kEndHeaders, 3, {})));
  const std::string data = h2::data(3, "a body that stops is no head");
  EXPECT_FALSE(after(data.substr(0, 12)));
}

}  // namespace
}  // namespace sidecar::test
