#include "config/sections.hpp"

#include <algorithm>
#include <thread>

#include "config/addresses.hpp"
#include "config/choices.hpp"
#include "config/event_stream.hpp"
#include "config/tokens.hpp"
#include "config/units.hpp"

namespace sidecar::config {
namespace {

using namespace std::chrono_literals;

constexpr DurationBounds kResponseTimeout{10ms, 24h};
constexpr DurationBounds kHandshakeTimeout{10ms, 10min};
constexpr DurationBounds kConnectTimeout{10ms, 10min};
constexpr DurationBounds kKeepaliveIdleTimeout{10ms, 1h};
constexpr DurationBounds kDnsTtl{0s, 24h};  // 0s: ask for every connection
constexpr DurationBounds kHeadTimeout{10ms, 1h};
constexpr DurationBounds kIdleTimeout{10ms, 24h};
constexpr DurationBounds kBodyTimeout{10ms, 24h};
constexpr DurationBounds kWriteTimeout{10ms, 24h};
constexpr DurationBounds kDrainDelay{0s, 1h};
constexpr DurationBounds kDrainGrace{0s, 24h};
constexpr DurationBounds kRetry{0s, 24h};
constexpr Bounds kWorkers{1, 256};
constexpr Bounds kMaxIdle{0, 100'000};
constexpr Bounds kConnections{1, 10'000'000};
constexpr Bounds kStreams{1, 10'000'000};
constexpr Bounds kHeadBytes{1 << 10, 1 << 20};
constexpr Bounds kHeadFields{1, 10'000};
constexpr Bounds kConcurrentStreams{1, 1000};
constexpr Bounds kPendingBytes{16 << 10, 1 << 30};
constexpr Bounds kPooledMemory{1 << 20, std::size_t{1} << 40};

/// A wrong value was reported already; check() must not call it missing as well.
constexpr std::string_view kUnreadable = "unreadable";

auto duration(DurationBounds bounds) {
  return [bounds](std::string_view text) { return parse_duration(text, bounds); };
}

auto size(Bounds bounds) {
  return [bounds](std::string_view text) { return parse_size(text, bounds); };
}

auto count(Bounds bounds) {
  return [bounds](std::string_view text) { return parse_count(text, bounds); };
}

template <class Enum, std::size_t N>
auto choice(const Choices<Enum, N>& choices) {
  return [&choices](std::string_view text) { return parse_choice(text, choices); };
}

/// Absent, off or wrong: it stays as it is.
void read_listener_tls(Section& listener, std::optional<ListenerTls>& out) {
  const bool present = listener.has("tls");
  listener.section_or_off(
      "tls", [] {},
      [&](Section& section) {
        ListenerTls tls;
        section.sections("certificates", [&](Section& element, std::size_t) {
          CertificateFiles files;
          for (const std::string_view key : {"certificate", "key"}) {
            if (!element.has(key)) element.problem(key, "is missing");
          }
          element.value("certificate", files.certificate, parse_file_path);
          element.value("key", files.key, parse_file_path);
          tls.certificates.push_back(std::move(files));
        });
        section.text_or_null("client_ca", tls.client_ca, parse_file_path);
        section.value("handshake_timeout", tls.handshake_timeout, duration(kHandshakeTimeout));
        if (present) out = std::move(tls);
      });
}

void read_upstream_tls(Section& upstream, exchange::UpstreamTls& tls) {
  upstream.section("tls", [&](Section& section) {
    section.text_or_null("ca", tls.ca, parse_file_path);
    section.text_or_null("server_name", tls.server_name, parse_server_name);
    section.value("verify", tls.verify, choice(kBooleans));
    section.text_or_null("certificate", tls.certificate, parse_file_path);
    section.text_or_null("key", tls.key, parse_file_path);
  });
}

void read_upstream(Section& section, exchange::UpstreamPolicy& upstream) {
  section.value("url", upstream.address, [&](std::string_view text) {
    upstream.url = std::string(text);
    return parse_upstream_url(text);
  });
  if (section.has("url") && upstream.url.empty()) upstream.url = kUnreadable;
  read_upstream_tls(section, upstream.tls);
  section.value("connect_timeout", upstream.connect_timeout, duration(kConnectTimeout));
  section.switchable("response_timeout", upstream.response_timeout, parse_response_timeout);
  section.section("keepalive", [&](Section& keepalive) {
    keepalive.value("max_idle", upstream.keepalive.max_idle, count(kMaxIdle));
    keepalive.value("idle_timeout", upstream.keepalive.idle_timeout, duration(kKeepaliveIdleTimeout));
    keepalive.value("unsafe_methods", upstream.keepalive.unsafe_methods, choice(kUnsafeMethods));
  });
  section.value("dns_ttl", upstream.dns_ttl, duration(kDnsTtl));
}

void read_match(Section& route, exchange::RouteMatch& match) {
  route.section("match", [&](Section& section) {
    section.text_or_null("host", match.host, parse_match_host);
    section.value("path", match.path, parse_path_pattern);
    section.values("methods", match.methods, parse_method);
    section.pairs("headers", match.headers);
  });
}

void read_changes(Section& route, std::string_view key, exchange::FieldChanges& changes) {
  route.section(key, [&](Section& section) {
    section.pairs("set", changes.set);
    section.values("remove", changes.remove, parse_field_name);
  });
}

Parsed<std::size_t> find_upstream(std::string_view name, const std::vector<exchange::UpstreamPolicy>& upstreams) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    if (upstreams[i].name == name) return i;
    names.push_back(upstreams[i].name);
  }
  return Parsed<std::size_t>::refused("no upstream is named " + in_quotes(name) + did_you_mean(name, names));
}

void read_route(Section& section, const Config& config, exchange::RoutePolicy& route) {
  route.event_stream = config.event_stream;
  section.text_or_null("name", route.name, parse_route_name);
  read_match(section, route.match);
  if (route.name.empty()) route.name = route.match.path;
  if (!section.has("upstream")) section.problem("upstream", "is missing");
  section.value("upstream", route.upstream,
                [&](std::string_view name) { return find_upstream(name, config.policies.upstreams); });
  read_event_stream(section, route.event_stream);
  read_changes(section, "request_headers", route.request_headers);
  read_changes(section, "response_headers", route.response_headers);
  read_cors(section, route.cors);
  section.value("log_path", route.log_path, choice(kLogPaths));
}

}  // namespace

Parsed<std::size_t> parse_workers(std::string_view text) {
  if (text == "auto")
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), kWorkers.least, kWorkers.most);
  Parsed<std::size_t> workers = parse_count(text, kWorkers);
  if (workers.value) return workers;
  return Parsed<std::size_t>::refused(in_quotes(text) + " is neither a number from 1 to 256 nor auto");
}

Parsed<Milliseconds> parse_response_timeout(std::string_view text) {
  return parse_duration(text, kResponseTimeout);
}

Parsed<Http2> parse_http2(std::string_view text) {
  return parse_choice(text, kHttp2);
}

Parsed<LogLevel> parse_log_level(std::string_view text) {
  return parse_choice(text, kLogLevels);
}

Parsed<LogFormat> parse_log_format(std::string_view text) {
  return parse_choice(text, kLogFormats);
}

void read_workers(Section& top, std::size_t& workers) {
  top.value("workers", workers, parse_workers);
}

void read_listeners(Section& top, std::vector<Listener>& listeners) {
  if (top.has("listeners")) listeners.clear();
  top.sections("listeners", [&](Section& section, std::size_t) {
    Listener listener;  // without text when its address is wrong: check() passes it over
    if (!section.has("address")) section.problem("address", "is missing");
    section.value("address", listener.address, parse_listen_address);
    read_listener_tls(section, listener.tls);
    section.value("http2", listener.http2, choice(kHttp2));
    section.value("proxy_protocol", listener.proxy_protocol, choice(kBooleans));
    listeners.push_back(std::move(listener));
  });
}

void read_client_address(Section& top, exchange::ClientAddressPolicy& policy) {
  top.section("client_address", [&](Section& section) {
    section.text_or_null("header", policy.header, parse_field_name);
    section.values("trusted", policy.trusted, parse_network);
  });
}

void read_x_forwarded(Section& top, exchange::XForwarded& x_forwarded) {
  top.value("x_forwarded", x_forwarded, choice(kXForwarded));
}

void read_upstreams(Section& top, std::vector<exchange::UpstreamPolicy>& upstreams) {
  top.named_sections("upstreams", [&](Section& section, const std::string& name) {
    const Parsed<std::string> parsed = parse_upstream_name(name);
    if (!parsed.value) section.problem({}, parsed.why);
    exchange::UpstreamPolicy upstream;
    upstream.name = name;
    read_upstream(section, upstream);
    upstreams.push_back(std::move(upstream));
  });
}

void read_defaults(Section& top, exchange::EventStreamPolicy& event_stream) {
  top.section("defaults", [&](Section& section) { read_event_stream(section, event_stream); });
}

void read_routes(Section& top, const Config& config, std::vector<exchange::RoutePolicy>& routes) {
  top.sections("routes", [&](Section& section, std::size_t) {
    exchange::RoutePolicy route;
    read_route(section, config, route);
    routes.push_back(std::move(route));
  });
}

void read_limits(Section& top, exchange::Limits& limits) {
  top.section("limits", [&](Section& section) {
    section.value("connections", limits.connections, count(kConnections));
    section.switchable("streams", limits.streams, count(kStreams));
    section.switchable("streams_per_client", limits.streams_per_client, count(kStreams));
    section.value("head_bytes", limits.head_bytes, size(kHeadBytes));
    section.value("head_fields", limits.head_fields, count(kHeadFields));
    section.value("head_timeout", limits.head_timeout, duration(kHeadTimeout));
    section.switchable("body_timeout", limits.body_timeout, duration(kBodyTimeout));
    section.value("idle_timeout", limits.idle_timeout, duration(kIdleTimeout));
    section.value("pending_bytes", limits.pending_bytes, size(kPendingBytes));
    section.value("pooled_memory", limits.pooled_memory, size(kPooledMemory));
    section.value("write_timeout", limits.write_timeout, duration(kWriteTimeout));
    section.section("http2", [&](Section& http2) {
      http2.value("concurrent_streams", limits.http2.concurrent_streams, count(kConcurrentStreams));
      http2.value("header_list", limits.http2.header_list, size(kHeadBytes));
    });
  });
}

void read_drain(Section& top, exchange::DrainPolicy& drain) {
  top.section("drain", [&](Section& section) {
    section.value("delay", drain.delay, duration(kDrainDelay));
    section.value("grace", drain.grace, duration(kDrainGrace));
    std::vector<Milliseconds> retry{drain.retry_min, drain.retry_max};
    section.values("retry", retry, duration(kRetry));
    if (retry.size() == 2 && retry[0] <= retry[1]) {
      drain.retry_min = retry[0];
      drain.retry_max = retry[1];
    } else {
      section.problem("retry", "is a range: two durations, the shorter first, as in [1s, 5s]");
    }
  });
}

void read_admin(Section& top, AdminConfig& admin) {
  const auto switch_off = [&] { admin.address.reset(); };
  top.section_or_off("admin", switch_off, [&](Section& section) {
    admin.configured = section.has("address");
    section.switchable("address", admin.address, parse_listen_address);
  });
}

void read_log(Section& top, LogConfig& log) {
  top.section("log", [&](Section& section) {
    section.value("level", log.level, parse_log_level);
    section.value("format", log.format, parse_log_format);
    section.values("redact_query", log.redact_query, parse_query_name);
  });
}

}  // namespace sidecar::config
