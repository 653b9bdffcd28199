#include "tests/config/support.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <utility>

namespace sidecar::config {
namespace {

void collect_keys(const YamlNode& node, const std::string& path, std::set<std::string>& keys) {
  for (const YamlNode& item : node.items) collect_keys(item, path + "[]", keys);
  const bool names = path == "upstreams";
  const bool free = path.ends_with(".set") || path.ends_with(".headers");
  for (const YamlEntry& entry : node.entries) {
    if (free) continue;
    const std::string key = names ? "NAME" : entry.key;
    const std::string full = path.empty() ? key : path + "." + key;
    if (!names) keys.insert(full);
    collect_keys(entry.value, full, keys);
  }
}

void describe(std::ostream& out, const std::optional<Milliseconds>& duration) {
  if (duration) {
    out << duration->count() << "ms ";
  } else {
    out << "none ";
  }
}

void describe(std::ostream& out, const exchange::EventStreamPolicy& policy) {
  describe(out, policy.heartbeat.interval);
  const exchange::HeartbeatPolicy& heartbeat = policy.heartbeat;
  out << heartbeat.jitter.count() << '|' << static_cast<int>(heartbeat.form) << '|' << heartbeat.text << '|'
      << heartbeat.event << '|' << heartbeat.data << '|' << heartbeat.bytes << '|' << heartbeat.padding << '|'
      << heartbeat.insertion.at(sse::Position::boundary, sse::LineEnding::lf) << '|'
      << static_cast<int>(policy.strip_accept_encoding) << '|';
  describe(out, policy.idle_timeout);
  out << policy.opening.bytes << '|' << policy.opening.without_retry << '|' << policy.end_event << '|'
      << policy.complete_last_event << '|';
  describe(out, policy.max_age.after);
  out << policy.max_age.retry_min.count() << '|' << policy.max_age.retry_max.count();
  for (const std::string& method : policy.max_age.methods) out << '|' << method;
  out << '|' << policy.early_open.always << '|' << policy.error_event.event << '|'
      << static_cast<int>(policy.error_event.then) << '|' << policy.error_event.retry.count() << '|';
  describe(out, policy.early_open.after);
  describe(out, policy.unavailable.hold);
  for (const exchange::StatusRange& range : policy.error_event.statuses) out << range.least << '-' << range.most << ' ';
  out << '\n';
}

void describe(std::ostream& out, const exchange::FieldChanges& changes) {
  for (const auto& [name, value] : changes.set) out << '+' << name << '=' << value << ';';
  for (const std::string& name : changes.remove) out << '-' << name << ';';
  out << '\n';
}

void describe(std::ostream& out, const exchange::RoutePolicy& route) {
  out << route.name << '|' << route.match.host << '|' << route.match.path << '|';
  for (const std::string& method : route.match.methods) out << method << ',';
  for (const auto& [name, value] : route.match.headers) out << name << '=' << value << ',';
  out << '|' << route.upstream << '|' << static_cast<int>(route.log_path) << '|';
  describe(out, route.event_stream);
  describe(out, route.request_headers);
  describe(out, route.response_headers);
  for (const std::string& origin : route.cors.origins) out << origin << ',';
  for (const std::string& header : route.cors.headers) out << header << ',';
  out << route.cors.credentials << '|' << route.cors.max_age.count() << '\n';
}

void describe(std::ostream& out, const exchange::UpstreamPolicy& upstream) {
  out << upstream.name << '|' << upstream.url << '|' << upstream.address.host << '|' << upstream.address.port << '|'
      << upstream.address.unix_path << '|' << upstream.connect_timeout.count() << '|';
  describe(out, upstream.response_timeout);
  out << upstream.keepalive.max_idle << '|' << upstream.keepalive.idle_timeout.count() << '|'
      << static_cast<int>(upstream.keepalive.unsafe_methods) << '|' << upstream.dns_ttl.count() << '\n';
  const exchange::UpstreamTls& tls = upstream.tls;
  out << upstream.address.tls << '|' << tls.ca << '|' << tls.server_name << '|' << tls.verify << '|' << tls.certificate
      << '|' << tls.key << '\n';
}

}  // namespace

EnvironmentLookup environment_of(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

LoadResult load_text(std::string_view text, const Overrides& overrides, Variables variables) {
  return load(FileText{"f.yaml", std::string(text)}, overrides, environment_of(std::move(variables)));
}

Config config_of(std::string_view text, const Overrides& overrides, Variables variables) {
  LoadResult result = load_text(text, overrides, std::move(variables));
  for (const Problem& problem : result.problems) ADD_FAILURE() << to_string(problem);
  return result.config ? std::move(*result.config) : Config{};
}

std::vector<std::string> problems_of(std::string_view text, const Overrides& overrides, Variables variables) {
  const LoadResult result = load_text(text, overrides, std::move(variables));
  EXPECT_EQ(result.config.has_value(), result.problems.empty());
  std::vector<std::string> lines;
  for (const Problem& problem : result.problems) lines.push_back(to_string(problem));
  return lines;
}

std::string source_file(const std::string& path) {
  std::ifstream in(std::string(SIDECAR_SOURCE_DIR "/") + path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> keys_of(std::string_view text) {
  const YamlResult yaml = parse_yaml("f.yaml", text);
  EXPECT_TRUE(yaml.root);
  std::set<std::string> keys;
  if (yaml.root) collect_keys(*yaml.root, {}, keys);
  return {keys.begin(), keys.end()};
}

std::string described(const Config& config) {
  std::ostringstream out;
  out << config.workers << '\n';
  for (const Listener& listener : config.listeners) {
    const ListenAddress& address = listener.address;
    out << address.text << '|' << address.host << '|' << address.port << '|' << address.unix_path << '|'
        << listener.proxy_protocol << '|' << static_cast<int>(listener.http2) << '\n';
    if (!listener.tls) continue;
    for (const CertificateFiles& files : listener.tls->certificates)
      out << files.certificate << '|' << files.key << '|';
    out << listener.tls->client_ca << '|' << listener.tls->handshake_timeout.count() << '\n';
  }
  describe(out, config.event_stream);
  for (const exchange::RoutePolicy& route : config.policies.routes) describe(out, route);
  for (const exchange::UpstreamPolicy& upstream : config.policies.upstreams) describe(out, upstream);
  const exchange::Limits& limits = config.policies.limits;
  out << limits.connections << '|' << limits.streams.value_or(0) << '|' << limits.streams_per_client.value_or(0) << '|'
      << limits.body_timeout.value_or(Milliseconds{0}).count() << '|' << limits.pooled_memory << '|'
      << config.drain.delay.count() << '|' << config.drain.grace.count() << '|' << config.drain.retry_min.count() << '|'
      << config.drain.retry_max.count() << '\n';
  out << limits.head_bytes << '|' << limits.head_fields << '|' << limits.head_timeout.count() << '|'
      << limits.idle_timeout.count() << '|' << limits.pending_bytes << '|' << limits.write_timeout.count() << '|'
      << limits.http2.concurrent_streams << '|' << limits.http2.header_list << '\n';
  out << static_cast<int>(config.policies.x_forwarded) << '|' << config.policies.client_address.header;
  for (const exchange::Network& network : config.policies.client_address.trusted) {
    for (const std::uint8_t byte : network.address) out << ' ' << static_cast<int>(byte);
    out << '/' << static_cast<int>(network.prefix_bits);
  }
  out << '\n' << (config.admin.address ? config.admin.address->text : "off");
  out << '\n' << static_cast<int>(config.log.level) << '|' << static_cast<int>(config.log.format);
  for (const std::string& name : config.log.redact_query) out << '|' << name;
  return out.str();
}

}  // namespace sidecar::config
