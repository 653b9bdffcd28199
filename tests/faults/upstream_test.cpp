// A backend that breaks, wherever it breaks: the client is told the truth, the log names the reason, nothing is left
// over (the harness counts descriptors behind every test).
#include <netdb.h>
#include <signal.h>

#include "tests/faults/shimmed.hpp"
#include "tests/net/harness/suite.hpp"

namespace sidecar::nettest {
namespace {

enum class Manner : std::uint8_t { fin, half_close, reset };

struct Fault {
  const char* name;
  std::string sent;  ///< What the backend says before it breaks off.
  Manner manner;
  int status;              ///< What the client gets; 502 is ours.
  BodyEnd end;             ///< And how it ends for it.
  std::string_view body;   ///< When it is not ours.
  std::string_view event;  ///< The line of the log.
  std::string_view reason;
};

void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.name;
}

class UpstreamFault : public ::testing::TestWithParam<Fault> {
 protected:
  static void break_off(RawConnection& connection) {
    connection.send(GetParam().sent);
    connection.flush();
    switch (GetParam().manner) {
      case Manner::fin:
        connection.close();
        break;
      case Manner::half_close:
        connection.half_close();
        break;
      case Manner::reset:
        connection.reset();
        break;
    }
  }

  static void expect_told(RawConnection& client, std::string_view method) {
    const Head head = client.read_head();
    EXPECT_EQ(head.status(), GetParam().status);
    BodyReader body(client, framing_of_response(head, method));
    const BodyEnd end = body.wait_end();
    if (GetParam().end == BodyEnd::complete) {
      EXPECT_EQ(end, BodyEnd::complete);
    } else {
      EXPECT_TRUE(end == BodyEnd::truncated || end == BodyEnd::reset) << static_cast<int>(end);
    }
    if (!GetParam().body.empty()) {
      EXPECT_EQ(body.buffered(), GetParam().body);
    }
  }

  static void expect_logged(Sidecar& sidecar) {
    const auto line = sidecar.wait_for_log(GetParam().event);
    EXPECT_EQ(text_of(line, "reason"), GetParam().reason);
    EXPECT_EQ(text_of(line, "closed_by"), "upstream");
    EXPECT_EQ(number_of(line, "status"), GetParam().status);
    EXPECT_EQ(sidecar.log_of("request").size() + sidecar.log_of("stream_close").size(), 1U) << "written down once";
  }
};

TEST_P(UpstreamFault, behind_a_get) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] = begin_request(sidecar, backend);
  break_off(connection);
  expect_told(client, "GET");
  expect_logged(sidecar);
  EXPECT_TRUE(backend.no_connection_for(50ms)) << "on a fresh connection nothing is repeated";
}

TEST_P(UpstreamFault, in_the_middle_of_an_upload) {
  RawBackend backend;
  Sidecar sidecar(in_front_of(backend));
  auto [client, connection, request] =
      begin_request(sidecar, backend, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + pattern(1000));
  (void)connection.read_exact(1000);
  break_off(connection);
  expect_told(client, "POST");
  expect_logged(sidecar);
}

const std::string kLength = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kEvents(kStreamHead);

INSTANTIATE_TEST_SUITE_P(
    Faults, UpstreamFault,
    ::testing::Values(
        Fault{"fin_before_the_head", "", Manner::fin, 502, BodyEnd::complete, "", "request", "upstream_truncated"},
        Fault{"half_close_before_the_head", "", Manner::half_close, 502, BodyEnd::complete, "", "request",
              "upstream_truncated"},
        Fault{"reset_before_the_head", "", Manner::reset, 502, BodyEnd::complete, "", "request", "upstream_reset"},
        Fault{"fin_in_the_head", "HTTP/1.1 200 OK\r\nConte", Manner::fin, 502, BodyEnd::complete, "", "request",
              "upstream_truncated"},
        Fault{"reset_in_the_head", "HTTP/1.1 200 OK\r\nConte", Manner::reset, 502, BodyEnd::complete, "", "request",
              "upstream_reset"},
        Fault{"fin_before_the_length", kLength + "half", Manner::fin, 200, BodyEnd::truncated, "half", "request",
              "upstream_truncated"},
        Fault{"half_close_before_the_length", kLength + "half", Manner::half_close, 200, BodyEnd::truncated, "half",
              "request", "upstream_truncated"},
        Fault{"reset_before_the_length", kLength + "half", Manner::reset, 200, BodyEnd::truncated, "half", "request",
              "upstream_reset"},
        Fault{"fin_in_a_chunk", kChunked + "ff\r\nhalf", Manner::fin, 200, BodyEnd::truncated, "half", "request",
              "upstream_truncated"},
        Fault{"fin_in_a_chunk_size", kChunked + "4\r\nhalf\r\n1", Manner::fin, 200, BodyEnd::truncated, "half",
              "request", "upstream_truncated"},
        Fault{"fin_before_the_last_chunk", kChunked + "4\r\nhalf\r\n", Manner::fin, 200, BodyEnd::truncated, "half",
              "request", "upstream_truncated"},
        Fault{"fin_in_the_trailers", kChunked + "4\r\nhalf\r\n0\r\nX-A: 1\r\n", Manner::fin, 200, BodyEnd::truncated,
              "half", "request", "upstream_truncated"},
        Fault{"reset_in_a_chunk", kChunked + "ff\r\nhalf", Manner::reset, 200, BodyEnd::truncated, "half", "request",
              "upstream_reset"},
        Fault{"reset_between_chunks", kChunked + "4\r\nhalf\r\n", Manner::reset, 200, BodyEnd::truncated, "half",
              "request", "upstream_reset"},
        Fault{"reset_until_close", "HTTP/1.1 200 OK\r\n\r\nhalf", Manner::reset, 200, BodyEnd::truncated, "half",
              "request", "upstream_reset"},
        Fault{"fin_in_an_event", kEvents + "ff\r\ndata: 1\n\ndata", Manner::fin, 200, BodyEnd::truncated,
              "data: 1\n\ndata", "stream_close", "upstream_truncated"},
        Fault{"half_close_in_an_event", kEvents + "ff\r\ndata: 1\n\ndata", Manner::half_close, 200, BodyEnd::truncated,
              "data: 1\n\ndata", "stream_close", "upstream_truncated"},
        Fault{"reset_in_an_event", kEvents + "ff\r\ndata: 1\n\ndata", Manner::reset, 200, BodyEnd::truncated,
              "data: 1\n\ndata", "stream_close", "upstream_reset"},
        Fault{"reset_between_events", kEvents + "9\r\ndata: 1\n\n\r\n", Manner::reset, 200, BodyEnd::truncated,
              "data: 1\n\n", "stream_close", "upstream_reset"}),
    [](const auto& param) { return param.param.name; });

// Nobody there.

class Unreachable : public ::testing::TestWithParam<int> {};

TEST_P(Unreachable, is_a_bad_gateway_for_once) {
  RawBackend backend;
  Shim shim;
  Sidecar sidecar(shim.under(configured(backend, "keepalive: { max_idle: 0 }")));
  RawConnection client = sidecar.connect();
  for (const int error : {GetParam(), 0, GetParam()}) {
    shim->connect_error = error;
    client.send(get("/" + std::to_string(error)));
    if (error == 0) {
      RawConnection connection = backend.accept();
      (void)connection.read_head();
      connection.send(ok("x"));
    }
    EXPECT_EQ(read_response(client).status(), error == 0 ? 200 : error == ETIMEDOUT ? 504 : 502);
  }
  const auto line = sidecar.wait_for_log("request");
  EXPECT_EQ(text_of(line, "reason"), "upstream_unreachable");
  EXPECT_EQ(text_of(line, "closed_by"), "upstream");
}

INSTANTIATE_TEST_SUITE_P(Faults, Unreachable,
                         ::testing::Values(ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EADDRNOTAVAIL, EACCES),
                         [](const auto& param) { return strerrorname_np(param.param); });

// The resolver. Its answers come from the shim.

constexpr std::uint32_t kLoopback = 0x7F000001;

class Names : public ::testing::Test {
 protected:
  Launch named(const std::string& dns_ttl) {
    Launch launch = configured(backend_, "dns_ttl: " + dns_ttl + ", connect_timeout: 1s, keepalive: { max_idle: 0 }");
    const std::size_t at = launch.config.find("127.0.0.1:" + std::to_string(backend_.port()));
    launch.config.replace(at, std::string_view("127.0.0.1").size(), "legacy.test");
    return shim_.under(launch);
  }

  void expect_served(Sidecar& sidecar) {
    auto [client, connection, request] = begin_request(sidecar, backend_);
    connection.send(ok("x"));
    EXPECT_EQ(read_response(client).body, "x");
  }

  void expect_refused(Sidecar& sidecar, int status) {
    RawConnection client = sidecar.connect();
    client.send(get("/"));
    EXPECT_EQ(read_response(client).status(), status);
    EXPECT_EQ(
        text_of(sidecar.wait_for_log("request", [&](const auto& line) { return number_of(line, "status") == status; }),
                "reason"),
        "upstream_unreachable");
  }

  RawBackend backend_;
  Shim shim_;
};

TEST_F(Names, that_fail_are_a_bad_gateway_until_they_resolve) {
  shim_->name_address = kLoopback;
  shim_->name_error = EAI_AGAIN;
  Sidecar sidecar(named("0s"));
  expect_refused(sidecar, 502);
  shim_->name_error = 0;
  expect_served(sidecar);
  shim_->name_error = EAI_NONAME;
  expect_served(sidecar);  // A resolver that fails says nothing about the address that was good so far.
  EXPECT_GE(shim_->names_asked, 3U);
}

TEST_F(Names, that_take_longer_than_connecting_may_are_a_timeout) {
  shim_->name_address = kLoopback;
  shim_->name_delay_ms = 2'000;
  Sidecar sidecar(named("5s"));
  expect_refused(sidecar, 504);
  shim_->name_delay_ms = 0;
  std::this_thread::sleep_for(1'500ms);  // The first question is answered meanwhile.
  expect_served(sidecar);
  EXPECT_EQ(shim_->names_asked, 1U) << "who came too late did not ask for nothing";
}

TEST_F(Names, that_become_slow_hold_up_nobody) {
  shim_->name_address = kLoopback;
  Sidecar sidecar(named("0s"));
  expect_served(sidecar);
  shim_->name_delay_ms = static_cast<std::uint32_t>(scaled(3s).count());
  const auto start = Clock::now();
  expect_served(sidecar);
  EXPECT_LT(since(start), scaled(2s)) << "the old address serves meanwhile";
}

TEST_F(Names, that_nobody_answers_do_not_hold_up_the_exit) {
  shim_->name_address = kLoopback;
  shim_->name_delay_ms = static_cast<std::uint32_t>(scaled(10s).count());
  Sidecar sidecar(named("0s"));
  RawConnection client = sidecar.connect();
  client.send(get("/"));
  while (shim_->names_asked == 0) std::this_thread::sleep_for(5ms);
  client.close();
  sidecar.signal(SIGTERM);
  EXPECT_EQ(sidecar.wait_exit(scaled(3s)), 0);
}

TEST_F(Names, that_are_slow_hold_up_no_other_name) {
  shim_->name_address = kLoopback;
  shim_->name_delay_ms = 3'000;
  Launch launch;
  const std::string port = std::to_string(backend_.port());
  launch.config =
      "listeners: [{ address: \"127.0.0.1:0\" }]\nupstreams:\n  slow: { url: \"http://slow.test:" + port +
      "\", connect_timeout: 1s }\n  quick: { url: \"http://quick.test:" + port +
      "\", connect_timeout: 1s }\nroutes:\n  - { name: slow, match: { path: /slow }, upstream: slow }\n"
      "  - { name: quick, match: { path: \"/**\" }, upstream: quick }\nlog: { level: debug, format: json }\n";
  Sidecar sidecar(shim_.under(launch));
  RawConnection client = sidecar.connect();
  client.send(get("/slow"));
  while (shim_->names_asked == 0) std::this_thread::sleep_for(5ms);
  shim_->name_delay_ms = 0;
  expect_served(sidecar);
  EXPECT_EQ(read_response(client).status(), 504);
}

// A wall clock that jumps: deadlines live on the steady one.

class WallClock : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(WallClock, that_jumps_moves_no_deadline) {
  RawBackend backend;
  Shim shim;
  Sidecar sidecar(shim.under(configured(backend, "response_timeout: 600ms",
                                        "limits: { head_timeout: 600ms, idle_timeout: 700ms }\n"
                                        "defaults: { event_stream: { heartbeat: { interval: 100ms } } }")));
  Stream stream = open_stream(sidecar, backend);
  BodyReader body = body_of(stream);
  EXPECT_EQ(body.read_exact(kHeartbeat.size()), kHeartbeat);
  RawConnection waiting = sidecar.connect();
  waiting.send(get("/waiting"));
  RawConnection silent = backend.accept();
  RawConnection slow = sidecar.connect();
  slow.send("GET / HT");
  RawConnection idle = sidecar.connect();

  const auto start = Clock::now();
  shim->wall_clock_ahead_s = GetParam();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(body.read_exact(kHeartbeat.size(), scaled(1s)), kHeartbeat);
  EXPECT_GE(since(start), 150ms) << "heartbeats do not come in a heap";
  if (since(start) < 450ms) {
    EXPECT_TRUE(waiting.silent_for(1ms));
    EXPECT_TRUE(slow.silent_for(1ms));
    EXPECT_TRUE(idle.silent_for(1ms));
  }
  EXPECT_EQ(read_response(waiting).status(), 504);
  EXPECT_EQ(read_response(slow).status(), 408);
  EXPECT_EQ(idle.wait_end(), End::eof);
  EXPECT_LT(since(start), scaled(2s));
  stream.backend.send(kLastChunk);
  (void)body.read_all();

  const auto line = sidecar.wait_for_log("stream_close");
  EXPECT_LT(number_of(line, "duration_ms"), scaled(4s).count());
  EXPECT_LT(number_of(line, "max_idle_ms"), scaled(4s).count());
  EXPECT_GE(number_of(line, "duration_ms"), 0);
  const auto opened = sidecar.wait_for_log("stream_open");
  EXPECT_NE(text_of(line, "ts").substr(0, 10), text_of(opened, "ts").substr(0, 10)) << "the shim did nothing";
}

INSTANTIATE_TEST_SUITE_P(Faults, WallClock, ::testing::Values(-10 * 86'400, 10 * 86'400),
                         [](const auto& param) { return param.param < 0 ? "back" : "ahead"; });

}  // namespace
}  // namespace sidecar::nettest
