#include "exchange/exchange.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/exchange/gate.hpp"
#include "tests/exchange/recorder.hpp"

// The exchange alone, as messages: no bytes of HTTP anywhere.
namespace sidecar::exchange {
namespace {

using namespace std::chrono_literals;
using Kind = UpstreamWish::Kind;
using http::FramingKind;

/// What is said to one side, a word a message.
class Said final : public http::ResponseSink, public http::RequestSink {
 public:
  void informational(const http::ResponseHead& head) override { add(std::to_string(head.status)); }
  void head(const http::ResponseHead& head, http::BodySize size) override {
    static constexpr const char* kSizes[] = {"none", "length", "unknown"};
    add("head " + std::to_string(head.status) + " " + kSizes[static_cast<int>(size.kind)]);
  }
  void switching(const http::ResponseHead&) override { add("switching"); }
  void head(std::string_view encoded) override { add("head " + std::string(encoded.substr(0, encoded.find('\r')))); }
  void data(std::string_view bytes) override { add("data " + std::string(bytes)); }
  void end(http::Fields trailers) override { add(trailers.empty() ? "end" : "end with trailers"); }

  std::string take() { return std::exchange(words_, {}); }

 private:
  void add(const std::string& word) { words_ += words_.empty() ? word : ", " + word; }
  std::string words_;
};

class ExchangeTest : public testing::Test {
 protected:
  ExchangeTest() {
    auto policies = std::make_shared<PolicySet>();
    policies->upstreams.emplace_back().name = "app";
    policies->routes.emplace_back().name = "all";
    policies_ = policies;
  }

  Turn turn() {
    return {now, client, backend, scratch_, own_body_, recorder, gate, random_, drain ? &*drain : nullptr};
  }
  template <class Call, class... Args>
  void tell(Call call, Args&&... args) {
    Turn t = turn();
    (exchange.*call)(std::forward<Args>(args)..., t);
  }

  void request(const char* method, http::Framing framing = {}) {
    const std::vector<http::Field> fields = {{"Host", "h"}};
    tell(&Exchange::on_request_head, http::RequestHead{method, "/x", http::Version::http_1_1, fields}, framing,
         Peer{"unix", false}, policies_, 7U);
  }
  void response(int status, http::Framing framing, const char* type = "text/plain") {
    const std::vector<http::Field> fields = {{"Content-Type", type}};
    tell(&Exchange::on_response_head, http::ResponseHead{status, "", http::Version::http_1_1, fields}, framing);
  }
  void delivered() { tell(&Exchange::on_downstream_progress, 1U, 0U); }

  TimePoint now = TimePoint{} + 1h;
  Said client;
  Said backend;
  test::Recorder recorder;
  test::Gate gate;
  std::optional<DrainPlan> drain;
  Exchange exchange;
  PolicySetPtr policies_;

 private:
  http::HeadScratch scratch_;
  std::string own_body_;
  Random random_;
};

TEST_F(ExchangeTest, AStraightLine) {
  EXPECT_EQ(exchange.phase(), Phase::idle);
  EXPECT_FALSE(exchange.active());
  request("GET");
  EXPECT_EQ(exchange.phase(), Phase::connecting);
  EXPECT_EQ(exchange.upstream_wish(), (UpstreamWish{1, Kind::pooled_ok}));
  EXPECT_FALSE(exchange.takes_request_body());
  tell(&Exchange::on_upstream_ready, false);
  EXPECT_EQ(backend.take(), "head GET /x HTTP/1.1");
  EXPECT_TRUE(exchange.takes_request_body());
  tell(&Exchange::on_request_end, http::Fields{});
  response(200, {FramingKind::length, 2});
  EXPECT_EQ(exchange.phase(), Phase::responding);
  tell(&Exchange::on_response_body, "ok");
  tell(&Exchange::on_response_end, http::Fields{}, true);
  EXPECT_EQ(client.take(), "head 200 length, data ok, end");
  EXPECT_EQ(exchange.upstream_wish(), (UpstreamWish{1, Kind::release}));
  EXPECT_EQ(exchange.phase(), Phase::closing);
  EXPECT_TRUE(recorder.records.empty());
  delivered();
  EXPECT_EQ(exchange.phase(), Phase::done);
  EXPECT_EQ(exchange.ending(), Ending::clean);
  ASSERT_EQ(recorder.ends().size(), 1U);
  EXPECT_EQ(recorder.ends()[0].id, 7U);
  exchange.reset();
  EXPECT_EQ(exchange.phase(), Phase::idle);
  EXPECT_EQ(exchange.upstream_wish(), (UpstreamWish{1, Kind::none})) << "numbers never repeat";
}

TEST_F(ExchangeTest, AttemptsAreNumbered) {
  request("GET");
  tell(&Exchange::on_upstream_ready, true);
  tell(&Exchange::on_upstream_broken, UpstreamBreak::eof, true, "");
  EXPECT_EQ(exchange.upstream_wish(), (UpstreamWish{2, Kind::fresh}));
  EXPECT_EQ(exchange.phase(), Phase::connecting);
  backend.take();
  tell(&Exchange::on_upstream_ready, false);
  EXPECT_EQ(backend.take(), "head GET /x HTTP/1.1") << "the head was kept";
  tell(&Exchange::on_upstream_broken, UpstreamBreak::eof, true, "gone");
  EXPECT_EQ(exchange.phase(), Phase::closing);
}

TEST_F(ExchangeTest, AStreamBeatsAndEnds) {
  request("POST", {FramingKind::length, 2});
  EXPECT_EQ(exchange.upstream_wish().kind, Kind::fresh);
  tell(&Exchange::on_upstream_ready, false);
  tell(&Exchange::on_request_body, "hi");
  tell(&Exchange::on_request_end, http::Fields{});
  EXPECT_EQ(backend.take(), "head POST /x HTTP/1.1, data hi, end");
  response(200, {FramingKind::length, 100}, "text/event-stream");
  EXPECT_EQ(client.take(), "head 200 unknown") << "room for what is put in";
  EXPECT_EQ(exchange.next_deadline(), now + 15s);
  tell(&Exchange::on_deadline);
  EXPECT_EQ(client.take(), "");
  now += 15s;
  tell(&Exchange::on_deadline);
  tell(&Exchange::on_deadline);
  EXPECT_EQ(client.take(), "data : heartbeat\n\n");
  tell(&Exchange::on_response_end, http::Fields{}, false);
  EXPECT_EQ(client.take(), "end");
  EXPECT_EQ(exchange.upstream_wish().kind, Kind::close);
  EXPECT_EQ(exchange.next_deadline(), kNever);
  delivered();
  EXPECT_EQ(recorder.ends()[0].heartbeats, 1U);
  EXPECT_EQ(recorder.ends()[0].bytes_in, 2U);
}

TEST_F(ExchangeTest, ARequestThatIsStillBeingSentSpoilsItsConnection) {
  request("POST", {FramingKind::length, 2});
  tell(&Exchange::on_upstream_ready, false);
  response(200, {FramingKind::length, 0});
  tell(&Exchange::on_response_end, http::Fields{}, true);
  EXPECT_EQ(exchange.upstream_wish().kind, Kind::close);
}

TEST_F(ExchangeTest, EveryEndIsWrittenOnce) {
  request("GET");
  tell(&Exchange::on_upstream_ready, false);
  tell(&Exchange::on_downstream_lost, Reason::client_gone, "");
  EXPECT_EQ(exchange.phase(), Phase::done);
  EXPECT_EQ(exchange.ending(), Ending::aborted);
  EXPECT_EQ(exchange.upstream_wish().kind, Kind::abort);
  tell(&Exchange::on_downstream_lost, Reason::forced, "");
  tell(&Exchange::on_drain);
  tell(&Exchange::on_upstream_stalled);
  tell(&Exchange::on_upstream_broken, UpstreamBreak::reset, true, "");
  tell(&Exchange::on_downstream_eof, true);
  tell(&Exchange::on_deadline);
  delivered();
  EXPECT_EQ(recorder.ends().size(), 1U);
  EXPECT_EQ(recorder.ends()[0].reason, Reason::client_gone);
}

TEST_F(ExchangeTest, ARefusalWithoutARequest) {
  tell(&Exchange::on_request_refused, http::Refusal{400, "no"}, http::RequestHead{}, Peer{"unix", false}, 9U);
  EXPECT_TRUE(client.take().starts_with("head 400 length, data "));
  delivered();
  EXPECT_EQ(recorder.ends()[0].id, 9U);
  EXPECT_EQ(recorder.ends()[0].client, "unix");
  EXPECT_EQ(recorder.ends()[0].method, "");
}

TEST_F(ExchangeTest, ATunnelHasTwoHalves) {
  const std::vector<http::Field> offer = {{"Host", "h"}, {"Connection", "Upgrade"}, {"Upgrade", "x"}};
  tell(&Exchange::on_request_head, http::RequestHead{"GET", "/", http::Version::http_1_1, offer}, http::Framing{},
       Peer{"unix", false}, policies_, 1U);
  tell(&Exchange::on_upstream_ready, false);
  tell(&Exchange::on_request_end, http::Fields{});
  response(101, {});
  EXPECT_EQ(client.take(), "switching");
  EXPECT_EQ(exchange.phase(), Phase::tunnel);
  EXPECT_FALSE(exchange.wants_upstream_half_closed());
  tell(&Exchange::on_downstream_eof, false);
  EXPECT_TRUE(exchange.wants_upstream_half_closed());
  EXPECT_FALSE(exchange.wants_downstream_half_closed());
  tell(&Exchange::on_response_end, http::Fields{}, false);
  EXPECT_EQ(exchange.phase(), Phase::closing);
  EXPECT_EQ(exchange.upstream_wish().kind, Kind::close);
}

}  // namespace
}  // namespace sidecar::exchange
