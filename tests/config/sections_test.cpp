#include "config/sections.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/config/support.hpp"

namespace sidecar::config {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

const std::string kUpstream = "upstreams: {app: {url: 'http://app'}}\n";

TEST(Sections, EveryKeyReachesItsMember) {
  const Config config = config_of(source_file("tests/config/every_key.yaml"));
  const exchange::PolicySet& policies = config.policies;
  EXPECT_EQ(config.workers, 3U);
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[0].address, (ListenAddress{"", 81, "", ":81"}));
  EXPECT_TRUE(config.listeners[0].proxy_protocol);
  EXPECT_EQ(config.listeners[1].address, (ListenAddress{"", 0, "/run/s", "unix:/run/s"}));
  EXPECT_FALSE(config.listeners[1].proxy_protocol);
  EXPECT_EQ(config.listeners[0].tls, (ListenerTls{{{"a.crt", "a.key"}, {"b.crt", "b.key"}}, "clients.pem", 3s}));
  EXPECT_EQ(config.listeners[0].http2, Http2::translate);
  EXPECT_EQ(config.listeners[1].tls, std::nullopt);
  EXPECT_EQ(config.listeners[1].http2, Http2::downgrade);
  EXPECT_EQ(policies.client_address.header, "X-Real-IP");
  ASSERT_EQ(policies.client_address.trusted.size(), 1U);
  EXPECT_EQ(policies.client_address.trusted[0].prefix_bits, 96 + 8);
  EXPECT_EQ(policies.x_forwarded, exchange::XForwarded::append);
  ASSERT_EQ(policies.upstreams.size(), 3U);
  const exchange::UpstreamPolicy& app = policies.upstreams[0];
  EXPECT_EQ(app.name, "app");
  EXPECT_EQ(app.url, "https://app:8000");
  EXPECT_EQ(app.tls, (exchange::UpstreamTls{"ca.pem", "app.example", true, "our.crt", "our.key"}));
  EXPECT_FALSE(policies.upstreams[1].tls.verify);
  EXPECT_EQ(app.address, (exchange::UpstreamAddress{"app", 8000, "", true}));
  EXPECT_EQ(app.connect_timeout, 1s);
  EXPECT_EQ(app.response_timeout, 2s);
  EXPECT_EQ(app.keepalive.max_idle, 3U);
  EXPECT_EQ(app.keepalive.idle_timeout, 40ms);
  EXPECT_EQ(app.keepalive.unsafe_methods, exchange::UnsafeMethods::reuse);
  EXPECT_EQ(app.dns_ttl, 0s);
  EXPECT_EQ(policies.upstreams[2].address.unix_path, "/run/o");
  const exchange::HeartbeatPolicy& heartbeat = config.event_stream.heartbeat;
  EXPECT_EQ(heartbeat.interval, 7s);
  EXPECT_EQ(heartbeat.jitter, 1s);
  EXPECT_EQ(heartbeat.form, exchange::HeartbeatForm::event);
  EXPECT_EQ(heartbeat.text, "t");
  EXPECT_EQ(heartbeat.event, "ping");
  EXPECT_EQ(heartbeat.data, "1");
  EXPECT_EQ(heartbeat.bytes, ":\n");
  EXPECT_EQ(heartbeat.padding, 2048U);
  EXPECT_EQ(heartbeat.insertion.at(sse::Position::boundary, sse::LineEnding::lf),
            ":" + std::string(2048, ' ') + "\nevent: ping\ndata: 1\n\n");
  EXPECT_EQ(config.event_stream.strip_accept_encoding, exchange::StripAcceptEncoding::never);
}

TEST(Sections, EveryKeyOfAStreamsLifeReachesItsMember) {
  const exchange::EventStreamPolicy policy = config_of(source_file("tests/config/every_key.yaml")).event_stream;
  EXPECT_EQ(policy.opening.bytes, ": hello\nretry: 2000\nevent: connected\ndata: 1\n\n");
  EXPECT_EQ(policy.opening.without_retry, ": hello\nevent: connected\ndata: 1\n\n");
  EXPECT_EQ(policy.early_open.after, 5s);
  EXPECT_TRUE(policy.early_open.always);
  EXPECT_EQ(policy.error_event.statuses, (std::vector<exchange::StatusRange>{{401, 401}, {500, 599}}));
  EXPECT_EQ(policy.error_event.event, "oops");
  EXPECT_EQ(policy.error_event.then, exchange::AfterError::hold);
  EXPECT_EQ(policy.error_event.retry, 20s);
  EXPECT_EQ(policy.unavailable.hold, 30s);
  EXPECT_EQ(policy.end_event, "over");
  EXPECT_TRUE(policy.complete_last_event);
  EXPECT_EQ(policy.max_age.after, 280s);
  EXPECT_EQ(policy.max_age.retry_min, 3s);
  EXPECT_EQ(policy.max_age.retry_max, 4s);
  EXPECT_EQ(policy.max_age.methods, (Lines{"GET", "POST"}));
  EXPECT_EQ(policy.idle_timeout, 9s);
}

TEST(Sections, AnOpeningOfTheDefaultsIsInTheFormOfTheRoute) {
  const Config config = config_of(kUpstream +
                                  "defaults: {event_stream: {opening: {comment: hello}}}\n"
                                  "routes: [{upstream: app, event_stream: {heartbeat: {form: comment_line}}},"
                                  " {upstream: app, name: b}]\n");
  EXPECT_EQ(config.policies.routes.at(0).event_stream.opening.bytes, ": hello\n");
  EXPECT_EQ(config.policies.routes.at(1).event_stream.opening.bytes, ": hello\n\n");
}

TEST(Sections, NullSwitchesOffWhatTheDefaultsSwitchedOn) {
  const std::string routes =
      "routes: [{upstream: app, event_stream: {opening: null, end_event: null, max_age: off, idle_timeout: null}},"
      " {upstream: app, name: b, event_stream: {end_event: {}}}]\n";
  const Config config = config_of(kUpstream +
                                  "defaults: {event_stream: {opening: {event: x}, end_event: {event: y}, max_age: "
                                  "{after: 1s}, idle_timeout: 1s}}\n" +
                                  routes);
  const exchange::EventStreamPolicy& off = config.policies.routes.at(0).event_stream;
  EXPECT_EQ(off.opening.bytes, "");
  EXPECT_EQ(off.end_event, "");
  EXPECT_EQ(off.max_age.after, std::nullopt);
  EXPECT_EQ(off.idle_timeout, std::nullopt);
  const exchange::EventStreamPolicy& on = config.policies.routes.at(1).event_stream;
  EXPECT_EQ(on.opening.bytes, "event: x\ndata: {}\n\n");
  EXPECT_EQ(on.end_event, "y");
  const exchange::ErrorEventPolicy error =
      config_of(kUpstream + "defaults: {event_stream: {error_event: {statuses: [404]}}}\n").event_stream.error_event;
  EXPECT_EQ(error.event, "upstream_error");
  EXPECT_TRUE(error.covers(404));
  EXPECT_FALSE(error.covers(401));
  EXPECT_EQ(config_of(kUpstream + routes).policies.routes.at(1).event_stream.end_event, "stream_end");
}

TEST(Sections, EveryKeyOfARouteReachesItsMember) {
  const Config config = config_of(source_file("tests/config/every_key.yaml"));
  ASSERT_EQ(config.policies.routes.size(), 1U);
  const exchange::RoutePolicy& route = config.policies.routes[0];
  EXPECT_EQ(route.name, "r");
  EXPECT_EQ(route.match, (exchange::RouteMatch{"app.example", "/a/*", {"GET", "POST"}, {{"X-T", "blue"}}}));
  EXPECT_EQ(route.upstream, 2U);
  EXPECT_EQ(route.event_stream.heartbeat.interval, 8s);
  EXPECT_EQ(route.event_stream.heartbeat.insertion.at(sse::Position::boundary, sse::LineEnding::crlf), "\r\n");
  EXPECT_EQ(route.event_stream.strip_accept_encoding, exchange::StripAcceptEncoding::always);
  EXPECT_EQ(route.request_headers, (exchange::FieldChanges{{{"X-S", "1"}}, {"Cookie"}}));
  EXPECT_EQ(route.response_headers, (exchange::FieldChanges{{{"X-R", "2"}}, {"Server"}}));
  EXPECT_EQ(route.cors.origins, (Lines{"https://a.example", "http://b:81"}));
  EXPECT_TRUE(route.cors.credentials);
  EXPECT_EQ(route.cors.headers, Lines{"X-A"});
  EXPECT_EQ(route.cors.max_age, 1min);
  EXPECT_EQ(route.log_path, exchange::LogPath::pattern);
  EXPECT_EQ(config.policies.limits, (exchange::Limits{7, 5, 4, 2048, 9, 1s, 4s, 2s, 16384, 2 << 20, 3s, {6, 3072}}));
  EXPECT_EQ(config.drain, (exchange::DrainPolicy{1s, 2s, 3s, 4s}));
  EXPECT_EQ(config.admin.address, (ListenAddress{"::1", 9, "", "[::1]:9"}));
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_EQ(config.log.format, LogFormat::json);
  EXPECT_EQ(config.log.redact_query, Lines{"sid"});
}

TEST(Sections, WhatARouteDoesNotSayComesFromTheDefaults) {
  const Config config =
      config_of(kUpstream +
                "routes:\n"
                "  - {match: {path: /a}, upstream: app, event_stream: {heartbeat: off}}\n"
                "  - {match: {path: /b}, upstream: app, event_stream: {strip_accept_encoding: never}}\n"
                "  - {upstream: app}\n"
                "defaults: {event_stream: {heartbeat: {interval: 5s}, strip_accept_encoding: always}}\n");
  const auto& routes = config.policies.routes;
  ASSERT_EQ(routes.size(), 3U);
  EXPECT_EQ(routes[0].event_stream.heartbeat.interval, std::nullopt);
  EXPECT_EQ(routes[0].event_stream.strip_accept_encoding, exchange::StripAcceptEncoding::always);
  EXPECT_EQ(routes[1].event_stream.heartbeat.interval, 5s);
  EXPECT_EQ(routes[1].event_stream.strip_accept_encoding, exchange::StripAcceptEncoding::never);
  EXPECT_EQ(routes[2].event_stream.heartbeat.interval, 5s);
  EXPECT_EQ(routes[0].name, "/a");  // without a name, that of the pattern
  EXPECT_EQ(routes[2].name, "/**");
}

TEST(Sections, SwitchedOffInEveryWay) {
  for (const char* const heartbeat : {"off", "null", "{interval: off}", "{interval: null}", "{interval: ~}"}) {
    const Config config =
        config_of(kUpstream + "defaults: {event_stream: {heartbeat: " + std::string(heartbeat) + "}}\n");
    EXPECT_EQ(config.policies.routes.at(0).event_stream.heartbeat.interval, std::nullopt) << heartbeat;
  }
}

struct Wrong {
  const char* yaml;  ///< Behind the line of kUpstream.
  const char* problem;
};

const Wrong kWrong[] = {
    Wrong{"workers: 0\n", "2:10: workers: '0' is neither a number from 1 to 256 nor auto"},
    Wrong{"workers: 257\n", "2:10: workers: '257' is neither a number from 1 to 256 nor auto"},
    Wrong{"listeners: []\n", "2:12: listeners: at least one listener is needed"},
    Wrong{"listeners: [{}]\n", "2:13: listeners[0].address: is missing"},
    Wrong{"listeners: [{address: ':1'}, {address: ':1'}]\n", "2:40: listeners[1].address: ':1' is listened on twice"},
    Wrong{"client_address: {header: 'X Y'}\n", "2:26: client_address.header: 'X Y' is not a header name"},
    Wrong{"client_address: {trusted: [x]}\n",
          "2:28: client_address.trusted[0]: 'x' is not a network: write 172.16.0.0/12 or 2001:db8::/32"},
    Wrong{"x_forwarded: kep\n", "2:14: x_forwarded: 'kep' is none of keep, append and set (did you mean 'keep'?)"},
    Wrong{"defaults: {event_stream: {heartbeat: {interval: 10x}}}\n",
          "2:49: defaults.event_stream.heartbeat.interval: '10x' is not a duration (write 10s, 500ms, 2m)"},
    Wrong{"defaults: {event_stream: {heartbeat: {interval: 9ms}}}\n",
          "2:49: defaults.event_stream.heartbeat.interval: '9ms' is out of range (10ms to 24h)"},
    Wrong{"defaults: {event_stream: {heartbeat: 10s}}\n",
          "2:38: defaults.event_stream.heartbeat: '10s' is neither a mapping nor off"},
    Wrong{"defaults: {event_stream: {heartbeat: {text: \"a\\nb\"}}}\n",
          "2:45: defaults.event_stream.heartbeat.text: 'a\\nb' must not contain CR, LF or NUL"},
    Wrong{"defaults: {event_stream: {heartbeat: {data: \"a\\rb\"}}}\n",
          "2:45: defaults.event_stream.heartbeat.data: 'a\\x0db' must not contain CR, LF or NUL"},
    Wrong{"defaults: {event_stream: {heartbeat: {event: \"a\\0b\"}}}\n",
          "2:46: defaults.event_stream.heartbeat.event: 'a\\x00b' must not contain CR, LF or NUL"},
    Wrong{"defaults: {event_stream: {heartbeat: {event: error}}}\n",
          "2:46: defaults.event_stream.heartbeat.event: 'error' is what clients call their own failures: choose "
          "another name"},
    Wrong{"defaults: {event_stream: {heartbeat: {data: ''}}}\n",
          "2:45: defaults.event_stream.heartbeat.data: '' is no data of an event (write {} or null)"},
    Wrong{"defaults: {event_stream: {heartbeat: {jitter: 15s}}}\n",
          "2:47: defaults.event_stream.heartbeat.jitter: must be shorter than the interval"},
    Wrong{"defaults: {event_stream: {heartbeat: {form: bytes}}}\n",
          "2:38: defaults.event_stream.heartbeat.bytes: is missing: form is bytes"},
    Wrong{"defaults: {event_stream: {heartbeat: {form: bytes, bytes: \"\\n\", padding: 1}}}\n",
          "2:74: defaults.event_stream.heartbeat.padding: bytes bring their own"},
    Wrong{"defaults: {event_stream: {heartbeat: {bytes: ping}}}\n",
          "2:46: defaults.event_stream.heartbeat.bytes: 'ping' would spoil the event behind it: whole lines, which are "
          "comments or end with a blank line"},
    Wrong{"defaults: {event_stream: {heartbeat: {padding: 65KiB}}}\n",
          "2:48: defaults.event_stream.heartbeat.padding: '65KiB' is out of range (0B to 64KiB)"},
    Wrong{"defaults: {event_stream: {opening: {event: error}}}\n",
          "2:44: defaults.event_stream.opening.event: 'error' is what clients call their own failures: choose another "
          "name"},
    Wrong{"defaults: {event_stream: {opening: {comment: \"a\\nb\"}}}\n",
          "2:46: defaults.event_stream.opening.comment: 'a\\nb' must not contain CR, LF or NUL"},
    Wrong{"defaults: {event_stream: {end_event: {event: error}}}\n",
          "2:46: defaults.event_stream.end_event.event: 'error' is what clients call their own failures: choose "
          "another name"},
    Wrong{"defaults: {event_stream: {max_age: {after: 1s, methods: []}}}\n",
          "2:57: defaults.event_stream.max_age.methods: is empty: no stream would end"},
    Wrong{"defaults: {event_stream: {max_age: {retry: [2s, 1s]}}}\n",
          "2:44: defaults.event_stream.max_age.retry: is a range: two durations, the shorter first, as in [1s, 5s]"},
    Wrong{"defaults: {event_stream: {error_event: {event: error, statuses: [401]}}}\n",
          "2:48: defaults.event_stream.error_event.event: 'error' is what clients call their own failures: choose "
          "another name"},
    Wrong{
        "defaults: {event_stream: {error_event: {statuses: [200]}}}\n",
        "2:52: defaults.event_stream.error_event.statuses[0]: '200' is no status that tells of an error (write 401 or "
        "5xx)"},
    Wrong{"defaults: {event_stream: {early_open: {always: true}}}\n",
          "2:39: defaults.event_stream.early_open.after: is missing: always says only for whom"},
    Wrong{"defaults: {event_stream: {unavailable: {hold: 0s}}}\n",
          "2:47: defaults.event_stream.unavailable.hold: '0s' is out of range (10ms to 24h)"},
    Wrong{"defaults: {event_stream: {idle_timeout: 0s}}\n",
          "2:41: defaults.event_stream.idle_timeout: '0s' is out of range (10ms to 8760h)"},
    Wrong{"defaults: {heartbeat: off}\n", "2:12: defaults: unknown key 'heartbeat' (known here: event_stream)"},
    Wrong{"limits: {head_bytes: 1023}\n", "2:22: limits.head_bytes: '1023' is out of range (1KiB to 1MiB)"},
    Wrong{"limits: {head_fields: 0}\n", "2:23: limits.head_fields: '0' is out of range (1 to 10000)"},
    Wrong{"limits: {head_timeout: 0s}\n", "2:24: limits.head_timeout: '0s' is out of range (10ms to 1h)"},
    Wrong{"limits: {head_timeout: off}\n", "2:24: limits.head_timeout: 'off' is not a duration (write 10s, 500ms, 2m)"},
    Wrong{"limits: {write_timeout: null}\n", "2:25: limits.write_timeout: must not be null"},
    Wrong{"limits: {pending_bytes: 15KiB}\n", "2:25: limits.pending_bytes: '15KiB' is out of range (16KiB to 1GiB)"},
    Wrong{"limits: {http2: {concurrent_streams: 0}}\n",
          "2:38: limits.http2.concurrent_streams: '0' is out of range (1 to 1000)"},
    Wrong{"limits: {quota: {}}\n",
          "2:10: limits: unknown key 'quota' (known here: connections, streams, "
          "streams_per_client, head_bytes, "
          "head_fields, head_timeout, body_timeout, idle_timeout, pending_bytes, pooled_memory, "
          "write_timeout and http2)"},
    Wrong{"limits: {connections: off}\n", "2:23: limits.connections: 'off' is not a whole number"},
    Wrong{"drain: {retry: [1s]}\n", "2:16: drain.retry: is a range: two durations, the shorter first, as in [1s, 5s]"},
    Wrong{"drain: {retry: [2s, 1s]}\n",
          "2:16: drain.retry: is a range: two durations, the shorter first, as in [1s, 5s]"},
    Wrong{"drain: {grace: null}\n", "2:16: drain.grace: must not be null"},
    Wrong{"log: {level: verbose}\n", "2:14: log.level: 'verbose' is none of trace, debug, info, warn, error and off"},
    Wrong{"log: {format: jason}\n", "2:15: log.format: 'jason' is none of auto, json and text (did you mean 'json'?)"},
    Wrong{"log: {redact_query: ['']}\n", "2:22: log.redact_query[0]: '' is not the name of a query parameter"},
    Wrong{"routes: [{}]\n", "2:10: routes[0].upstream: is missing"},
    Wrong{"routes: [{upstream: ap}]\n", "2:21: routes[0].upstream: no upstream is named 'ap' (did you mean 'app'?)"},
    Wrong{"routes: [{upstream: app, name: ''}]\n",
          "2:32: routes[0].name: '' is not a name (1 to 1024 printable bytes)"},
    Wrong{"routes: [{upstream: app, match: {path: 'a'}}]\n",
          "2:40: routes[0].match.path: 'a' is not a path pattern: it begins with /"},
    Wrong{"routes: [{upstream: app, match: {methods: [GET, get]}}]\n",
          "2:49: routes[0].match.methods[1]: 'get' would never match: methods are case-sensitive (write GET)"},
    Wrong{"routes: [{upstream: app, match: {methods: GET}}]\n",
          "2:43: routes[0].match.methods: must be a list, not a single value (write [...])"},
    Wrong{"routes: [{upstream: app, match: {host: 'a:1'}}]\n",
          "2:40: routes[0].match.host: 'a:1' is not a host: it is matched without the port"},
    Wrong{"routes: [{upstream: app, match: {headers: {X: \"a\\nb\"}}}]\n",
          "2:47: routes[0].match.headers.X: the value has a line break, a control character, or a blank at "
          "either end"},
    Wrong{"routes: [{upstream: app, request_headers: {remove: [X, Host]}}]\n",
          "2:56: routes[0].request_headers.remove[1]: 'Host' can be set, but not removed"},
    Wrong{"routes: [{upstream: app, response_headers: {set: {TE: x}}}]\n",
          "2:55: routes[0].response_headers.set.TE: 'TE' is part of how the message is framed: the proxy keeps "
          "it itself"},
    Wrong{"routes: [{upstream: app, event_stream: {heartbeat: {intervall: 1s}}}]\n",
          "2:53: routes[0].event_stream.heartbeat: unknown key 'intervall' (did you mean 'interval'?)"},
    Wrong{"routes: [{upstream: app}, {upstream: app}]\n",
          "2:27: routes[1].name: two routes are named '/**' (the other one is routes[0])"},
    Wrong{"routes: [{upstream: app, cors: {origins: ['*'], credentials: true}}]\n",
          "2:62: routes[0].cors.credentials: no browser sends them where all origins are allowed: name the origins"},
    Wrong{"routes: [{upstream: app, cors: {origins: ['https://a/']}}]\n",
          "2:43: routes[0].cors.origins[0]: 'https://a/' is not an origin (write https://app.example, or *)"},
    Wrong{"routes: [{upstream: app, cors: {origins: ['https://A']}}]\n",
          "2:43: routes[0].cors.origins[0]: 'https://A' is not an origin (write https://app.example, or *)"},
    Wrong{"routes: [{upstream: app, log_path: none}]\n",
          "2:36: routes[0].log_path: 'none' is none of full and pattern"},
};

TEST(Sections, ProblemsNameTheirPlace) {
  for (const auto& [yaml, problem] : kWrong) {
    EXPECT_EQ(problems_of(kUpstream + yaml), Lines{"f.yaml:" + std::string(problem)}) << yaml;
  }
}

TEST(Sections, ProxyProtocolIsTrueOrFalse) {
  const std::string place = "f.yaml:2:45: listeners[0].proxy_protocol: ";
  const auto with = [](const std::string& word) {
    return problems_of(kUpstream + "listeners: [{address: ':1', proxy_protocol: " + word + "}]\n");
  };
  EXPECT_EQ(with("true"), Lines{});
  EXPECT_EQ(with("v2"), Lines{place + "'v2' is none of true and false"});
  EXPECT_EQ(with("null"), Lines{place + "must not be null"});
}

TEST(Sections, TlsOfListeners) {
  const auto with = [](const std::string& tls) {
    return problems_of(kUpstream + "listeners: [{address: ':1', tls: " + tls + "}]\n");
  };
  const std::string place = "f.yaml:2:34: listeners[0].tls";
  EXPECT_EQ(with("off"), Lines{});
  EXPECT_EQ(with("null"), Lines{});
  EXPECT_EQ(with("{certificates: [{certificate: c, key: k}]}"), Lines{});
  EXPECT_EQ(with("{}"), Lines{place + ".certificates: at least one is needed"});
  EXPECT_EQ(with("yes"), Lines{place + ": 'yes' is neither a mapping nor off"});
  EXPECT_EQ(with("{certificates: [{certificate: c}]}"),
            Lines{"f.yaml:2:50: listeners[0].tls.certificates[0].key: is missing"});
  EXPECT_EQ(with("{certificates: [{certificate: c, key: k}], handshake_timeout: 1ms}"),
            Lines{"f.yaml:2:96: listeners[0].tls.handshake_timeout: '1ms' is out of range (10ms to 10m)"});
  EXPECT_EQ(problems_of(kUpstream + "listeners: [{address: ':1', http2: on}]\n"),
            Lines{"f.yaml:2:36: listeners[0].http2: 'on' is none of downgrade and translate"});
}

TEST(Sections, ProblemsOfUpstreams) {
  for (const auto& [upstream, problem] : {
           Wrong{"{}", "2:3: upstreams.app.url: is missing"},
           Wrong{"", "2:3: upstreams.app.url: is missing"},
           Wrong{"{url: ''}",
                 "2:14: upstreams.app.url: '' is not the URL of an upstream: write http://host:port, https://host:port "
                 "or unix:/path"},
           Wrong{"{url: 'http://a', connect_timeout: off}",
                 "2:43: upstreams.app.connect_timeout: 'off' is not a duration (write 10s, 500ms, 2m)"},
           Wrong{"{url: 'http://a', response_timeout: 0s}",
                 "2:44: upstreams.app.response_timeout: '0s' is out of range (10ms to 24h)"},
           Wrong{"{url: 'http://a', keepalive: {max_idle: 100001}}",
                 "2:48: upstreams.app.keepalive.max_idle: '100001' is out of range (0 to 100000)"},
           Wrong{"{url: 'http://a', tls: {verify: false}}", "2:31: upstreams.app.tls: only an https URL has it"},
           Wrong{"{url: 'unix:/a', tls: {ca: x}}", "2:30: upstreams.app.tls: only an https URL has it"},
           Wrong{"{url: 'https://a', tls: {certificate: c}}",
                 "2:32: upstreams.app.tls.key: is missing: the certificate needs it"},
           Wrong{"{url: 'https://a', tls: {key: k}}",
                 "2:32: upstreams.app.tls.certificate: is missing: the key is its"},
           Wrong{"{url: 'https://a', tls: {ca: c, verify: false}}",
                 "2:37: upstreams.app.tls.ca: nobody is asked with 'verify: false'"},
           Wrong{"{url: 'https://a', tls: {server_name: 'a:1'}}",
                 "2:46: upstreams.app.tls.server_name: 'a:1' is neither a host name nor an address without port"},
           Wrong{"{url: 'https://a', tls: {ca: ''}}",
                 "2:37: upstreams.app.tls.ca: '' is not the path of a file (1 to 4095 printable bytes)"},
       }) {
    EXPECT_EQ(problems_of("upstreams:\n  app: " + std::string(upstream) + "\n"),
              Lines{"f.yaml:" + std::string(problem)})
        << upstream;
  }
  EXPECT_EQ(problems_of("upstreams: {'a b': {url: 'http://a'}}\n"),
            Lines{"f.yaml:1:13: upstreams.'a b': 'a b' is not a name (letters, digits, '.', '-', '_')"});
}

TEST(Sections, WorkersAuto) {
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  EXPECT_EQ(config_of(kUpstream + "workers: auto\n").workers, processors);
}

}  // namespace
}  // namespace sidecar::config
