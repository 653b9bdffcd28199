#include "benchmarks/driver/event.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace sidecar::bench {
namespace {

std::string event(const EventFormat& format, const EventNumbers& numbers) {
  std::string bytes(format.size(), '\0');
  format.write(bytes.data(), numbers);
  return bytes;
}

TEST(Event, IsReadAsItWasWritten) {
  for (const std::size_t size : {EventFormat::kSmallest, std::size_t{256}, std::size_t{4096}}) {
    const EventFormat format(size);
    const std::string bytes = event(format, {17, 4'200'000'001, 1'234'567'890'123});
    const auto numbers = format.read(bytes);
    ASSERT_TRUE(numbers.has_value()) << bytes;
    EXPECT_EQ(numbers->stream, 17U);
    EXPECT_EQ(numbers->sequence, 4'200'000'001U);
    EXPECT_EQ(numbers->sent, 1'234'567'890'123);
  }
}

TEST(Event, IsOneEventOfAnEventStream) {
  const EventFormat format(256);
  const std::string bytes = event(format, {1, 2, 3});
  EXPECT_TRUE(bytes.starts_with("id: 00000001-0000000002\ndata: 0000000000000000003 ")) << bytes;
  EXPECT_EQ(bytes.find("\n\n"), bytes.size() - 2);
}

TEST(Event, AnyChangedByteIsSeen) {
  const EventFormat format(128);
  const EventNumbers numbers{1, 2, 3};
  const std::string whole = event(format, numbers);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] ^= 1;
    const auto read = format.read(changed);
    const bool same =
        read && read->stream == numbers.stream && read->sequence == numbers.sequence && read->sent == numbers.sent;
    EXPECT_FALSE(same) << "byte " << i;
  }
}

TEST(Event, TooShortOrTooLongIsNone) {
  const EventFormat format(128);
  const std::string whole = event(format, {1, 2, 3});
  EXPECT_FALSE(format.read(whole.substr(1)).has_value());
  EXPECT_FALSE(format.read(whole + "\n").has_value());
  EXPECT_FALSE(format.read({}).has_value());
}

TEST(Event, HasASmallestSize) {
  EXPECT_THROW(EventFormat(EventFormat::kSmallest - 1), std::invalid_argument);
}

}  // namespace
}  // namespace sidecar::bench
