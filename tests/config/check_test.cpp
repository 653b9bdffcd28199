#include "config/check.hpp"

#include <gtest/gtest.h>

#include "config/addresses.hpp"

namespace sidecar::config {
namespace {

using Lines = std::vector<std::string>;

/// Sound: one listener, one upstream, one route.
Config sound() {
  Config config;
  config.listeners.emplace_back().address = *parse_listen_address(":8080").value;
  exchange::UpstreamPolicy upstream;
  upstream.name = "app";
  upstream.url = "http://app";
  config.policies.upstreams.push_back(upstream);
  exchange::RoutePolicy route;
  route.name = "everything";
  config.policies.routes.push_back(route);
  return config;
}

Lines findings(const Config& config) {
  Lines lines;
  for (const Finding& finding : check(config)) lines.push_back(finding.path + ": " + finding.message);
  return lines;
}

Lines with_listeners(const std::vector<std::string>& addresses) {
  Config config = sound();
  config.listeners.clear();
  for (const std::string& address : addresses) {
    config.listeners.emplace_back().address = *parse_listen_address(address).value;
  }
  return findings(config);
}

TEST(Check, NothingToFind) {
  EXPECT_EQ(findings(sound()), Lines{});
}

TEST(Check, Listeners) {
  EXPECT_EQ(with_listeners({}), Lines{"listeners: at least one listener is needed"});
  EXPECT_EQ(with_listeners({":1", "0.0.0.0:1", "[::]:1", "unix:/a", "unix:/b", ":2"}), Lines{});
  EXPECT_EQ(with_listeners({":0", ":0"}), Lines{});  // two free ports
  EXPECT_EQ(with_listeners({"a:1", "b:1", "A:01"}), Lines{"listeners[2].address: 'A:01' is listened on twice"});
  EXPECT_EQ(with_listeners({"unix:/a", "unix:/a"}), Lines{"listeners[1].address: 'unix:/a' is listened on twice"});
}

/// The findings of a route whose policy and upstream were changed so.
template <class Change>
Lines of_route(Change change) {
  Config config = sound();
  change(config.policies.routes[0].event_stream, config.policies.upstreams[0]);
  return findings(config);
}

TEST(Check, WhatDoesNothingForAStream) {
  using Policy = exchange::EventStreamPolicy;
  using Upstream = exchange::UpstreamPolicy;
  using namespace std::chrono_literals;
  const auto early = [](auto change) {
    return of_route([&](Policy& policy, Upstream& upstream) {
      policy.early_open.after = 5s;
      change(policy, upstream);
    });
  };
  EXPECT_EQ(early([](Policy&, Upstream&) {}), Lines{});
  const Lines silent{
      "routes[0].event_stream.early_open: needs heartbeats: a stream that is opened early would be silent again"};
  EXPECT_EQ(early([](Policy& policy, Upstream&) { policy.heartbeat.interval.reset(); }), silent);
  EXPECT_EQ(early([](Policy& policy, Upstream&) { policy.heartbeat.form = exchange::HeartbeatForm::off; }), silent);
  EXPECT_EQ(early([](Policy&, Upstream& upstream) { upstream.response_timeout = 1s; }), Lines{}) << "5 s to connect";
  EXPECT_EQ(early([](Policy&, Upstream& upstream) {
              upstream.connect_timeout = 4s;
              upstream.response_timeout = 1s;
            }),
            Lines{"routes[0].event_stream.early_open.after: never comes: upstreams.app is given up before "
                  "(connect_timeout, response_timeout)"});

  const auto told = [](auto change) {
    return of_route([&](Policy& policy, Upstream&) {
      policy.error_event.event = "oops";
      change(policy);
    });
  };
  EXPECT_EQ(told([](Policy&) {}), Lines{"routes[0].event_stream.error_event: is never sent: name statuses, or opt in "
                                        "to early_open or unavailable"});
  EXPECT_EQ(told([](Policy& policy) { policy.error_event.statuses = {{401, 401}}; }), Lines{});
  EXPECT_EQ(told([](Policy& policy) { policy.early_open.after = 5s; }), Lines{});
  EXPECT_EQ(told([](Policy& policy) { policy.unavailable.hold = 5s; }), Lines{});
  EXPECT_EQ(told([](Policy& policy) {
              policy.error_event.statuses = {{401, 401}};
              policy.error_event.then = exchange::AfterError::hold;
              policy.heartbeat.interval.reset();
            }),
            Lines{"routes[0].event_stream.error_event.then: 'hold' needs heartbeats: nothing else keeps a client"});
}

TEST(Check, AdminIsNoListener) {
  Config config = sound();
  config.admin = {parse_listen_address(":8080").value, true};
  EXPECT_EQ(findings(config), Lines{"admin.address: ':8080' is the address of a listener"});
  config.admin.configured = false;  // the server itself will see who was first
  EXPECT_EQ(findings(config), Lines{});
  for (const char* const address : {"127.0.0.1:8080", ":8081", "unix:/a"}) {
    config.admin = {parse_listen_address(address).value, true};
    EXPECT_EQ(findings(config), Lines{}) << address;
  }
  config.listeners[0].address = *parse_listen_address("unix:/a").value;
  EXPECT_EQ(findings(config), Lines{"admin.address: 'unix:/a' is the address of a listener"});
  config.listeners[0].address = *parse_listen_address(":0").value;
  config.admin = {parse_listen_address(":0").value, true};  // two free ports
  EXPECT_EQ(findings(config), Lines{});
}

TEST(Check, ListenerThatWasReportedAlready) {
  Config config = sound();
  config.listeners.assign(2, Listener{});
  EXPECT_EQ(findings(config), Lines{});
}

TEST(Check, UpstreamWithoutUrl) {
  Config config = sound();
  config.policies.upstreams[0].url.clear();
  EXPECT_EQ(findings(config), Lines{"upstreams.app.url: is missing"});
}

TEST(Check, RouteNamesAreUnique) {
  Config config = sound();
  config.policies.routes.push_back(config.policies.routes[0]);
  EXPECT_EQ(findings(config), Lines{"routes[1].name: two routes are named 'everything' (the other one is routes[0])"});
}

TEST(Check, FieldsOfAMatch) {
  Config config = sound();
  config.policies.routes[0].match.headers = {{"X-A", "1"}, {"x-a", "2"}, {"bad name", "1"}, {"X-B", "a\r\nb"}};
  EXPECT_EQ(findings(config),
            (Lines{"routes[0].match.headers.x-a: this header is listed twice",
                   "routes[0].match.headers.'bad name': 'bad name' is not a header name",
                   "routes[0].match.headers.X-B: the value has a line break, a control character, or a blank at "
                   "either end"}));
}

TEST(Check, FramingFieldsAreTheProxysOwn) {
  for (const char* const name : {"Content-Length", "transfer-encoding", "Connection", "Upgrade", "TE", "Keep-Alive",
                                 "Trailer", "Proxy-Connection"}) {
    Config config = sound();
    config.policies.routes[0].request_headers.set = {{name, "x"}};
    config.policies.routes[0].response_headers.remove = {"X-Fine", name};
    const std::string message =
        ": '" + std::string(name) + "' is part of how the message is framed: the proxy keeps it itself";
    EXPECT_EQ(findings(config), (Lines{"routes[0].request_headers.set." + std::string(name) + message,
                                       "routes[0].response_headers.remove[1]" + message}));
  }
}

TEST(Check, HostCanBeSetButNotRemoved) {
  Config config = sound();
  config.policies.routes[0].request_headers.set = {{"Host", "app"}};
  EXPECT_EQ(findings(config), Lines{});
  config.policies.routes[0].request_headers = {{}, {"host"}};
  EXPECT_EQ(findings(config), Lines{"routes[0].request_headers.remove[0]: 'Host' can be set, but not removed"});
  config.policies.routes[0].request_headers = {};
  config.policies.routes[0].response_headers = {{}, {"Host"}};
  EXPECT_EQ(findings(config), Lines{});
}

TEST(Check, SetAndRemoved) {
  Config config = sound();
  config.policies.routes[0].response_headers = {{{"Server", "x"}}, {"SERVER"}};
  EXPECT_EQ(findings(config), Lines{"routes[0].response_headers.remove[0]: 'SERVER' is set and removed"});
}

}  // namespace
}  // namespace sidecar::config
