#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/reader.hpp"
#include "config/units.hpp"

/// The keys of the file, section by section. This is the one place that names them and their bounds.
namespace sidecar::config {

void read_listeners(Section& top, std::vector<Listener>& listeners);
void read_client_address(Section& top, exchange::ClientAddressPolicy& policy);
void read_x_forwarded(Section& top, exchange::XForwarded& x_forwarded);
void read_upstreams(Section& top, std::vector<exchange::UpstreamPolicy>& upstreams);
void read_defaults(Section& top, exchange::EventStreamPolicy& event_stream);
void read_limits(Section& top, exchange::Limits& limits);
void read_drain(Section& top, exchange::DrainPolicy& drain);
void read_admin(Section& top, AdminConfig& admin);
void read_log(Section& top, LogConfig& log);
void read_workers(Section& top, std::size_t& workers);

/// Behind read_upstreams and read_defaults: a route names an upstream and starts from the defaults.
void read_routes(Section& top, const Config& config, std::vector<exchange::RoutePolicy>& routes);

/// The words that options and environment share with the file.
[[nodiscard]] Parsed<std::size_t> parse_workers(std::string_view text);  ///< `auto`: one a processor.
[[nodiscard]] Parsed<Milliseconds> parse_response_timeout(std::string_view text);
[[nodiscard]] Parsed<Http2> parse_http2(std::string_view text);
[[nodiscard]] Parsed<LogLevel> parse_log_level(std::string_view text);
[[nodiscard]] Parsed<LogFormat> parse_log_format(std::string_view text);

}  // namespace sidecar::config
