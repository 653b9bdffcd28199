#pragma once

#include <string_view>

#include "config/parsed.hpp"
#include "config/reader.hpp"
#include "config/units.hpp"
#include "exchange/policy.hpp"

/// The keys below `event_stream`.
namespace sidecar::config {

void read_event_stream(Section& parent, exchange::EventStreamPolicy& policy);

/// What --heartbeat-interval shares with the file.
[[nodiscard]] Parsed<Milliseconds> parse_heartbeat_interval(std::string_view text);

}  // namespace sidecar::config
