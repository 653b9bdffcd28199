#pragma once

#include <string>
#include <string_view>

#include "config/parsed.hpp"
#include "config/reader.hpp"
#include "config/units.hpp"
#include "exchange/policy.hpp"

/// The keys below `event_stream`, and those of `cors`.
namespace sidecar::config {

void read_cors(Section& route, exchange::CorsPolicy& policy);
void read_event_stream(Section& parent, exchange::EventStreamPolicy& policy);

/// `401` or `5xx`, from 300 to 599, and back.
[[nodiscard]] Parsed<exchange::StatusRange> parse_statuses(std::string_view text);
[[nodiscard]] std::string format_statuses(const exchange::StatusRange& range);

/// What --heartbeat-interval and --early-open share with the file.
[[nodiscard]] Parsed<Milliseconds> parse_heartbeat_interval(std::string_view text);
[[nodiscard]] Parsed<Milliseconds> parse_early_open(std::string_view text);

}  // namespace sidecar::config
