#include "config/load.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/addresses.hpp"
#include "tests/config/support.hpp"

namespace sidecar::config {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

Override option(std::string value, std::string origin = "--option") {
  return {std::move(value), std::move(origin)};
}

LoadResult load_options(const Overrides& overrides) {
  return load(std::nullopt, overrides, environment_of({}));
}

Lines lines(const LoadResult& result) {
  Lines out;
  for (const Problem& problem : result.problems) out.push_back(to_string(problem));
  return out;
}

TEST(Load, NothingButAnUpstream) {
  Overrides overrides;
  overrides.upstream = option("http://app:8000");
  const LoadResult result = load_options(overrides);
  ASSERT_TRUE(result.config) << lines(result).at(0);
  EXPECT_EQ(result.config->workers, 1U);
  ASSERT_EQ(result.config->listeners.size(), 1U);
  EXPECT_EQ(result.config->listeners[0].address, (ListenAddress{"0.0.0.0", 8080, "", "0.0.0.0:8080"}));
  ASSERT_EQ(result.config->policies.upstreams.size(), 1U);
  EXPECT_EQ(result.config->policies.upstreams[0].name, "default");
  EXPECT_EQ(result.config->policies.upstreams[0].url, "http://app:8000");
  EXPECT_EQ(result.config->policies.upstreams[0].address, (exchange::UpstreamAddress{"app", 8000, ""}));
  ASSERT_EQ(result.config->policies.routes.size(), 1U);
  EXPECT_EQ(result.config->policies.routes[0].name, "default");
  EXPECT_EQ(result.config->policies.routes[0].match, exchange::RouteMatch{});
  EXPECT_EQ(result.config->policies.routes[0].event_stream.heartbeat.interval, 15s);
}

TEST(Load, NeitherFileNorUpstream) {
  EXPECT_EQ(lines(load_options({})), Lines{"no upstream: give --upstream http://HOST:PORT (or SSE_SIDECAR_UPSTREAM), "
                                           "or --config FILE"});
  EXPECT_EQ(problems_of(""), Lines{"f.yaml:1:1: upstreams: none is defined (add one, or give --upstream URL)"});
  EXPECT_EQ(problems_of("workers: 1\nupstreams: {}\n"),
            Lines{"f.yaml:2:12: upstreams: none is defined (add one, or give --upstream URL)"});
}

TEST(Load, FileWithoutRoutes) {
  const Config one = config_of("upstreams: {app: {url: 'http://app'}}\ndefaults: {event_stream: {heartbeat: off}}\n");
  ASSERT_EQ(one.policies.routes.size(), 1U);
  EXPECT_EQ(one.policies.routes[0].name, "everything");
  EXPECT_EQ(one.policies.routes[0].event_stream.heartbeat.interval, std::nullopt);
  EXPECT_EQ(problems_of("upstreams: {a: {url: 'http://a'}, b: {url: 'http://b'}}\n"),
            Lines{"f.yaml:1:1: routes: is missing: with several upstreams, routes must say which requests go where"});
}

TEST(Load, UpstreamBesideAFile) {
  Overrides overrides;
  overrides.upstream = option("http://moved");
  const Config without_routes = config_of("upstreams: {a: {url: 'http://a'}, b: {url: 'http://b'}}\n", overrides);
  ASSERT_EQ(without_routes.policies.upstreams.size(), 3U);
  ASSERT_EQ(without_routes.policies.routes.size(), 1U);
  EXPECT_EQ(without_routes.policies.routes[0].name, "default");
  EXPECT_EQ(without_routes.policies.routes[0].upstream, 2U);

  const Config with_routes = config_of(
      "upstreams: {default: {url: 'http://a', connect_timeout: 1s}}\nroutes: [{name: r, upstream: default}]\n",
      overrides);
  ASSERT_EQ(with_routes.policies.upstreams.size(), 1U);
  EXPECT_EQ(with_routes.policies.upstreams[0].address.host, "moved");
  EXPECT_EQ(with_routes.policies.upstreams[0].connect_timeout, 1s);
  ASSERT_EQ(with_routes.policies.routes.size(), 1U);
  EXPECT_EQ(with_routes.policies.routes[0].name, "r");

  EXPECT_EQ(config_of("routes: [{name: r, upstream: default}]\n", overrides).policies.routes.size(), 1U);
  EXPECT_EQ(config_of("upstreams: {default: {connect_timeout: 1s}}\n", overrides).policies.upstreams[0].url,
            "http://moved");
}

TEST(Load, ListenReplacesAllListeners) {
  Overrides overrides;
  overrides.listen = {option(":1"), option(":2")};
  const std::string file = "upstreams: {app: {url: 'http://app'}}\nlisteners: [{address: ':3'}]\n";
  const Config config = config_of(file, overrides);
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[0].address.port, 1);
  EXPECT_EQ(config.listeners[1].address.port, 2);
  EXPECT_EQ(config_of(file).listeners.size(), 1U);
  overrides.listen = {option(":1", "--listen"), option(":1", "--listen")};
  EXPECT_EQ(problems_of(file, overrides), Lines{"--listen: ':1' is listened on twice"});
}

TEST(Load, HeartbeatIntervalBeatsTheDefaultsAndNotARoute) {
  Overrides overrides;
  overrides.heartbeat_interval = option("3s");
  const std::string file =
      "upstreams: {app: {url: 'http://app'}}\ndefaults: {event_stream: {heartbeat: {interval: 7s}}}\n"
      "routes:\n  - {match: {path: /a}, upstream: app, event_stream: {heartbeat: {interval: 1s}}}\n  - {upstream: "
      "app}\n";
  const Config config = config_of(file, overrides);
  EXPECT_EQ(config.event_stream.heartbeat.interval, 3s);
  EXPECT_EQ(config.policies.routes.at(0).event_stream.heartbeat.interval, 1s);
  EXPECT_EQ(config.policies.routes.at(1).event_stream.heartbeat.interval, 3s);
  overrides.heartbeat_interval = option("off");
  EXPECT_EQ(config_of(file, overrides).policies.routes.at(1).event_stream.heartbeat.interval, std::nullopt);
  overrides.heartbeat_interval.reset();
  EXPECT_EQ(config_of(file, overrides).policies.routes.at(1).event_stream.heartbeat.interval, 7s);
}

TEST(Load, ResponseTimeoutIsThatOfEveryUpstream) {
  Overrides overrides;
  overrides.upstream = option("http://app");
  overrides.response_timeout = option("30s");
  const std::string file = "upstreams: {a: {url: 'http://a', response_timeout: 1s}}\n";
  for (const exchange::UpstreamPolicy& upstream : config_of(file, overrides).policies.upstreams) {
    EXPECT_EQ(upstream.response_timeout, 30s);
  }
  overrides.response_timeout = option("off");
  EXPECT_EQ(config_of(file, overrides).policies.upstreams.at(0).response_timeout, std::nullopt);
}

TEST(Load, TheOtherOptions) {
  Overrides overrides;
  overrides.workers = option("4");
  overrides.log_level = option("debug");
  overrides.log_format = option("json");
  const Config config = config_of("workers: 2\nupstreams: {a: {url: 'http://a'}}\nlog: {level: off}\n", overrides);
  EXPECT_EQ(config.workers, 4U);
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_EQ(config.log.format, LogFormat::json);
}

const std::string kUpstream = "upstreams: {app: {url: 'http://app'}}\n";

TEST(Load, AdminOnLoopbackUnlessSaidOtherwise) {
  const AdminConfig standard = config_of(kUpstream).admin;
  EXPECT_EQ(standard.address, parse_listen_address("127.0.0.1:9901").value);
  EXPECT_FALSE(standard.configured);
  const AdminConfig same = config_of(kUpstream + "admin: {address: 127.0.0.1:9901}\n").admin;
  EXPECT_EQ(same.address, standard.address);
  EXPECT_TRUE(same.configured);
  for (const char* const off :
       {"admin: off\n", "admin: null\n", "admin: {address: off}\n", "admin: {address: null}\n"}) {
    EXPECT_EQ(config_of(kUpstream + off).admin.address, std::nullopt) << off;
  }
  EXPECT_FALSE(config_of(kUpstream + "admin: {}\n").admin.configured);
  EXPECT_EQ(problems_of(kUpstream + "admin: {adress: ':1'}\n"),
            Lines{"f.yaml:2:9: admin: unknown key 'adress' (did you mean 'address'?)"});
}

TEST(Load, AdminOptionBeatsTheFile) {
  Overrides overrides;
  overrides.admin = option("unix:/run/a", "--admin");
  const AdminConfig moved = config_of(kUpstream + "admin: off\n", overrides).admin;
  EXPECT_EQ(moved.address, parse_listen_address("unix:/run/a").value);
  EXPECT_TRUE(moved.configured);
  overrides.admin = option("off", "--admin");
  EXPECT_EQ(config_of(kUpstream + "admin: {address: ':1'}\n", overrides).admin.address, std::nullopt);
  overrides.admin = option("1", "--admin");
  EXPECT_EQ(problems_of(kUpstream, overrides),
            Lines{"--admin: '1' is not an address to listen on: a port alone is written :1"});
  overrides.admin = option("0.0.0.0:8080", "SSE_SIDECAR_ADMIN");
  EXPECT_EQ(problems_of(kUpstream, overrides), Lines{"SSE_SIDECAR_ADMIN: '0.0.0.0:8080' is the address of a listener"});
}

/// Whoever asks for health need not know how to serve.
TEST(LoadAdmin, JudgesNothingElse) {
  const auto load_file = [](std::string text, const std::optional<Override>& override = {}) {
    return load_admin(FileText{"f.yaml", std::move(text)}, override, environment_of({{"PORT", "7"}}));
  };
  EXPECT_EQ(load_admin(std::nullopt, std::nullopt, environment_of({})).admin->address->port, 9901);
  EXPECT_EQ(load_file("").admin->address->port, 9901);
  EXPECT_EQ(load_file("workers: none\nno_such_key: 1\nadmin: {address: ':${PORT}'}\n").admin->address->port, 7);
  EXPECT_EQ(load_file("admin: off\n").admin->address, std::nullopt);
  EXPECT_EQ(load_file("not: [yaml", option(":8")).admin->address->port, 8);

  const auto problem = [&](std::string text) {
    const AdminResult result = load_file(std::move(text));
    EXPECT_FALSE(result.admin);
    return result.problems.size() == 1 ? to_string(result.problems[0]) : "not one problem";
  };
  EXPECT_EQ(problem("hello\n"), "f.yaml:1:1: must be a mapping of keys to values, not a single value");
  EXPECT_EQ(problem("x: 1\nadmin: {adress: ':1'}\n"),
            "f.yaml:2:9: admin: unknown key 'adress' (did you mean 'address'?)");
  EXPECT_EQ(problem("admin: 1\n"), "f.yaml:1:8: admin: '1' is neither a mapping nor off");
  EXPECT_EQ(problem("a: [\n").substr(0, 7), "f.yaml:");
  EXPECT_EQ(to_string(load_file("", option("x", "--admin")).problems.at(0)),
            "--admin: 'x' is not an address to listen on: the port is missing, e.g. 0.0.0.0:8080");
}

TEST(Load, AllProblemsAtOnceInTheOrderOfTheFile) {
  Overrides overrides;
  overrides.heartbeat_interval = option("10x", "--heartbeat-interval");
  overrides.log_level = option("loud", "SSE_SIDECAR_LOG_LEVEL");
  const std::string file = R"(workers: none
log: {level: 1}
routes:
  - upstream: app
    match: { path: x, hosts: a }
  - upstream: other
    event_stream:
      heartbeat:
        intervall: 5s
        interval: 10x
upstreams:
  app:
    url: ftp://app
    dns_ttl: ${TTL}
listeners:
  - address: 8080
)";
  EXPECT_EQ(
      problems_of(file, overrides),
      (Lines{"f.yaml:1:10: workers: 'none' is neither a number from 1 to 256 nor auto",
             "f.yaml:2:14: log.level: '1' is none of trace, debug, info, warn, error and off",
             "f.yaml:5:20: routes[0].match.path: 'x' is not a path pattern: it begins with /",
             "f.yaml:5:23: routes[0].match: unknown key 'hosts' (did you mean 'host'?)",
             "f.yaml:6:5: routes[1].name: two routes are named '/**' (the other one is routes[0])",
             "f.yaml:6:15: routes[1].upstream: no upstream is named 'other'",
             "f.yaml:9:9: routes[1].event_stream.heartbeat: unknown key 'intervall' (did you mean 'interval'?)",
             "f.yaml:10:19: routes[1].event_stream.heartbeat.interval: '10x' is not a duration (write 10s, "
             "500ms, 2m)",
             "f.yaml:13:10: upstreams.app.url: 'ftp://app' is not the URL of an upstream: write http://host:port, "
             "https://host:port or unix:/path",
             "f.yaml:14:14: upstreams.app.dns_ttl: the environment variable TTL is not set (${TTL:-default} "
             "would give it a default)",
             "f.yaml:16:14: listeners[0].address: '8080' is not an address to listen on: a port alone is "
             "written :8080",
             "--heartbeat-interval: '10x' is not a duration (write 10s, 500ms, 2m)",
             "SSE_SIDECAR_LOG_LEVEL: 'loud' is none of trace, debug, info, warn, error and off"}));
}

TEST(Load, BehindASyntaxErrorNothingIsSaid) {
  EXPECT_EQ(problems_of("workers: 0\nlog: {level: ${X}}\n"),
            Lines{"f.yaml:2:15: not YAML: end of map flow not found (put \"${...}\" into quotes)"});
}

TEST(Load, NoMapping) {
  EXPECT_EQ(problems_of("hello\n"), Lines{"f.yaml:1:1: must be a mapping of keys to values, not a single value"});
}

TEST(Load, ExpandsFromTheEnvironment) {
  const Config config = config_of(
      "upstreams: {app: {url: \"http://${HOST}:${PORT:-8000}\"}}\nworkers: ${N}\n"
      "defaults: {event_stream: {heartbeat: \"${HB:-off}\"}}\n",
      {}, {{"HOST", "backend"}, {"N", "2"}});
  EXPECT_EQ(config.workers, 2U);
  EXPECT_EQ(config.policies.upstreams.at(0).address, (exchange::UpstreamAddress{"backend", 8000, "", false}));
  EXPECT_EQ(config.policies.upstreams.at(0).url, "http://backend:8000");
  EXPECT_EQ(config.event_stream.heartbeat.interval, std::nullopt);
}

TEST(Load, OptionsMakeTlsListeners) {
  Overrides overrides;
  overrides.listen = {{":1", "--listen"}};
  overrides.tls_listen = {{":2", "--tls-listen"}, {":3", "--tls-listen"}};
  overrides.tls_certificate = {{"a.crt", "--tls-certificate"}, {"b.crt", "--tls-certificate"}};
  overrides.tls_key = {{"a.key", "--tls-key"}, {"b.key", "--tls-key"}};
  overrides.http2 = Override{"translate", "--http2"};
  const Config config = config_of("upstreams: {a: {url: 'http://a'}}\nlisteners: [{address: ':9'}]\n", overrides);
  ASSERT_EQ(config.listeners.size(), 3U);
  EXPECT_EQ(config.listeners[0].tls, std::nullopt);
  const ListenerTls both{{{"a.crt", "a.key"}, {"b.crt", "b.key"}}, "", 10s};
  for (const std::size_t i : {1U, 2U}) EXPECT_EQ(config.listeners[i].tls, both);
  for (const Listener& listener : config.listeners) EXPECT_EQ(listener.http2, Http2::translate);
}

TEST(Load, OptionsOfTlsBelongTogether) {
  const std::string file = "upstreams: {a: {url: 'http://a'}}\n";
  Overrides overrides;
  overrides.tls_certificate = {{"a.crt", "--tls-certificate"}};
  overrides.tls_key = {{"a.key", "SSE_SIDECAR_TLS_KEY"}};
  EXPECT_EQ(problems_of(file, overrides), (Lines{"--tls-certificate: there is no --tls-listen that it is for",
                                                 "SSE_SIDECAR_TLS_KEY: there is no --tls-listen that it is for"}));
  overrides.tls_listen = {{":2", "--tls-listen"}};
  overrides.tls_key.push_back({"b.key", "--tls-key"});
  EXPECT_EQ(problems_of(file, overrides),
            Lines{"SSE_SIDECAR_TLS_KEY: as many keys as certificates are needed, in the same order"});
  overrides.tls_key.clear();
  EXPECT_EQ(problems_of(file, overrides), Lines{"--tls-listen: needs --tls-certificate FILE and --tls-key FILE"});
}

TEST(Load, FurtherChecksAreToldWithTheirPlace) {
  const auto further = [](const Config&) {
    return std::vector<Finding>{{"listeners[0].tls.client_ca", "ca.pem is bad"}};
  };
  const std::string text =
      "upstreams: {a: {url: 'http://a'}}\n"
      "listeners: [{address: ':1', tls: {certificates: [{certificate: c, key: k}], client_ca: ca.pem}}]\n";
  const LoadResult result = load(FileText{"f.yaml", text}, {}, environment_of({}), further);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(to_string(result.problems[0]), "f.yaml:2:88: listeners[0].tls.client_ca: ca.pem is bad");
}

TEST(Load, KeysOfLaterVersionsAreUnknown) {
  for (const char* const key : {"http2", "metrics"}) {
    EXPECT_EQ(problems_of("upstreams: {a: {url: 'http://a'}}\n" + std::string(key) + ": {}\n").size(), 1U) << key;
  }
}

TEST(Load, MinimalFileLoads) {
  const Config config = config_of(source_file("conf/minimal.yaml"));
  EXPECT_EQ(config.listeners.at(0).address.host, "");
  EXPECT_EQ(config.policies.routes.at(0).name, "everything");
  const std::string text = source_file("conf/minimal.yaml");
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 8);
}

TEST(Load, FullFileHoldsEveryKnownKeyAndNoOther) {
  EXPECT_EQ(keys_of(source_file("conf/sidecar.yaml")), known_keys());
}

TEST(Load, FullFileSaysTheDefaults) {
  const Config full = config_of(source_file("conf/sidecar.yaml"));
  const Config plain = config_of("upstreams: {app: {url: 'http://app:8000'}}\n");
  EXPECT_EQ(full.policies.routes.at(1).name, "everything");
  Config alike = full;  // all but the example route and the example of TLS
  ASSERT_EQ(alike.listeners.size(), 2U);
  alike.listeners.pop_back();
  alike.policies.routes.erase(alike.policies.routes.begin());
  EXPECT_EQ(described(alike), described(plain));
}

TEST(Load, KnownKeysAreThoseOfThisVersion) {
  const std::vector<std::string> keys = known_keys();
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  for (const char* const key : {"workers", "listeners[].address", "upstreams.NAME.keepalive.unsafe_methods",
                                "routes[].match.path", "defaults.event_stream.heartbeat.interval"}) {
    EXPECT_TRUE(std::binary_search(keys.begin(), keys.end(), key)) << key;
  }
}

}  // namespace
}  // namespace sidecar::config
