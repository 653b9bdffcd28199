#include "config/print.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "config/addresses.hpp"
#include "config/choices.hpp"
#include "config/environment.hpp"
#include "config/event_stream.hpp"
#include "config/units.hpp"

namespace sidecar::config {
namespace {

constexpr std::string_view kAlwaysQuoted[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};

/// Lines of `key: value`, indented by the depth of the sections that are open.
class Writer {
 public:
  void word(std::string_view key, std::string_view bare) { line(std::string(key) + ": " + std::string(bare)); }
  void text(std::string_view key, std::string_view value) { word(key, scalar(value)); }
  void text_or_null(std::string_view key, const std::string& value) {
    word(key, value.empty() ? "null" : scalar(value));
  }
  void number(std::string_view key, std::size_t value) { word(key, std::to_string(value)); }
  void number_or_null(std::string_view key, const std::optional<std::size_t>& value) {
    word(key, value ? std::to_string(*value) : "null");
  }
  void size(std::string_view key, std::size_t value) { word(key, format_size(value)); }
  void duration(std::string_view key, Milliseconds value) { word(key, format_duration(value)); }
  void duration_or(std::string_view key, const std::optional<Milliseconds>& value, std::string_view off) {
    word(key, value ? format_duration(*value) : std::string(off));
  }
  void range(std::string_view key, Milliseconds least, Milliseconds most) {
    word(key, "[" + format_duration(least) + ", " + format_duration(most) + "]");
  }
  void list(std::string_view key, const std::vector<std::string>& values) {
    std::string joined_values;
    for (const std::string& value : values) joined_values += (joined_values.empty() ? "" : ", ") + scalar(value);
    word(key, "[" + joined_values + "]");
  }
  void pairs(std::string_view key, const std::vector<std::pair<std::string, std::string>>& values) {
    if (values.empty()) return word(key, "{}");
    open(key);
    for (const auto& [name, value] : values) text(yaml_scalar(name), value);
    close();
  }
  void open(std::string_view key) {
    line(std::string(key) + ":");
    indent_ += 2;
  }
  void close() { indent_ -= 2; }
  /// The next line begins an element of the list that is open; closed by close().
  void element() {
    dash_ = true;
    indent_ += 2;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  [[nodiscard]] static std::string scalar(std::string_view value) { return yaml_scalar(escape_expansion(value)); }

  void line(std::string_view content) {
    text_.append(dash_ ? indent_ - 2 : indent_, ' ');
    if (dash_) text_ += "- ";
    dash_ = false;
    text_ += content;
    text_ += '\n';
  }

  std::string text_;
  std::size_t indent_ = 0;
  bool dash_ = false;
};

void print_listener_tls(Writer& out, const std::optional<ListenerTls>& tls) {
  if (!tls) return out.word("tls", "null");
  out.open("tls");
  out.open("certificates");
  for (const CertificateFiles& files : tls->certificates) {
    out.element();
    out.text("certificate", files.certificate);
    out.text("key", files.key);
    out.close();
  }
  out.close();
  out.text_or_null("client_ca", tls->client_ca);
  out.duration("handshake_timeout", tls->handshake_timeout);
  out.close();
}

void print_listeners(Writer& out, const std::vector<Listener>& listeners) {
  out.open("listeners");
  for (const Listener& listener : listeners) {
    out.element();
    out.text("address", listener.address.text);
    print_listener_tls(out, listener.tls);
    out.word("http2", word_for(listener.http2, kHttp2));
    out.word("proxy_protocol", word_for(listener.proxy_protocol, kBooleans));
    out.close();
  }
  out.close();
}

void print_client_address(Writer& out, const exchange::ClientAddressPolicy& policy) {
  std::vector<std::string> trusted;
  for (const exchange::Network& network : policy.trusted) trusted.push_back(format_network(network));
  out.open("client_address");
  out.text_or_null("header", policy.header);
  out.list("trusted", trusted);
  out.close();
}

void print_upstreams(Writer& out, const std::vector<exchange::UpstreamPolicy>& upstreams) {
  out.open("upstreams");
  for (const exchange::UpstreamPolicy& upstream : upstreams) {
    out.open(yaml_scalar(upstream.name));
    out.text("url", upstream.url);
    out.open("tls");
    out.text_or_null("ca", upstream.tls.ca);
    out.text_or_null("server_name", upstream.tls.server_name);
    out.word("verify", word_for(upstream.tls.verify, kBooleans));
    out.text_or_null("certificate", upstream.tls.certificate);
    out.text_or_null("key", upstream.tls.key);
    out.close();
    out.duration("connect_timeout", upstream.connect_timeout);
    out.duration_or("response_timeout", upstream.response_timeout, "null");
    out.open("keepalive");
    out.number("max_idle", upstream.keepalive.max_idle);
    out.duration("idle_timeout", upstream.keepalive.idle_timeout);
    out.word("unsafe_methods", word_for(upstream.keepalive.unsafe_methods, kUnsafeMethods));
    out.close();
    out.duration("dns_ttl", upstream.dns_ttl);
    out.close();
  }
  out.close();
}

void print_event_stream(Writer& out, const exchange::EventStreamPolicy& policy) {
  out.open("event_stream");
  const exchange::HeartbeatPolicy& heartbeat = policy.heartbeat;
  out.open("heartbeat");
  out.duration_or("interval", heartbeat.interval, "off");
  out.duration("jitter", heartbeat.jitter);
  out.word("form", word_for(heartbeat.form, kHeartbeatForms));
  out.text("text", heartbeat.text);
  out.text("event", heartbeat.event);
  out.text("data", heartbeat.data);
  out.text_or_null("bytes", heartbeat.bytes);
  out.size("padding", heartbeat.padding);
  out.close();
  out.open("opening");
  out.text_or_null("comment", policy.opening.comment);
  out.text_or_null("event", policy.opening.event);
  out.text_or_null("data", policy.opening.data);
  out.duration_or("retry", policy.opening.retry, "null");
  out.close();
  out.open("early_open");
  out.duration_or("after", policy.early_open.after, "null");
  out.word("always", word_for(policy.early_open.always, kBooleans));
  out.close();
  const exchange::ErrorEventPolicy& error_event = policy.error_event;
  std::vector<std::string> statuses;
  for (const exchange::StatusRange& range : error_event.statuses) statuses.push_back(format_statuses(range));
  out.open("error_event");
  out.list("statuses", statuses);
  out.text_or_null("event", error_event.event);
  out.word("then", word_for(error_event.then, kAfterError));
  out.duration("retry", error_event.retry);
  out.close();
  out.open("unavailable");
  out.duration_or("hold", policy.unavailable.hold, "null");
  out.close();
  out.open("end_event");
  out.text_or_null("event", policy.end_event);
  out.close();
  out.word("complete_last_event", word_for(policy.complete_last_event, kBooleans));
  out.open("max_age");
  out.duration_or("after", policy.max_age.after, "null");
  out.range("retry", policy.max_age.retry_min, policy.max_age.retry_max);
  out.list("methods", policy.max_age.methods);
  out.close();
  out.duration_or("idle_timeout", policy.idle_timeout, "null");
  out.word("strip_accept_encoding", word_for(policy.strip_accept_encoding, kStripAcceptEncoding));
  out.close();
}

void print_changes(Writer& out, std::string_view key, const exchange::FieldChanges& changes) {
  out.open(key);
  out.pairs("set", changes.set);
  out.list("remove", changes.remove);
  out.close();
}

void print_routes(Writer& out, const exchange::PolicySet& policies) {
  out.open("routes");
  for (const exchange::RoutePolicy& route : policies.routes) {
    out.element();
    out.text("name", route.name);
    out.open("match");
    out.text_or_null("host", route.match.host);
    out.text("path", route.match.path);
    out.list("methods", route.match.methods);
    out.pairs("headers", route.match.headers);
    out.close();
    out.text("upstream", policies.upstreams[route.upstream].name);
    print_event_stream(out, route.event_stream);
    print_changes(out, "request_headers", route.request_headers);
    print_changes(out, "response_headers", route.response_headers);
    out.open("cors");
    out.list("origins", route.cors.origins);
    out.word("credentials", word_for(route.cors.credentials, kBooleans));
    out.list("headers", route.cors.headers);
    out.duration("max_age", route.cors.max_age);
    out.close();
    out.word("log_path", word_for(route.log_path, kLogPaths));
    out.close();
  }
  out.close();
}

void print_limits(Writer& out, const exchange::Limits& limits) {
  out.open("limits");
  out.number("connections", limits.connections);
  out.number_or_null("streams", limits.streams);
  out.number_or_null("streams_per_client", limits.streams_per_client);
  out.size("head_bytes", limits.head_bytes);
  out.number("head_fields", limits.head_fields);
  out.duration("head_timeout", limits.head_timeout);
  out.duration_or("body_timeout", limits.body_timeout, "null");
  out.duration("idle_timeout", limits.idle_timeout);
  out.size("pending_bytes", limits.pending_bytes);
  out.size("pooled_memory", limits.pooled_memory);
  out.duration("write_timeout", limits.write_timeout);
  out.open("http2");
  out.number("concurrent_streams", limits.http2.concurrent_streams);
  out.size("header_list", limits.http2.header_list);
  out.close();
  out.close();
}

void print_drain(Writer& out, const exchange::DrainPolicy& drain) {
  out.open("drain");
  out.duration("delay", drain.delay);
  out.duration("grace", drain.grace);
  out.range("retry", drain.retry_min, drain.retry_max);
  out.close();
}

void print_admin(Writer& out, const AdminConfig& admin) {
  out.open("admin");
  out.text_or_null("address", admin.address ? admin.address->text : std::string());
  out.close();
}

void print_log(Writer& out, const LogConfig& log) {
  out.open("log");
  out.word("level", word_for(log.level, kLogLevels));
  out.word("format", word_for(log.format, kLogFormats));
  out.list("redact_query", log.redact_query);
  out.close();
}

/// Safe without quotes in block and in flow style, as a key and as a value, for every reader of YAML.
bool is_bare(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto inside = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
  };
  if (text.empty() || !(letter(text.front()) || text.front() == '/')) return false;
  if (!std::all_of(text.begin(), text.end(), inside)) return false;
  const std::string lowered = lower_case(text);
  return std::find(std::begin(kAlwaysQuoted), std::end(kAlwaysQuoted), lowered) == std::end(kAlwaysQuoted);
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (is_bare(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (has_control({&c, 1})) {
      const auto byte = static_cast<unsigned char>(c);
      quoted += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string print(const Config& config) {
  Writer out;
  out.number("workers", config.workers);
  print_listeners(out, config.listeners);
  print_client_address(out, config.policies.client_address);
  out.word("x_forwarded", word_for(config.policies.x_forwarded, kXForwarded));
  print_upstreams(out, config.policies.upstreams);
  out.open("defaults");
  print_event_stream(out, config.event_stream);
  out.close();
  print_routes(out, config.policies);
  print_limits(out, config.policies.limits);
  print_drain(out, config.drain);
  print_admin(out, config.admin);
  print_log(out, config.log);
  return out.take();
}

}  // namespace sidecar::config
