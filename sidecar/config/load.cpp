#include "config/load.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "config/addresses.hpp"
#include "config/check.hpp"
#include "config/event_stream.hpp"
#include "config/reader.hpp"
#include "config/report.hpp"
#include "config/sections.hpp"
#include "config/tokens.hpp"
#include "config/yaml_tree.hpp"

namespace sidecar::config {
namespace {

constexpr std::string_view kDefaultListen = "0.0.0.0:8080";
constexpr std::string_view kOptionUpstream = "default";        // what --upstream defines, and its catch-all route
constexpr std::string_view kOnlyUpstreamRoute = "everything";  // the catch-all route of a file without routes

template <class T, class Parse>
void apply(Report& report, const std::optional<Override>& override, T& out, Parse parse) {
  if (!override) return;
  Parsed<T> parsed = parse(override->value);
  if (parsed.value) {
    out = std::move(*parsed.value);
  } else {
    report.problem_at({override->origin, 0, 0}, {}, parsed.why);
  }
}

template <class T, class Parse>
void apply_switchable(Report& report, const std::optional<Override>& override, std::optional<T>& out, Parse parse) {
  if (override && override->value == "off") {
    out.reset();
  } else if (override) {
    T value{};
    apply(report, override, value, parse);
    out = std::move(value);
  }
}

void blame(Report& report, const Override& override, std::string_view why) {
  report.problem_at({override.origin, 0, 0}, {}, why);
}

/// The certificates of options, for the listener at `path`.
ListenerTls tls_of(Report& report, const Overrides& overrides, const std::string& path) {
  ListenerTls tls;
  for (std::size_t i = 0; i < overrides.tls_certificate.size() && i < overrides.tls_key.size(); ++i) {
    CertificateFiles& files = tls.certificates.emplace_back();
    const std::string element = element_path(path + ".tls.certificates", i);
    report.locate(element + ".certificate", {overrides.tls_certificate[i].origin, 0, 0});
    report.locate(element + ".key", {overrides.tls_key[i].origin, 0, 0});
    apply(report, overrides.tls_certificate[i], files.certificate, parse_file_path);
    apply(report, overrides.tls_key[i], files.key, parse_file_path);
  }
  return tls;
}

/// True when they can be given to listeners.
bool check_certificates(Report& report, const Overrides& overrides) {
  const std::size_t certificates = overrides.tls_certificate.size();
  const std::size_t keys = overrides.tls_key.size();
  if (overrides.tls_listen.empty()) {
    if (certificates > 0) blame(report, overrides.tls_certificate.front(), "there is no --tls-listen that it is for");
    if (keys > 0) blame(report, overrides.tls_key.front(), "there is no --tls-listen that it is for");
    return false;
  }
  if (certificates == 0 || keys == 0) {
    blame(report, overrides.tls_listen.front(), "needs --tls-certificate FILE and --tls-key FILE");
  } else if (certificates != keys) {
    blame(report, overrides.tls_key.front(), "as many keys as certificates are needed, in the same order");
  }
  return certificates == keys && keys > 0;
}

void apply_listen(Report& report, const Overrides& overrides, std::vector<Listener>& listeners) {
  if (!overrides.listen.empty() || !overrides.tls_listen.empty()) listeners.clear();
  const auto add = [&](const Override& override) {
    std::string path = element_path("listeners", listeners.size());
    report.locate(path + ".address", {override.origin, 0, 0});
    apply(report, override, listeners.emplace_back().address, parse_listen_address);
    return path;
  };
  for (const Override& override : overrides.listen) add(override);
  const bool sound = check_certificates(report, overrides);
  for (const Override& override : overrides.tls_listen) {
    const std::string path = add(override);
    if (sound) listeners.back().tls = tls_of(report, overrides, path);
  }
  if (!overrides.http2) return;
  Http2 http2{};
  apply(report, overrides.http2, http2, parse_http2);
  for (Listener& listener : listeners) listener.http2 = http2;
}

void apply_upstream(Report& report, const std::optional<Override>& override,
                    std::vector<exchange::UpstreamPolicy>& upstreams) {
  if (!override) return;
  auto found = std::find_if(upstreams.begin(), upstreams.end(),
                            [](const exchange::UpstreamPolicy& upstream) { return upstream.name == kOptionUpstream; });
  if (found == upstreams.end()) {
    found = upstreams.insert(upstreams.end(), exchange::UpstreamPolicy{});
    found->name = std::string(kOptionUpstream);
  }
  found->url = override->value;
  report.locate("upstreams.default.url", {override->origin, 0, 0});
  apply(report, override, found->address, parse_upstream_url);
}

void apply_response_timeout(Report& report, const std::optional<Override>& override,
                            std::vector<exchange::UpstreamPolicy>& upstreams) {
  exchange::UpstreamPolicy read;
  apply_switchable(report, override, read.response_timeout, parse_response_timeout);
  for (exchange::UpstreamPolicy& upstream : upstreams) {
    if (override) upstream.response_timeout = read.response_timeout;
  }
}

void apply_admin(Report& report, const std::optional<Override>& override, AdminConfig& admin) {
  if (!override) return;
  admin.configured = true;
  report.locate("admin.address", {override->origin, 0, 0});
  apply_switchable(report, override, admin.address, parse_listen_address);
}

/// Reads in the order in which one section needs another; overrides come in where later sections build on them.
void read_all(Section& top, const Overrides& overrides, Report& report, Config& config) {
  read_workers(top, config.workers);
  apply(report, overrides.workers, config.workers, parse_workers);
  read_listeners(top, config.listeners);
  read_client_address(top, config.policies.client_address);
  read_x_forwarded(top, config.policies.x_forwarded);
  read_upstreams(top, config.policies.upstreams);
  apply_upstream(report, overrides.upstream, config.policies.upstreams);
  apply_response_timeout(report, overrides.response_timeout, config.policies.upstreams);
  read_defaults(top, config.event_stream);
  apply_switchable(report, overrides.heartbeat_interval, config.event_stream.heartbeat.interval,
                   parse_heartbeat_interval);
  apply_switchable(report, overrides.early_open, config.event_stream.early_open.after, parse_early_open);
  read_routes(top, config, config.policies.routes);
  read_limits(top, config.policies.limits);
  read_drain(top, config.drain);
  read_admin(top, config.admin);
  apply_admin(report, overrides.admin, config.admin);
  read_log(top, config.log);
  apply(report, overrides.log_level, config.log.level, parse_log_level);
  apply(report, overrides.log_format, config.log.format, parse_log_format);
}

/// What a configuration without routes means.
void add_catch_all(const Overrides& overrides, Report& report, Config& config) {
  auto& policies = config.policies;
  if (!policies.routes.empty()) return;
  if (policies.upstreams.empty()) {
    const bool file = !report.file().empty();
    return report.problem(file ? "upstreams" : "", file ? "none is defined (add one, or give --upstream URL)"
                                                        : "no upstream: give --upstream http://HOST:PORT (or "
                                                          "SSE_SIDECAR_UPSTREAM), or --config FILE");
  }
  exchange::RoutePolicy route;
  route.event_stream = config.event_stream;
  if (overrides.upstream) {
    route.name = std::string(kOptionUpstream);
    while (policies.upstreams[route.upstream].name != kOptionUpstream) ++route.upstream;
  } else if (policies.upstreams.size() == 1) {
    route.name = std::string(kOnlyUpstreamRoute);
  } else {
    return report.problem("routes", "is missing: with several upstreams, routes must say which requests go where");
  }
  policies.routes.push_back(std::move(route));
}

Config default_config() {
  Config config;
  config.listeners.emplace_back().address = *parse_listen_address(kDefaultListen).value;
  return config;
}

bool is_no_mapping(const YamlNode& root) {
  return root.kind == YamlNode::Kind::scalar || root.kind == YamlNode::Kind::sequence;
}

}  // namespace

LoadResult load(const std::optional<FileText>& file, const Overrides& overrides, const EnvironmentLookup& environment,
                const FurtherCheck& further) {
  YamlNode root;
  if (file) {
    YamlResult yaml = parse_yaml(file->name, file->text);
    if (yaml.problem) return {std::nullopt, {std::move(*yaml.problem)}};
    root = std::move(*yaml.root);
  }
  Report report(file ? file->name : std::string());
  ReaderContext context{report, environment};
  Config config = default_config();
  Section::read(context, &root, {}, [&](Section& top) { read_all(top, overrides, report, config); });
  if (is_no_mapping(root)) return {std::nullopt, report.take()};
  apply_listen(report, overrides, config.listeners);
  add_catch_all(overrides, report, config);
  for (const Finding& finding : check(config)) report.problem(finding.path, finding.message);
  if (report.clean() && further) {
    for (const Finding& finding : further(config)) report.problem(finding.path, finding.message);
  }
  if (!report.clean()) return {std::nullopt, report.take()};
  return {std::move(config), {}};
}

AdminResult load_admin(const std::optional<FileText>& file, const std::optional<Override>& override,
                       const EnvironmentLookup& environment) {
  AdminResult result;
  AdminConfig admin;
  YamlNode root;
  if (file && !override) {
    YamlResult yaml = parse_yaml(file->name, file->text);
    if (yaml.problem) return {std::nullopt, {std::move(*yaml.problem)}};
    root = std::move(*yaml.root);
  }
  Report report(file ? file->name : std::string());
  ReaderContext context{report, environment};
  Section::read(context, &root, {}, [&](Section& top) {
    read_admin(top, admin);
    apply_admin(report, override, admin);
    result.problems = report.take();  // What is reported later concerns other keys.
  });
  if (result.problems.empty()) result.admin = std::move(admin);
  return result;
}

std::vector<std::string> known_keys() {
  std::set<std::string> asked;
  Report report{{}};
  const EnvironmentLookup nothing = [](std::string_view) { return std::nullopt; };
  ReaderContext context{report, nothing, &asked};
  Config config = default_config();
  Section::read(context, nullptr, {}, [&](Section& top) { read_all(top, {}, report, config); });
  return {asked.begin(), asked.end()};
}

}  // namespace sidecar::config
