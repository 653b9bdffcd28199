#include "benchmarks/driver/response_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sidecar::bench {
namespace {

struct Sink final : ResponseSink {
  void on_head(int code) override { said += "[" + std::to_string(code) + "]"; }
  void on_body(std::string_view bytes) override { said += bytes; }
  void on_response_end() override { said += "[end]"; }
  std::string said;
};

/// What the sink heard, and how it ended; the same for every split of the bytes.
std::string read(std::string_view bytes) {
  std::string first;
  for (const std::size_t step : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
    ResponseReader reader;
    Sink sink;
    bool right = true;
    for (std::size_t at = 0; at < bytes.size() && right; at += step) right = reader.feed(bytes.substr(at, step), sink);
    if (!right) sink.said += "[wrong]";
    if (right && !reader.finish(sink)) sink.said += "[cut]";
    if (step == bytes.size()) first = sink.said;
    EXPECT_EQ(sink.said, first) << "in steps of " << step;
  }
  return first;
}

TEST(ResponseReader, Length) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "[200]hello[end]");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhell"), "[200]hell[cut]");
  EXPECT_EQ(read("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "[404][end]");
}

TEST(ResponseReader, Chunks) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, everyone\r\n0\r\n\r\n"),
            "[200]hello, everyone[end]");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "[200]hello[cut]");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX5\r\n"), "[200]hello[wrong]");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n"), "[200][wrong]");
}

TEST(ResponseReader, UntilClose) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), "[200]hello[end]");
}

TEST(ResponseReader, OneBehindTheOther) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nb"),
            "[200]a[end][500]b[end]");
}

TEST(ResponseReader, NoHttp) {
  EXPECT_EQ(read("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "[wrong]");
  EXPECT_EQ(read("HTTP/1.1 2"), "[cut]");
}

}  // namespace
}  // namespace sidecar::bench
