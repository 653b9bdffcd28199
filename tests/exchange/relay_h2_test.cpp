#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/relay.hpp"
#include "http/h2_connection.hpp"
#include "tests/exchange/dialogue.hpp"
#include "tests/exchange/gate.hpp"
#include "tests/exchange/recorder.hpp"
#include "tests/http/h2_frames.hpp"

// A client of HTTP/2 and backends of HTTP/1.1: each stream has a relay, and the connection is the shell's to turn.
namespace sidecar::test {
namespace {

using exchange::Counted;
using exchange::DownstreamManner;
using exchange::Reason;
using exchange::Relay;
using exchange::TimePoint;
using std::chrono::milliseconds;
using std::chrono::seconds;

class H2RelayDialogue {
 public:
  explicit H2RelayDialogue(const http::H2Connection::Settings& settings = {}) : connection_(settings) {
    bench.policies = std::make_shared<const exchange::PolicySet>(one_upstream());
    client(h2::hello() + h2::settings_ack());
    static_cast<void>(to_client());
  }

  void client(std::string_view bytes) {
    connection_.receive(bytes);
    settle();
  }
  void client_gone() {
    connection_.on_connection_lost();
    settle();
  }
  void connected(int id) {
    at(id).relay.on_upstream_ready(attempt(id), false, now, bench);
    wrote(at(id));
    settle();
  }
  void backend(int id, std::string_view bytes) {
    at(id).relay.on_upstream_bytes(attempt(id), bytes, now, bench);
    wrote(at(id));
    settle();
  }
  void backend_eof(int id) {
    at(id).relay.on_upstream_eof(attempt(id), now, bench);
    wrote(at(id));
    settle();
  }
  void after(milliseconds span) {
    const TimePoint end = now + span;
    for (auto& [id, stream] : streams_) {
      while (stream->relay.next_deadline() <= end) {
        now = std::max(now, stream->relay.next_deadline());
        stream->relay.on_deadline(now, bench);
        wrote(*stream);
      }
    }
    now = end;
    settle();
  }
  /// The client's kernel takes nothing from now on, or everything.
  void block(bool blocked) {
    blocked_ = blocked;
    settle();
  }

  [[nodiscard]] std::string to_client() { return reader_.read(std::exchange(to_client_, {})); }
  [[nodiscard]] std::string to_backend(int id) { return std::exchange(at(id).to_backend, {}); }
  [[nodiscard]] exchange::Wishes wishes(int id) { return at(id).relay.wishes(); }
  [[nodiscard]] std::size_t streams() const { return connection_.streams(); }
  [[nodiscard]] std::uint32_t attempt(int id) { return wishes(id).upstream.attempt; }

  Recorder recorder;
  TimePoint now = TimePoint{} + std::chrono::hours{1};
  Gate gate;
  exchange::Workbench bench{recorder, gate, 1};

 private:
  struct Stream {
    Stream(http::H2Stream& codec_, TimePoint now, const exchange::Workbench& bench)
        : codec(codec_), relay(codec_, "192.0.2.7:51412", false, now, bench) {}
    http::H2Stream& codec;
    Relay relay;
    std::string to_backend;
  };

  Stream& at(int id) { return *streams_.at(id); }

  /// The end of a call to a relay.
  void wrote(Stream& stream) {
    EXPECT_TRUE(bench.to_downstream.empty());
    stream.to_backend += bench.to_upstream.joined();
    bench.to_upstream.clear();
    stream.relay.on_upstream_progress(0, 0, now, bench);
    stream.relay.on_downstream_progress(stream.codec.take_sent(), stream.codec.pending(), now, bench);
    stream.relay.tidy();
  }

  void look() {
    while (http::H2Stream* codec = connection_.next_news()) {
      auto& stream = streams_[codec->id()];
      if (stream == nullptr) stream = std::make_unique<Stream>(*codec, now, bench);
      if (codec->lost()) {
        stream->relay.on_downstream_reset(now, bench);
      } else {
        stream->relay.on_downstream_bytes({}, now, bench);
      }
      wrote(*stream);
    }
  }

  void settle() {
    for (bool more = true; more;) {
      look();
      obey();
      if (!blocked_) {
        connection_.produce(out_, 64 * 1024);
        to_client_ += out_.joined();
        out_.clear();
      }
      more = false;
      while (http::H2Stream* codec = connection_.next_progress()) {
        more = true;
        wrote(at(codec->id()));
      }
    }
    obey();
  }

  void obey() {
    for (auto it = streams_.begin(); it != streams_.end();) {
      Stream& stream = *it->second;
      const DownstreamManner manner = stream.relay.wishes().downstream;
      if (manner == DownstreamManner::finish) stream.codec.finish();
      if (manner == DownstreamManner::abort) stream.codec.abort();
      const bool done = manner != DownstreamManner::keep && stream.codec.pending() == 0;
      if (!done) {
        ++it;
        continue;
      }
      connection_.release(stream.codec);
      it = streams_.erase(it);
    }
  }

  http::H2Connection connection_;
  std::map<int, std::unique_ptr<Stream>> streams_;
  http::Output out_;
  h2::Reader reader_;
  std::string to_client_;
  bool blocked_ = false;
};

constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

TEST(RelayH2, ARequestGoesToTheBackendAsHttp1) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request("GET", "/a?b", {{"cookie", "a=1"}, {"cookie", "b=2"}, {"x-y", "z"}})));
  d.connected(1);
  EXPECT_EQ(d.to_backend(1), "GET /a?b HTTP/1.1\r\nHost: h\r\ncookie: a=1; b=2\r\nx-y: z\r\n\r\n");
  d.backend(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nX-A: b\r\n\r\nok");
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200] [content-length: 2] [x-a: b]\nDATA 1 'ok' end\n");
  EXPECT_EQ(d.streams(), 0U);
  ASSERT_EQ(d.recorder.ends().size(), 1U);
  EXPECT_EQ(d.recorder.ends()[0].reason, Reason::complete);
}

TEST(RelayH2, ABodyOfUnknownLengthIsChunked) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request("POST"), h2::kEndHeaders) + h2::data(1, "abc"));
  d.connected(1);
  EXPECT_EQ(d.to_backend(1), "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  d.client(h2::data(1, "de") + h2::headers(1, {{"x-sum", "5"}}));
  EXPECT_EQ(d.to_backend(1), "2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n");
}

TEST(RelayH2, AnEventStreamIsKeptAliveInSilence) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request("GET", "/events", {{"accept", "text/event-stream"}})) +
           h2::headers(3, h2::request()));
  d.connected(1);
  d.connected(3);
  d.backend(1, std::string(kStreamHead) + "data: 1\n\n");
  EXPECT_EQ(d.to_client(),
            "HEADERS 1 [:status: 200] [content-type: text/event-stream] [cache-control: no-cache, no-transform] "
            "[x-accel-buffering: no]\nDATA 1 'data: 1\\n\\n'\n");
  d.after(seconds{15});
  EXPECT_EQ(d.to_client(), "DATA 1 ': heartbeat\\n\\n'\n");
  d.backend(1, "data: 2\n\n");
  EXPECT_EQ(d.to_client(), "DATA 1 'data: 2\\n\\n'\n");
  d.after(seconds{14});
  EXPECT_EQ(d.to_client(), "");
  d.after(seconds{1});
  EXPECT_EQ(d.to_client(), "DATA 1 ': heartbeat\\n\\n'\n");
  d.backend_eof(1);
  EXPECT_EQ(d.to_client(), "DATA 1 end\n");
  EXPECT_EQ(d.streams(), 1U);
}

TEST(RelayH2, AReaderThatLeavesTakesItsBackendAlong) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request("GET", "/events")) + h2::headers(3, h2::request("GET", "/events")));
  d.connected(1);
  d.connected(3);
  d.backend(1, kStreamHead);
  d.backend(3, kStreamHead);
  static_cast<void>(d.to_client());
  d.client(h2::reset(1));
  EXPECT_EQ(d.streams(), 1U);
  ASSERT_EQ(d.recorder.ends().size(), 1U);
  EXPECT_EQ(d.recorder.ends()[0].reason, Reason::client_gone);
  d.backend(3, "data: x\n\n");
  EXPECT_EQ(d.to_client(), "DATA 3 'data: x\\n\\n'\n");
  d.client_gone();
  EXPECT_EQ(d.streams(), 0U);
  EXPECT_EQ(d.recorder.ends().size(), 2U);
}

TEST(RelayH2, ABrokenBackendIsNoCleanEnd) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request()));
  d.connected(1);
  d.backend(1, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  d.backend_eof(1);
  EXPECT_EQ(d.to_client(), "HEADERS 1 [:status: 200] [content-length: 9]\nDATA 1 'abc'\n");
  d.after(milliseconds{150});
  EXPECT_EQ(d.to_client(), "RST_STREAM 1 INTERNAL_ERROR\n");
  ASSERT_EQ(d.recorder.ends().size(), 1U);
  EXPECT_EQ(d.recorder.ends()[0].reason, Reason::upstream_truncated);
}

TEST(RelayH2, TheEndIsToldWhenItIsOnItsWayAndNotBefore) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request()));
  d.connected(1);
  d.block(true);
  d.backend(1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(d.recorder.ends().size(), 0U);
  d.block(false);
  EXPECT_EQ(d.recorder.ends().size(), 1U);
}

TEST(RelayH2, AClientThatDoesNotReadMakesItsBackendWait) {
  H2RelayDialogue d;
  d.client(h2::settings({{4, 10}}) + h2::headers(1, h2::request()));
  d.connected(1);
  d.backend(1, "HTTP/1.1 200 OK\r\n\r\n0123456789ab");
  EXPECT_FALSE(d.wishes(1).read_upstream);
  d.client(h2::window_update(1, 100));
  EXPECT_TRUE(d.wishes(1).read_upstream);
  d.client(h2::settings({{4, 0}}));
  static_cast<void>(d.to_client());
  d.backend(1, std::string(200, 'x'));
  d.after(seconds{3'600});  // Stalled: it is given up.
  EXPECT_NE(d.to_client().find("RST_STREAM 1 CANCEL\n"), std::string::npos);
  EXPECT_EQ(d.streams(), 0U);
}

TEST(RelayH2, RefusalsAreAnswered) {
  H2RelayDialogue d;
  d.client(h2::headers(1, h2::request("GET", "/", {{"host", "other"}})));
  const std::string text = d.to_client();
  EXPECT_NE(text.find("HEADERS 1 [:status: 400]"), std::string::npos) << text;
  EXPECT_NE(text.find("Host contradicts :authority"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(" end\n")) << text;
  EXPECT_EQ(d.streams(), 0U);
  EXPECT_EQ(d.recorder.counted.at(Counted::request_rejected), 1U);
}

}  // namespace
}  // namespace sidecar::test
