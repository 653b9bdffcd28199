#include "cli/options.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <vector>

namespace sidecar::cli {
namespace {

using namespace std::chrono_literals;
using Action = Invocation::Action;
using Variables = std::map<std::string, std::string, std::less<>>;

Invocation parse_words(std::vector<const char*> words, const Variables& variables = {}) {
  words.insert(words.begin(), "sse-sidecar");
  return parse(static_cast<int>(words.size()), words.data(), [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

std::string failure(std::vector<const char*> words, const Variables& variables = {}) {
  const Invocation invocation = parse_words(std::move(words), variables);
  EXPECT_EQ(invocation.action, Action::fail);
  EXPECT_EQ(invocation.exit_code, 2);
  EXPECT_EQ(invocation.out, "");
  return invocation.err;
}

/// A file in the test's own folder, gone at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(testing::TempDir() + "sse_sidecar_options_" + unique() + ".yaml") {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const char* path() const { return path_.c_str(); }

 private:
  static std::string unique() {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    return std::string(test->name()) + "_" + std::to_string(reinterpret_cast<std::uintptr_t>(test));
  }

  std::string path_;
};

TEST(Options, NothingButAnUpstreamRuns) {
  const Invocation invocation = parse_words({"--upstream", "http://app:8000"});
  EXPECT_EQ(invocation.action, Action::run);
  EXPECT_EQ(invocation.exit_code, 0);
  EXPECT_EQ(invocation.err, "");
  EXPECT_EQ(invocation.out, "");
  EXPECT_EQ(invocation.config.policies.routes.at(0).name, "default");
  EXPECT_EQ(invocation.config.listeners.at(0).address.text, "0.0.0.0:8080");
}

TEST(Options, NeitherFileNorUpstream) {
  EXPECT_EQ(failure({}), "no upstream: give --upstream http://HOST:PORT (or SSE_SIDECAR_UPSTREAM), or --config FILE\n");
}

TEST(Options, EveryOptionReachesItsMember) {
  const Invocation invocation =
      parse_words({"--listen", ":1", "--listen=unix:/a,b", "--upstream=http://app", "--heartbeat-interval", "500ms",
                   "--response-timeout", "1m", "--early-open", "7s", "--workers", "2", "--admin", "[::1]:3",
                   "--log-level", "debug", "--log-format", "text"});
  ASSERT_EQ(invocation.action, Action::run) << invocation.err;
  const config::Config& config = invocation.config;
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[1].address.unix_path, "/a,b");
  EXPECT_EQ(config.policies.upstreams.at(0).response_timeout, 1min);
  EXPECT_EQ(config.policies.routes.at(0).event_stream.early_open.after, std::chrono::seconds{7});
  EXPECT_EQ(config.policies.routes.at(0).event_stream.heartbeat.interval, 500ms);
  EXPECT_EQ(config.workers, 2U);
  EXPECT_EQ(config.admin.address->text, "[::1]:3");
  EXPECT_EQ(config.log.level, config::LogLevel::debug);
  EXPECT_EQ(config.log.format, config::LogFormat::text);
}

TEST(Options, EveryOptionHasAnEnvironmentTwin) {
  const Invocation invocation = parse_words({}, {{"SSE_SIDECAR_LISTEN", ":1, [::1]:2"},
                                                 {"SSE_SIDECAR_UPSTREAM", "http://app"},
                                                 {"SSE_SIDECAR_HEARTBEAT_INTERVAL", "off"},
                                                 {"SSE_SIDECAR_RESPONSE_TIMEOUT", "1m"},
                                                 {"SSE_SIDECAR_WORKERS", "2"},
                                                 {"SSE_SIDECAR_ADMIN", "[::1]:3"},
                                                 {"SSE_SIDECAR_LOG_LEVEL", "error"},
                                                 {"SSE_SIDECAR_LOG_FORMAT", "json"}});
  ASSERT_EQ(invocation.action, Action::run) << invocation.err;
  const config::Config& config = invocation.config;
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[1].address.host, "::1");
  EXPECT_EQ(config.policies.upstreams.at(0).response_timeout, 1min);
  EXPECT_EQ(config.policies.routes.at(0).event_stream.heartbeat.interval, std::nullopt);
  EXPECT_EQ(config.workers, 2U);
  EXPECT_EQ(config.admin.address->text, "[::1]:3");
  EXPECT_EQ(config.log.level, config::LogLevel::error);
  EXPECT_EQ(config.log.format, config::LogFormat::json);
}

TEST(Options, OptionBeatsEnvironmentBeatsFileBeatsDefault) {
  const TemporaryFile file("upstreams: {app: {url: 'http://app'}}\nworkers: 2\nlisteners: [{address: ':2'}]\n");
  const auto run = [&](std::vector<const char*> words, const Variables& variables) {
    words.insert(words.begin(), {"-c", file.path()});
    Invocation invocation = parse_words(words, variables);
    EXPECT_EQ(invocation.action, Action::run) << invocation.err;
    return std::pair(invocation.config.workers, invocation.config.listeners.at(0).address.port);
  };
  const Variables variables{{"SSE_SIDECAR_WORKERS", "3"}, {"SSE_SIDECAR_LISTEN", ":3"}};
  EXPECT_EQ(run({}, {}), std::pair(std::size_t{2}, std::uint16_t{2}));
  EXPECT_EQ(run({}, variables), std::pair(std::size_t{3}, std::uint16_t{3}));
  EXPECT_EQ(run({"--workers", "4", "--listen", ":4"}, variables), std::pair(std::size_t{4}, std::uint16_t{4}));
}

TEST(Options, EmptyVariableIsUnset) {
  const Invocation invocation =
      parse_words({"--upstream", "http://app"},
                  {{"SSE_SIDECAR_WORKERS", ""}, {"SSE_SIDECAR_CONFIG", ""}, {"SSE_SIDECAR_LISTEN", ""}});
  EXPECT_EQ(invocation.action, Action::run) << invocation.err;
}

TEST(Options, ProblemsNameTheOptionOrTheVariable) {
  EXPECT_EQ(failure({"--upstream", "http://app", "--heartbeat-interval", "10x"}),
            "--heartbeat-interval: '10x' is not a duration (write 10s, 500ms, 2m)\n");
  EXPECT_EQ(failure({"--upstream", "http://app"}, {{"SSE_SIDECAR_HEARTBEAT_INTERVAL", "10x"}}),
            "SSE_SIDECAR_HEARTBEAT_INTERVAL: '10x' is not a duration (write 10s, 500ms, 2m)\n");
  EXPECT_EQ(failure({"--upstream", "http://app"}, {{"SSE_SIDECAR_LISTEN", ":1,,:2"}}),
            "SSE_SIDECAR_LISTEN: '' is not an address to listen on: the port is missing, e.g. 0.0.0.0:8080\n");
  EXPECT_EQ(
      failure({"--upstream", "app", "--workers", "0"}),
      "--workers: '0' is neither a number from 1 to 256 nor auto\n"
      "--upstream: 'app' is not the URL of an upstream: write http://host:port, https://host:port or unix:/path\n");
}

TEST(Options, WrongUsage) {
  const std::string hint = "sse-sidecar --help lists the options\n";
  EXPECT_EQ(failure({"--heartbeat-intervall", "1s"}),
            "--heartbeat-intervall: unknown option (did you mean '--heartbeat-interval'?)\n"
            "'1s': is no option\n" +
                hint);
  EXPECT_EQ(failure({"--listne=:1"}), "--listne: unknown option (did you mean '--listen'?)\n" + hint);
  EXPECT_EQ(failure({"serve"}), "'serve': is no option\n" + hint);
  EXPECT_EQ(failure({"-x"}), "-x: unknown option\n" + hint);
  EXPECT_EQ(failure({"--workers", "1", "--workers", "2"}), "--workers: given 2 times\n");
  EXPECT_NE(failure({"--workers"}).find("--workers"), std::string::npos);
  EXPECT_NE(failure({"--listen", ":1", ":2"}).find("':2': is no option"), std::string::npos);
}

TEST(Options, Check) {
  const Invocation invocation = parse_words({"--config", SIDECAR_SOURCE_DIR "/conf/minimal.yaml", "--check"});
  EXPECT_EQ(invocation.action, Action::check);
  EXPECT_EQ(invocation.out, "configuration OK\n");
  EXPECT_EQ(invocation.err, "");
  EXPECT_EQ(invocation.exit_code, 0);
}

TEST(Options, CheckPrintsEveryProblem) {
  const TemporaryFile file("worker: 1\nupstreams: {app: {url: 'http://app'}}\nlog: {level: x}\n");
  const std::string name = file.path();
  EXPECT_EQ(failure({"-c", file.path(), "--check"}),
            name + ":1:1: unknown key 'worker' (did you mean 'workers'?)\n" + name +
                ":3:14: log.level: 'x' is none of trace, debug, info, warn, error and off\n");
}

TEST(Options, CheckLooksAtTheFilesThatAConfigurationNames) {
  const char* const file = SIDECAR_SOURCE_DIR "/conf/sidecar.yaml";
  EXPECT_EQ(parse_words({"-c", file}).action, Action::run) << "whoever starts finds out himself";
  const std::string err = failure({"-c", file, "--check"});
  EXPECT_NE(err.find("sidecar.yaml:"), std::string::npos);
  EXPECT_NE(err.find("listeners[1].tls.certificates[0].certificate: /etc/sse-sidecar/tls.crt cannot be read: No such "
                     "file or directory\n"),
            std::string::npos)
      << err;
  EXPECT_EQ(failure({"--upstream", "http://app", "--tls-listen", ":1", "--tls-certificate", "/nonexistent/c",
                     "--tls-key", "/nonexistent/k", "--check"}),
            "--tls-certificate: /nonexistent/c cannot be read: No such file or directory\n"
            "--tls-key: /nonexistent/k cannot be read: No such file or directory\n");
}

TEST(Options, TlsFromOptionsAndEnvironment) {
  const Invocation invocation =
      parse_words({"--upstream", "https://app", "--tls-listen", ":1", "--tls-listen", ":2", "--http2", "translate"},
                  {{"SSE_SIDECAR_TLS_CERTIFICATE", "a.crt, b.crt"}, {"SSE_SIDECAR_TLS_KEY", "a.key,b.key"}});
  ASSERT_EQ(invocation.action, Action::run) << invocation.err;
  ASSERT_EQ(invocation.config.listeners.size(), 2U);
  const config::Listener& listener = invocation.config.listeners[1];
  EXPECT_EQ(listener.address.text, ":2");
  EXPECT_EQ(listener.http2, config::Http2::translate);
  ASSERT_EQ(listener.tls->certificates.size(), 2U);
  EXPECT_EQ(listener.tls->certificates[1], (config::CertificateFiles{"b.crt", "b.key"}));
}

TEST(Options, PrintConfigIsReadBack) {
  const Invocation first = parse_words({"--upstream", "http://app", "--listen", "[::]:80", "--print-config"});
  ASSERT_EQ(first.action, Action::print_config) << first.err;
  EXPECT_EQ(first.exit_code, 0);
  const TemporaryFile file(first.out);
  const Invocation second = parse_words({"-c", file.path(), "--print-config"});
  EXPECT_EQ(second.out, first.out);
}

TEST(Options, FileFromTheEnvironment) {
  const Invocation invocation = parse_words({}, {{"SSE_SIDECAR_CONFIG", SIDECAR_SOURCE_DIR "/conf/minimal.yaml"}});
  EXPECT_EQ(invocation.action, Action::run) << invocation.err;
  EXPECT_EQ(invocation.config.policies.upstreams.at(0).name, "app");
}

TEST(Options, ExpandsFromTheSameEnvironment) {
  const TemporaryFile file("upstreams: {app: {url: 'http://${BACKEND}'}}\n");
  EXPECT_EQ(parse_words({"-c", file.path()}, {{"BACKEND", "b"}}).config.policies.upstreams.at(0).address.host, "b");
}

TEST(Options, FileThatCannotBeRead) {
  EXPECT_EQ(failure({"-c", "/nonexistent/x.yaml"}), "/nonexistent/x.yaml: cannot be read: No such file or directory\n");
  EXPECT_EQ(failure({"-c", "/"}), "/: cannot be read: Is a directory\n");
  EXPECT_EQ(failure({"-c", "/dev/zero"}).substr(0, 13), "/dev/zero:1:1");
}

TEST(Options, HelpAndVersion) {
  const Invocation help = parse_words({"--help"});
  EXPECT_EQ(help.action, Action::help);
  EXPECT_EQ(help.exit_code, 0);
  for (const char* const word : {"--config",
                                 "--listen",
                                 "--upstream",
                                 "--heartbeat-interval",
                                 "--early-open",
                                 "--response-timeout",
                                 "--tls-listen",
                                 "--tls-certificate",
                                 "--tls-key",
                                 "--http2",
                                 "--workers",
                                 "--admin",
                                 "--log-level",
                                 "--log-format",
                                 "--check",
                                 "--print-config",
                                 "--version",
                                 "SSE_SIDECAR_HEARTBEAT_INTERVAL",
                                 "SSE_SIDECAR_CONFIG",
                                 "healthcheck"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(parse_words({"-h"}).action, Action::help);
  const Invocation version = parse_words({"--version"});
  EXPECT_EQ(version.action, Action::version);
  EXPECT_EQ(version.out.substr(0, 12), "sse-sidecar ");
  EXPECT_EQ(version.out.back(), '\n');
}

/// Of the healthcheck that the words ask for; the text of the address, or "off".
std::string asked(std::vector<const char*> words, const Variables& variables = {}) {
  const Invocation invocation = parse_words(std::move(words), variables);
  EXPECT_EQ(invocation.action, Action::healthcheck) << invocation.err;
  EXPECT_EQ(invocation.out + invocation.err, "");
  return invocation.config.admin.address ? invocation.config.admin.address->text : "off";
}

TEST(Healthcheck, ReadsWhatTheServerReads) {
  const TemporaryFile file("upstreams: {app: {url: nonsense}}\nadmin: {address: ':2'}\n");
  EXPECT_EQ(asked({"healthcheck"}), "127.0.0.1:9901");
  EXPECT_EQ(asked({"healthcheck", "-c", file.path()}), ":2");
  EXPECT_EQ(asked({"-c", file.path(), "healthcheck"}), ":2");
  EXPECT_EQ(asked({"healthcheck"}, {{"SSE_SIDECAR_CONFIG", file.path()}}), ":2");
  EXPECT_EQ(asked({"healthcheck", "-c", file.path()}, {{"SSE_SIDECAR_ADMIN", ":3"}}), ":3");
  EXPECT_EQ(asked({"healthcheck", "--admin", ":4"}, {{"SSE_SIDECAR_ADMIN", ":3"}}), ":4");
  EXPECT_EQ(asked({"--admin=:4", "healthcheck"}), ":4");
  EXPECT_EQ(asked({"healthcheck", "--admin", "off"}), "off");
  EXPECT_EQ(asked({"healthcheck", "--admin", ":4", "-c", "/nonexistent"}), ":4");
}

TEST(Healthcheck, WhateverIsWrongIsOne) {
  const auto failed = [](std::vector<const char*> words) {
    words.insert(words.begin(), "healthcheck");
    const Invocation invocation = parse_words(words);
    EXPECT_EQ(invocation.action, Action::fail);
    EXPECT_EQ(invocation.exit_code, 1) << "2 is reserved by Docker";
    return invocation.err;
  };
  const std::string hint = "sse-sidecar --help lists the options\n";
  EXPECT_EQ(failed({"--admin", "x"}),
            "--admin: 'x' is not an address to listen on: the port is missing, e.g. 0.0.0.0:8080\n");
  EXPECT_EQ(failed({"-c", "/nonexistent"}), "/nonexistent: cannot be read: No such file or directory\n");
  EXPECT_EQ(failed({"--admn", ":1"}), "--admn: unknown option (did you mean '--admin'?)\n':1': is no option\n" + hint);
  EXPECT_EQ(failed({"--upstream=http://app"}), "--upstream: unknown option\n" + hint);
  EXPECT_EQ(failed({"--admin", ":1", "--admin", ":2"}), "--admin: given 2 times\n");
  EXPECT_NE(failed({"--admin"}).find("--admin"), std::string::npos);
}

TEST(Healthcheck, Help) {
  const Invocation help = parse_words({"healthcheck", "--help"});
  EXPECT_EQ(help.action, Action::help);
  EXPECT_EQ(help.exit_code, 0);
  for (const char* const word : {"--config", "--admin", "SSE_SIDECAR_ADMIN"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(help.out.find("--upstream"), std::string::npos) << help.out;
}

TEST(Options, ProcessEnvironment) {
  EXPECT_TRUE(process_environment()("PATH"));
  EXPECT_EQ(process_environment()("SSE_SIDECAR_NO_SUCH_VARIABLE"), std::nullopt);
}

}  // namespace
}  // namespace sidecar::cli
