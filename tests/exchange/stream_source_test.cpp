#include "exchange/stream_source.hpp"

#include <gtest/gtest.h>

namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart = TimePoint{} + 1h;

TEST(StreamSource, CountsEventsAndKnowsItsPlace) {
  StreamSource source(sse::StreamKind::insertable, kStart);
  EXPECT_EQ(source.scanner().position(), sse::Position::boundary);
  source.on_bytes("data: a\n\ndata", kStart);
  EXPECT_EQ(source.events(), 1U);
  EXPECT_EQ(source.scanner().position(), sse::Position::mid_line);
}

TEST(StreamSource, AnOpaqueStreamIsNotLookedInto) {
  StreamSource source(sse::StreamKind::opaque, kStart);
  source.on_bytes("data: a\n\n", kStart);
  EXPECT_EQ(source.events(), 0U);
}

TEST(StreamSource, TheLongestSilence) {
  StreamSource source(sse::StreamKind::opaque, kStart);
  EXPECT_EQ(source.max_idle(kStart), 0ms);
  source.on_bytes("a", kStart + 3s);
  source.on_bytes("b", kStart + 4s);
  EXPECT_EQ(source.max_idle(kStart + 5s), 3s);
  EXPECT_EQ(source.max_idle(kStart + 10s), 6s) << "the one that lasts counts too";
  source.on_bytes("c", kStart + 11s);
  EXPECT_EQ(source.max_idle(kStart + 11s), 7s);
}

}  // namespace
}  // namespace sidecar::exchange
