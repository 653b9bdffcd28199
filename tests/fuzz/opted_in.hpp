#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/policy.hpp"
#include "tests/sim/wire_reader.hpp"
#include "tests/support/whatwg_parser.hpp"

/// What a route of the fuzzed relay opts in to, and law 1 for its streams. Our own events have names that begin with ~.
namespace sidecar::test {

inline constexpr std::size_t kOptions = 3;

/// `bytes`: kOptions of them. Zeros: nothing but the comment.
inline void opt_in(exchange::RoutePolicy& route, std::string_view bytes) {
  using namespace std::chrono_literals;
  const auto bit = [&](std::size_t byte, unsigned number) {
    return ((static_cast<unsigned char>(bytes[byte]) >> number) & 1U) != 0;
  };
  exchange::EventStreamPolicy& policy = route.event_stream;
  policy.heartbeat.form = static_cast<exchange::HeartbeatForm>((static_cast<unsigned char>(bytes[0]) & 7U) % 5);
  policy.heartbeat.event = "~beat~";
  policy.heartbeat.bytes = ":a\n:b\n";
  policy.heartbeat.make_insertion();
  if (bit(0, 3)) policy.opening.event = "~open~";
  if (bit(0, 3)) policy.opening.retry = 7ms;
  policy.opening.make_bytes(policy.heartbeat);
  if (bit(0, 4)) policy.early_open.after = 4s;
  policy.early_open.always = bit(0, 5);
  if (bit(0, 6)) policy.error_event.event = "~error~";
  if (bit(0, 7)) policy.error_event.then = exchange::AfterError::hold;
  if (bit(1, 0)) policy.unavailable.hold = 30s;
  if (bit(1, 1)) policy.max_age.after = 60s;
  if (bit(1, 2)) policy.end_event = "~end~";
  policy.complete_last_event = bit(1, 3);
  if (bit(1, 4)) route.cors.origins = {"http://page"};
  if (bit(1, 5)) policy.idle_timeout = 40s;
  if (bit(1, 6)) policy.max_age.methods = {"GET", "POST"};
  if (bit(1, 7)) policy.error_event.statuses = {{401, 401}, {502, 504}};
}

/// The backend's, as a conforming client dispatches them.
[[nodiscard]] inline std::vector<WhatwgEvent> events_of_backend(std::string_view stream) {
  std::vector<WhatwgEvent> events = parse_event_stream(stream).events;
  std::erase_if(events, [](const WhatwgEvent& event) { return event.type.starts_with('~'); });
  return events;
}

/// What the client dispatches of the backend's is what the backend's stream dispatches, as far as it came. `whole`: all
/// of it came.
[[nodiscard]] inline bool dispatches_the_same(const exchange::EventStreamPolicy& policy, const std::string& sent,
                                              std::string_view got, bool whole) {
  const std::vector<WhatwgEvent> ours = events_of_backend(got);
  const std::vector<WhatwgEvent> theirs = events_of_backend(sent);
  const auto begins = [&](const std::vector<WhatwgEvent>& all) {
    return ours.size() <= all.size() && std::equal(ours.begin(), ours.end(), all.begin());
  };
  if (begins(theirs) && (!whole || ours.size() == theirs.size())) return true;
  return policy.complete_last_event && whole &&
         (events_of_backend(sent + "\n\n") == ours || events_of_backend(sent + "\r") == ours);
}

/// Empty, or what is wrong with our own events in a stream.
[[nodiscard]] inline std::string judge_own_events(const exchange::EventStreamPolicy& policy, std::string_view got,
                                                  std::string_view sent) {
  const auto count = [](std::string_view stream, std::string_view type) {
    const auto events = parse_event_stream(stream).events;
    return std::count_if(events.begin(), events.end(), [&](const WhatwgEvent& event) { return event.type == type; });
  };
  const auto ours = [&](std::string_view type) { return count(got, type) - count(sent, type); };
  if (ours("~open~") > (policy.opening.event.empty() ? 0 : 1)) return "opened twice";
  if (ours("~error~") > (policy.error_event.configured() ? 1 : 0)) return "an error event too many";
  if (ours("~end~") > (policy.end_event.empty() ? 0 : 1)) return "an end event too many";
  if (policy.heartbeat.form != exchange::HeartbeatForm::event && ours("~beat~") > 0) return "an event for a heartbeat";
  if (sent.find('~') != std::string_view::npos) return {};  // Whose is whose is not to be told any more.
  for (const WhatwgEvent& event : parse_event_stream(got).events) {
    const bool told = (event.type == "~error~" && event.data.starts_with("{\"status\":")) ||
                      (event.type == "~end~" && event.data.starts_with("{\"reason\":"));
    const bool empty = (event.type == "~open~" || event.type == "~beat~") && event.data == "{}";
    if (event.type.starts_with('~') && !told && !empty) return "an event of ours carries the backend's data";
  }
  return {};
}

}  // namespace sidecar::test
