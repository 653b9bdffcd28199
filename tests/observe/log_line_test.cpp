#include "observe/log_line.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "json.hpp"

namespace sidecar::observe {
namespace {

using exchange::ClosedBy;
using exchange::LifecycleEvent;
using exchange::LifecycleRecord;
using exchange::Reason;
using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 3h + 22min + 11s + 123ms};
constexpr std::string_view kTime = "2026-11-21T03:22:11.123Z";

LifecycleRecord record(LifecycleEvent event) {
  return {.event = event,
          .id = 0xc0ffee,
          .route = "uploads",
          .client = "192.0.2.7:51412",
          .method = "GET",
          .target = "/stream?token=very-secret",
          .status = 200,
          .upstream = "app",
          .duration = 61'042ms,
          .ttfb = 12ms,
          .after = 34ms,
          .idle = 15'000ms,
          .max_idle = 29'950ms,
          .bytes_in = 17,
          .bytes_out = 4242,
          .events = 9,
          .heartbeats = 3,
          .reason = Reason::client_gone,
          .closed_by = ClosedBy::client,
          .detail = ""};
}

std::string line(LineFormat format, const LifecycleRecord& r) {
  std::string out;
  append_record(out, format, kNow, r, "/stream");
  return out;
}

std::string json(const LifecycleRecord& r) {
  return line(LineFormat::json, r);
}
std::string text(const LifecycleRecord& r) {
  return line(LineFormat::text, r);
}

TEST(LogLine, ALongValueStandsWhereItBelongs) {
  const std::string path(1'000, 'x');
  LifecycleRecord r;
  r.event = LifecycleEvent::stream_open;
  r.route = "before";
  r.upstream = "behind";
  std::string out;
  append_record(out, LineFormat::json, kNow, r, path);
  const std::size_t at = out.find("\"path\":\"" + path + "\",\"status\":");
  ASSERT_NE(at, std::string::npos) << out;
  EXPECT_LT(out.find("\"route\":\"before\""), at);
  EXPECT_GT(out.find("\"upstream\":\"behind\""), at);
}

TEST(LogLine, JsonOfEveryEvent) {
  const std::string middle =
      R"("id":"0000000000c0ffee","route":"uploads","client":"192.0.2.7:51412","method":"GET","path":"/stream",)"
      R"("status":200,"upstream":"app",)";
  const auto expected = [&](std::string_view level, std::string_view event, std::string_view additions) {
    return R"({"ts":"2026-11-21T03:22:11.123Z","level":")" + std::string(level) + R"(","event":")" +
           std::string(event) + "\"," + middle + std::string(additions) + "}";
  };
  LifecycleRecord request = record(LifecycleEvent::request);
  request.reason = Reason::complete;
  EXPECT_EQ(json(request), expected("info", "request", R"("duration_ms":61042,"bytes_in":17,"bytes_out":4242)"));
  EXPECT_EQ(json(record(LifecycleEvent::stream_open)), expected("info", "stream_open", R"("ttfb_ms":12)"));
  EXPECT_EQ(json(record(LifecycleEvent::stream_first_event)),
            expected("info", "stream_first_event", R"("after_ms":34)"));
  EXPECT_EQ(json(record(LifecycleEvent::heartbeat)), expected("debug", "heartbeat", R"("idle_ms":15000)"));
  EXPECT_EQ(json(record(LifecycleEvent::stream_close)),
            expected("info", "stream_close",
                     R"("duration_ms":61042,"events":9,"heartbeats":3,"bytes_out":4242,"max_idle_ms":29950,)"
                     R"("reason":"client_gone","closed_by":"client")"));
  LifecycleRecord downgrade = record(LifecycleEvent::downgrade);
  downgrade.detail = "h2c_upgrade";
  EXPECT_EQ(json(downgrade), expected("info", "downgrade", R"("how":"h2c_upgrade")"));
}

TEST(LogLine, TextOfEveryEvent) {
  const std::string common =
      " id=0000000000c0ffee route=uploads client=192.0.2.7:51412 method=GET path=/stream status=200 upstream=app";
  const auto expected = [&](std::string_view head, std::string_view additions) {
    return std::string(kTime) + " " + std::string(head) + common + " " + std::string(additions);
  };
  LifecycleRecord request = record(LifecycleEvent::request);
  request.reason.reset();
  EXPECT_EQ(text(request), expected("INFO request", "duration_ms=61042 bytes_in=17 bytes_out=4242"));
  EXPECT_EQ(text(record(LifecycleEvent::stream_open)), expected("INFO stream_open", "ttfb_ms=12"));
  EXPECT_EQ(text(record(LifecycleEvent::heartbeat)), expected("DEBUG heartbeat", "idle_ms=15000"));
  LifecycleRecord close = record(LifecycleEvent::stream_close);
  close.detail = "connection reset";
  EXPECT_EQ(text(close), expected("INFO stream_close",
                                  "duration_ms=61042 events=9 heartbeats=3 bytes_out=4242 max_idle_ms=29950 "
                                  "reason=client_gone closed_by=client detail=\"connection reset\""));
}

TEST(LogLine, RequestSaysWhyOnlyWhenItDidNotComplete) {
  LifecycleRecord r = record(LifecycleEvent::request);
  r.reason = Reason::upstream_unreachable;
  r.closed_by = ClosedBy::upstream;
  r.detail = "connection refused";
  const boost::json::object failed = test::parse_line(json(r));
  EXPECT_EQ(failed.at("reason").as_string(), "upstream_unreachable");
  EXPECT_EQ(failed.at("closed_by").as_string(), "upstream");
  EXPECT_EQ(failed.at("detail").as_string(), "connection refused");
  for (const std::optional<Reason> reason : {std::optional<Reason>{}, std::optional{Reason::complete}}) {
    r.reason = reason;
    const boost::json::object fine = test::parse_line(json(r));
    EXPECT_FALSE(fine.contains("reason"));
    EXPECT_FALSE(fine.contains("closed_by"));
    EXPECT_FALSE(fine.contains("detail"));
  }
}

TEST(LogLine, UnknownIsNullOrEmptyInJsonAndLeftOutInText) {
  LifecycleRecord r;
  r.event = LifecycleEvent::stream_close;
  EXPECT_EQ(json(r),
            R"({"ts":"2026-11-21T03:22:11.123Z","level":"info","event":"stream_close","id":"0000000000000000",)"
            R"("route":"","client":"","method":"","path":"/stream","status":0,"upstream":"","duration_ms":0,)"
            R"("events":0,"heartbeats":0,"bytes_out":0,"max_idle_ms":null,"reason":null,"closed_by":null})");
  EXPECT_EQ(text(r), std::string(kTime) +
                         " INFO stream_close id=0000000000000000 path=/stream status=0 duration_ms=0 events=0 "
                         "heartbeats=0 bytes_out=0");
  r.event = LifecycleEvent::stream_open;
  EXPECT_TRUE(test::parse_line(json(r)).at("ttfb_ms").is_null());
}

TEST(LogLine, TheRawTargetIsNeverPrinted) {
  for (int at = 0; at <= static_cast<int>(LifecycleEvent::downgrade); ++at) {
    const LifecycleRecord r = record(static_cast<LifecycleEvent>(at));
    EXPECT_EQ(json(r).find("secret"), std::string::npos);
    EXPECT_EQ(text(r).find("secret"), std::string::npos);
  }
}

TEST(LogLine, Times) {
  const auto at = [](WallTime time) {
    std::string out;
    append_dropped(out, LineFormat::text, time, 1);
    return out.substr(0, kTime.size());
  };
  EXPECT_EQ(at(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(at(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(at(kNow + 876ms), "2026-11-21T03:22:11.999Z");
  EXPECT_EQ(at(kNow + 876'999us), "2026-11-21T03:22:11.999Z");  // floored: no 1000 ms
  EXPECT_EQ(at(std::chrono::sys_days{std::chrono::year{2028} / 2 / 29} + 23h + 59min + 59s),
            "2028-02-29T23:59:59.000Z");
}

TEST(LogLine, IdHasSixteenDigits) {
  LifecycleRecord r = record(LifecycleEvent::stream_open);
  r.id = ~std::uint64_t{0};
  EXPECT_EQ(test::parse_line(json(r)).at("id").as_string(), "ffffffffffffffff");
}

TEST(LogLine, Messages) {
  std::string out;
  append_message(out, LineFormat::json, kNow, Level::warn, "limits.connections: clamped\nto \"9900\"");
  EXPECT_EQ(out, R"({"ts":"2026-11-21T03:22:11.123Z","level":"warn","event":"message",)"
                 R"("message":"limits.connections: clamped\nto \"9900\""})");
  out.clear();
  append_message(out, LineFormat::text, kNow, Level::error, "cannot listen");
  EXPECT_EQ(out, "2026-11-21T03:22:11.123Z ERROR message message=\"cannot listen\"");
  out.clear();
  append_dropped(out, LineFormat::json, kNow, 77);
  EXPECT_EQ(out, R"({"ts":"2026-11-21T03:22:11.123Z","level":"warn","event":"log_dropped","dropped":77})");
  out.clear();
  append_dropped(out, LineFormat::text, kNow, 77);
  EXPECT_EQ(out, "2026-11-21T03:22:11.123Z WARN log_dropped dropped=77");
}

TEST(LogLine, Listening) {
  std::string out;
  append_listening(out, LineFormat::json, kNow, "listening", "[::]:8080");
  EXPECT_EQ(out, R"({"ts":"2026-11-21T03:22:11.123Z","level":"info","event":"listening","address":"[::]:8080"})");
  out.clear();
  append_listening(out, LineFormat::text, kNow, "admin_listening", "unix:/run/a b.sock");
  EXPECT_EQ(out, "2026-11-21T03:22:11.123Z INFO admin_listening address=\"unix:/run/a b.sock\"");
}

TEST(LogLine, LevelNames) {
  EXPECT_EQ(to_string(Level::trace), "trace");
  EXPECT_EQ(to_string(Level::debug), "debug");
  EXPECT_EQ(to_string(Level::info), "info");
  EXPECT_EQ(to_string(Level::warn), "warn");
  EXPECT_EQ(to_string(Level::error), "error");
  EXPECT_EQ(to_string(Level::off), "off");
  EXPECT_EQ(level_of(LifecycleEvent::heartbeat), Level::debug);
  EXPECT_EQ(level_of(LifecycleEvent::stream_close), Level::info);
}

TEST(LogLine, HostileValuesStayOneValidBoundedLine) {
  std::mt19937 random{3};
  const auto garbage = [&random](std::size_t length) {
    std::string bytes(length, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 256);
    return bytes;
  };
  for (int round = 0; round < 300; ++round) {
    const std::string values[] = {garbage(400), garbage(400), garbage(400), garbage(400), garbage(400)};
    LifecycleRecord r = record(static_cast<LifecycleEvent>(round % 6));
    r.route = values[0];
    r.client = values[1];
    r.method = values[2];
    r.upstream = values[3];
    r.detail = values[4];
    const std::string path = garbage(32 * 1024);
    for (const LineFormat format : {LineFormat::json, LineFormat::text}) {
      std::string out;
      append_record(out, format, kNow, r, path);
      ASSERT_TRUE(test::is_one_clean_line(out));
      ASSERT_LE(out.size(), kPathBytesMax + 5 * kNameBytesMax + 512);
      if (format == LineFormat::json) {
        ASSERT_GE(test::parse_line(out).size(), 11u);
      }
    }
  }
}

}  // namespace
}  // namespace sidecar::observe
