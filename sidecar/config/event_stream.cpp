#include "config/event_stream.hpp"

#include <algorithm>
#include <string>

#include "config/choices.hpp"
#include "config/tokens.hpp"
#include "config/words.hpp"
#include "sse/insertion.hpp"

namespace sidecar::config {
namespace {

using namespace std::chrono_literals;
using Text = Parsed<std::string>;

constexpr DurationBounds kHeartbeatInterval{10ms, 24h};
constexpr DurationBounds kJitter{0s, 24h};
constexpr DurationBounds kRetry{0s, 24h};
constexpr DurationBounds kMaxAge{10ms, 24h * 365};
constexpr DurationBounds kIdleTimeout{10ms, 24h * 365};
constexpr DurationBounds kCorsMaxAge{0s, 24h};
constexpr Bounds kPadding{0, 64 << 10};
constexpr DurationBounds kEarlyOpen{0s, 24h};
constexpr DurationBounds kHold{10ms, 24h};
constexpr std::string_view kEndEvent = "stream_end";
constexpr std::string_view kErrorEvent = "upstream_error";

/// What stands in one line of an event stream: a line end would be read as one.
Text parse_line_text(std::string_view text) {
  if (!sse::is_line_text(text)) return Text::refused(in_quotes(text) + " must not contain CR, LF or NUL");
  if (!is_utf8(text)) return Text::refused(in_quotes(text) + " is not UTF-8");
  return std::string(text);
}

/// `error` would fire the onerror of every page, as an event that carries data.
Text parse_event_name(std::string_view text) {
  if (text.empty()) return Text::refused("'' is not the name of an event");
  if (text == "error") return Text::refused("'error' is what clients call their own failures: choose another name");
  return parse_line_text(text);
}

/// Clients do not dispatch what has no data, and some choke on it.
Text parse_event_data(std::string_view text) {
  if (text.empty()) return Text::refused("'' is no data of an event (write {} or null)");
  return parse_line_text(text);
}

Text parse_bytes(std::string_view text) {
  if (sse::may_be_inserted(text)) return std::string(text);
  return Text::refused(in_quotes(text) +
                       " would spoil the event behind it: whole lines, which are comments or end with a blank line");
}

Text parse_comment(std::string_view text) {
  if (text.empty()) return Text::refused("'' is no comment (write null to leave it out)");
  return parse_line_text(text);
}

/// As browsers write it: scheme, host and a port that is not the scheme's own.
Text parse_origin(std::string_view text) {
  const auto refused = [&] {
    return Text::refused(in_quotes(text) + " is not an origin (write https://app.example, or *)");
  };
  if (text == "*") return std::string(text);
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return refused();
  const std::string_view host = text.substr(scheme + 3);
  const bool bare = !host.empty() && host.find_first_of("/?#@, *\\") == std::string_view::npos && !has_control(text);
  return bare && lower_case(text) == text ? Text(std::string(text)) : refused();
}

auto duration(DurationBounds bounds) {
  return [bounds](std::string_view text) { return parse_duration(text, bounds); };
}

void read_heartbeat(Section& section, exchange::HeartbeatPolicy& policy) {
  section.switchable("interval", policy.interval, parse_heartbeat_interval);
  section.value("jitter", policy.jitter, duration(kJitter));
  section.value("form", policy.form, [](std::string_view text) { return parse_choice(text, kHeartbeatForms); });
  section.value("text", policy.text, parse_line_text);
  section.value("event", policy.event, parse_event_name);
  section.value("data", policy.data, parse_event_data);
  section.text_or_null("bytes", policy.bytes, parse_bytes);
  section.value("padding", policy.padding, [](std::string_view text) { return parse_size(text, kPadding); });
  using Form = exchange::HeartbeatForm;
  if (policy.interval && policy.jitter >= *policy.interval && policy.jitter > 0s)
    section.problem("jitter", "must be shorter than the interval");
  if (policy.form == Form::bytes && policy.padding > 0) section.problem("padding", "bytes bring their own");
  if (policy.form == Form::bytes && policy.bytes.empty()) {
    section.problem("bytes", "is missing: form is bytes");
  } else {
    policy.make_insertion();
  }
}

void read_opening(Section& section, exchange::OpeningPolicy& policy) {
  section.text_or_null("comment", policy.comment, parse_comment);
  section.text_or_null("event", policy.event, parse_event_name);
  section.text_or_null("data", policy.data, parse_event_data);
  section.switchable("retry", policy.retry, duration(kRetry));
}

void read_range(Section& section, std::string_view key, Milliseconds& least, Milliseconds& most) {
  std::vector<Milliseconds> range{least, most};
  section.values(key, range, duration(kRetry));
  if (range.size() != 2 || range[0] > range[1])
    return section.problem(key, "is a range: two durations, the shorter first, as in [1s, 5s]");
  least = range[0];
  most = range[1];
}

void read_max_age(Section& section, exchange::MaxAgePolicy& policy) {
  section.switchable("after", policy.after, duration(kMaxAge));
  read_range(section, "retry", policy.retry_min, policy.retry_max);
  section.values("methods", policy.methods, parse_method);
  if (policy.methods.empty()) section.problem("methods", "is empty: no stream would end");
}

void read_early_open(Section& section, exchange::EarlyOpenPolicy& policy) {
  section.switchable("after", policy.after, parse_early_open);
  section.value("always", policy.always, [](std::string_view text) { return parse_choice(text, kBooleans); });
  if (policy.always && !policy.after) section.problem("after", "is missing: always says only for whom");
}

void read_error_event(Section& section, exchange::ErrorEventPolicy& policy) {
  section.values("statuses", policy.statuses, parse_statuses);
  section.text_or_null("event", policy.event, parse_event_name);
  section.value("then", policy.then, [](std::string_view text) { return parse_choice(text, kAfterError); });
  section.value("retry", policy.retry, duration(kRetry));
}

/// Every key below `event_stream` that opens a section is off when it is null.
void read_sections(Section& section, exchange::EventStreamPolicy& policy) {
  section.section_or_off(
      "opening", [&] { policy.opening = {}; }, [&](Section& opening) { read_opening(opening, policy.opening); });
  section.section_or_off(
      "early_open", [&] { policy.early_open = {}; },
      [&](Section& early_open) { read_early_open(early_open, policy.early_open); });
  section.section_or_off(
      "error_event", [&] { policy.error_event = {}; },
      [&](Section& error_event) {
        if (section.has("error_event") && !policy.error_event.configured()) policy.error_event.event = kErrorEvent;
        read_error_event(error_event, policy.error_event);
      });
  section.section_or_off(
      "unavailable", [&] { policy.unavailable = {}; },
      [&](Section& unavailable) { unavailable.switchable("hold", policy.unavailable.hold, duration(kHold)); });
  section.section_or_off(
      "end_event", [&] { policy.end_event.clear(); },
      [&](Section& end_event) {
        if (section.has("end_event") && policy.end_event.empty()) policy.end_event = kEndEvent;
        end_event.text_or_null("event", policy.end_event, parse_event_name);
      });
  section.section_or_off(
      "max_age", [&] { policy.max_age = {}; }, [&](Section& max_age) { read_max_age(max_age, policy.max_age); });
}

}  // namespace

Parsed<exchange::StatusRange> parse_statuses(std::string_view text) {
  const bool digits = text.size() == 3 && text[0] >= '3' && text[0] <= '5';
  if (digits && text.substr(1) == "xx") {
    const auto least = static_cast<std::uint16_t>((text[0] - '0') * 100);
    return exchange::StatusRange{least, static_cast<std::uint16_t>(least + 99)};
  }
  const auto number = digits ? parse_digits(text) : std::nullopt;
  if (number) return exchange::StatusRange{static_cast<std::uint16_t>(*number), static_cast<std::uint16_t>(*number)};
  return Parsed<exchange::StatusRange>::refused(in_quotes(text) +
                                                " is no status that tells of an error (write 401 or 5xx)");
}

std::string format_statuses(const exchange::StatusRange& range) {
  if (range.least == range.most) return std::to_string(range.least);
  return std::to_string(range.least / 100) + "xx";
}

Parsed<Milliseconds> parse_heartbeat_interval(std::string_view text) {
  return parse_duration(text, kHeartbeatInterval);
}

Parsed<Milliseconds> parse_early_open(std::string_view text) {
  return parse_duration(text, kEarlyOpen);
}

void read_cors(Section& route, exchange::CorsPolicy& policy) {
  route.section_or_off(
      "cors", [&] { policy = {}; },
      [&](Section& section) {
        section.values("origins", policy.origins, parse_origin);
        section.value("credentials", policy.credentials,
                      [](std::string_view text) { return parse_choice(text, kBooleans); });
        section.values("headers", policy.headers, parse_field_name);
        section.value("max_age", policy.max_age, duration(kCorsMaxAge));
        const bool all = std::find(policy.origins.begin(), policy.origins.end(), "*") != policy.origins.end();
        if (all && policy.credentials)
          section.problem("credentials", "no browser sends them where all origins are allowed: name the origins");
      });
}

void read_event_stream(Section& parent, exchange::EventStreamPolicy& policy) {
  parent.section("event_stream", [&](Section& section) {
    section.section_or_off(
        "heartbeat", [&] { policy.heartbeat.interval.reset(); },
        [&](Section& heartbeat) { read_heartbeat(heartbeat, policy.heartbeat); });
    read_sections(section, policy);
    policy.opening.make_bytes(policy.heartbeat);
    section.value("complete_last_event", policy.complete_last_event,
                  [](std::string_view text) { return parse_choice(text, kBooleans); });
    section.switchable("idle_timeout", policy.idle_timeout, duration(kIdleTimeout));
    section.value("strip_accept_encoding", policy.strip_accept_encoding,
                  [](std::string_view text) { return parse_choice(text, kStripAcceptEncoding); });
  });
}

}  // namespace sidecar::config
