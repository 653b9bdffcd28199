// What HTTP/2 costs while nothing happens, and that an event on its way through allocates nothing.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "tests/http/h2_dialogue.hpp"

extern "C" {
// glibc's own allocator behind the name that everybody calls.
void* __libc_malloc(std::size_t size);  // NOLINT(bugprone-reserved-identifier)
}

namespace {
std::uint64_t allocations = 0;
constexpr bool kSanitized = std::string_view(SIDECAR_SANITIZE).size() > 0;
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
#endif

namespace sidecar::test {
namespace {

constexpr http::BodySize kUnknown{http::BodySize::Kind::unknown, 0};

std::size_t heap() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// A connection that carries `streams` event streams, each with one event behind it, without what only a test has.
class Idle {
 public:
  explicit Idle(int streams) {
    http::HeadScratch scratch;
    http::Output out;
    connection_.receive(h2::hello() + h2::settings_ack());
    for (int i = 0; i < streams; ++i) {
      connection_.receive(h2::headers(static_cast<std::uint32_t>(2 * i + 1), h2::request("GET", "/events")));
      http::H2Stream* stream = connection_.next_news();
      std::string_view input;
      while (stream->next(input, {}, scratch).event != http::DownstreamCodec::Event::need_more) {
      }
      http::ResponseHead head;
      head.status = 200;
      const http::Field type{"Content-Type", "text/event-stream"};
      head.fields = {&type, 1};
      stream->write_head(head, kUnknown, out);
      stream->write_data("data: hello\n\n", out);
    }
    connection_.produce(out, std::string::npos);
    while (connection_.next_progress() != nullptr) {
    }
  }
  [[nodiscard]] std::size_t told() const { return connection_.memory(); }

 private:
  http::H2Connection connection_{{}};
};

TEST(H2Memory, WhatIsToldIsAboutWhatIsUsed) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  static_cast<void>(Idle(1));  // What is made once a process.
  std::size_t before = heap();
  const auto none = std::make_unique<Idle>(0);
  const std::size_t session = heap() - before;
  before = heap();
  const auto many = std::make_unique<Idle>(100);
  const std::size_t a_stream = (heap() - before - session) / 100;
  RecordProperty("session", static_cast<int>(session));
  RecordProperty("stream", static_cast<int>(a_stream));
  std::printf("a connection: %zu bytes, an idle stream: %zu bytes more\n", session, a_stream);
  EXPECT_LT(session, 26'000U);
  EXPECT_LT(a_stream, 1'100U);
  EXPECT_NEAR(static_cast<double>(none->told()), static_cast<double>(session), 0.15 * static_cast<double>(session));
  const std::size_t all = session + 100 * a_stream;
  EXPECT_NEAR(static_cast<double>(many->told()), static_cast<double>(all), 0.15 * static_cast<double>(all));
}

TEST(H2Memory, AnEventAllocatesNothing) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  H2Dialogue d;
  d.client(h2::headers(1, h2::request()));
  d.head(1, 200, kUnknown);
  http::Output out;
  const std::string window = h2::window_update(0, 1'000'000) + h2::window_update(1, 1'000'000);
  d.client(window);
  const auto event = [&] {
    d.stream(1).write_data("data: the quick brown fox jumps over the lazy dog\n\n", out);
    d.connection.produce(out, 64 * 1024);
    while (d.connection.next_progress() != nullptr) {
    }
    out.clear();
  };
  for (int i = 0; i < 10; ++i) event();
  const std::uint64_t before = allocations;
  for (int i = 0; i < 1'000; ++i) event();
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(d.stream(1).pending(), 0U);
}

}  // namespace
}  // namespace sidecar::test
