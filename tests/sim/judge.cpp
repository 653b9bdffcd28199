#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/simulation.hpp"
#include "tests/support/whatwg_parser.hpp"

// What must have come of a run, whatever happened in it.
namespace sidecar::test {

using exchange::kDeadlineGrid;
using exchange::kNever;
using exchange::LifecycleEvent;
using exchange::LifecycleRecord;
using exchange::Phase;
using exchange::Reason;
using exchange::to_string;

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The line end that an insertion behind this prefix of a stream must have, and how much may be said there: law 2,
/// from all of the bytes.
struct Place {
  std::string ending;
  bool boundary = false;
  bool line_start = false;
};

Place place_behind(std::string_view prefix) {
  Place place;
  const std::size_t first = prefix.find_first_of("\r\n");
  place.ending = "\n";
  if (first != std::string_view::npos && prefix.substr(first).starts_with("\r\n")) place.ending = "\r\n";
  if (prefix.ends_with('\r')) place.ending = "\r";
  if (prefix.starts_with(kByteOrderMark)) prefix.remove_prefix(kByteOrderMark.size());
  place.boundary = place.line_start = prefix.empty();
  if (prefix.empty() || (prefix.back() != '\n' && prefix.back() != '\r')) return place;
  place.line_start = true;
  prefix.remove_suffix(prefix.ends_with("\r\n") ? 2 : 1);
  place.boundary = prefix.empty() || prefix.back() == '\n' || prefix.back() == '\r';
  return place;
}

std::string with_line_ends(const std::string& text, const std::string& ending) {
  std::string out;
  for (const char c : text) c == '\n' ? void(out += ending) : out.push_back(c);
  return out;
}

/// What may stand at this place beside the backend's bytes.
std::vector<std::string> insertions(const exchange::EventStreamPolicy& policy, const Place& place, bool first) {
  using exchange::HeartbeatForm;
  const exchange::HeartbeatPolicy& heartbeat = policy.heartbeat;
  const std::string padding(heartbeat.padding, ' ');
  const std::string line = ": ~beat~" + padding + "\n";
  std::vector<std::string> texts;
  if (place.boundary) {
    if (first) texts = {policy.opening.bytes, policy.opening.without_retry};
    if (heartbeat.form == HeartbeatForm::comment) texts.push_back(line + "\n");
    if (heartbeat.form == HeartbeatForm::bytes) texts.push_back(heartbeat.bytes);
    if (heartbeat.form == HeartbeatForm::event)
      texts.push_back((padding.empty() ? "" : ":" + padding + "\n") + "event: ~beat~\ndata: {}\n\n");
    for (const Reason reason :
         {Reason::upstream_reset, Reason::upstream_truncated, Reason::upstream_idle, Reason::upstream_timeout,
          Reason::upstream_unreachable, Reason::upstream_error, Reason::protocol_error, Reason::limit}) {
      if (!policy.end_event.empty())
        texts.push_back("event: ~end~\ndata: {\"reason\":\"" + std::string(to_string(reason)) + "\"}\n\n");
    }
  }
  const bool lines =
      heartbeat.form == HeartbeatForm::comment_line ||
      (!place.boundary && (heartbeat.form == HeartbeatForm::comment || heartbeat.form == HeartbeatForm::event));
  if (lines && place.line_start) texts.push_back(line);
  std::erase(texts, "");
  for (std::string& text : texts) text = with_line_ends(text, place.ending);
  return texts;
}

/// Takes an error event, or as much of one as was delivered, off the front.
bool take_error_event(std::string_view& got, bool whole) {
  static constexpr std::string_view kRetry = "retry: 10000\n";
  static constexpr std::string_view kBegin = "event: ~error~\ndata: {\"status\":";
  if (!whole && (kBegin.starts_with(got) || (std::string(kRetry) + std::string(kBegin)).starts_with(got))) {
    got = {};
    return true;
  }
  std::string_view rest = got;
  if (rest.starts_with(kRetry)) rest.remove_prefix(kRetry.size());
  if (!rest.starts_with(kBegin)) return false;
  const std::size_t end = rest.find("\n\n");
  got = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
  return true;
}

/// Empty when `got` is `sent` (or, unless `whole`, a beginning of it) with legal insertions.
std::string check_stream(const exchange::EventStreamPolicy& policy, std::string_view sent, std::string_view got,
                         bool whole) {
  std::size_t at = 0;
  bool early = false;
  const std::string_view all = got;
  while (!got.empty()) {
    const Place place = place_behind(sent.substr(0, at));
    bool taken = false;
    for (const std::string& text : insertions(policy, place, got.size() == all.size())) {
      if (!whole && text.starts_with(got) && !sent.substr(at).starts_with(got)) return "";  // One that was cut.
      if (!got.starts_with(text)) continue;
      got.remove_prefix(text.size());
      taken = true;
      break;
    }
    early = early || (taken && at == 0);
    if (taken) continue;
    if (at == 0 && policy.error_event.configured() && take_error_event(got, whole)) continue;
    if (early && at == 0 && sent.starts_with(kByteOrderMark)) at = kByteOrderMark.size();
    if (at == sent.size() || sent[at] != got.front()) return "another byte at " + std::to_string(at) + " of the stream";
    ++at;
    got.remove_prefix(1);
  }
  if (early && at == 0 && sent == kByteOrderMark) at = sent.size();
  return whole && at != sent.size() ? "the stream lacks its last bytes" : "";
}

/// The same of a stream whose end was planned: behind some event boundary stands when to come back, and nothing else.
std::string check_planned_end(const exchange::EventStreamPolicy& policy, std::string_view sent, std::string_view got) {
  static constexpr std::string_view kRetry = "retry: ";
  const std::size_t at = got.rfind(kRetry);
  if (at == std::string_view::npos) return "a planned end without a retry";
  const std::string_view retry = got.substr(at + kRetry.size());
  const std::size_t digits = std::min(retry.find_first_not_of("0123456789"), retry.size());
  if (digits != 4 || retry.substr(0, 4) < "1000" || retry.substr(0, 4) > "5000") return "a retry out of its range";
  const std::string_view ends = retry.substr(digits);
  const bool blank = ends.size() % 2 == 0 && ends.substr(0, ends.size() / 2) == ends.substr(ends.size() / 2);
  const bool line = ends == "\r\n" || ends == "\n" || ends == "\r";
  if (policy.heartbeat.form == exchange::HeartbeatForm::comment_line ? !line : !blank)
    return "a retry that is not at an event boundary";
  return check_stream(policy, sent, got.substr(0, at), false);
}

/// What the client got, less the blank line that its backend forgot: only where that makes one event more.
std::string uncompleted(const exchange::EventStreamPolicy& policy, std::string_view sent, const std::string& got) {
  if (!policy.complete_last_event || check_stream(policy, sent, got, true).empty()) return got;
  for (const std::string_view end : {"\r\n\r\n", "\n\n", "\r\r", "\r\n", "\n", "\r"}) {
    const std::string whole = std::string(sent) + std::string(end);
    if (parse_event_stream(whole).events.size() != parse_event_stream(sent).events.size() + 1) continue;
    if (!got.ends_with(end)) continue;
    std::string less = got.substr(0, got.size() - end.size());
    if (check_stream(policy, sent, less, true).empty()) return less;
  }
  return got;
}

/// The backend's.
std::vector<WhatwgEvent> events_of(std::string_view stream) {
  std::vector<WhatwgEvent> events = parse_event_stream(stream).events;
  std::erase_if(events, [](const WhatwgEvent& event) { return event.type.starts_with('~'); });
  return events;
}

/// What a receiver makes of the first bytes of a response.
std::string decoded(const std::string& method, const std::string& wire) {
  WireReader reader(WireReader::Kind::responses);
  reader.expect(method);
  reader.feed(wire);
  return reader.messages().empty() ? std::string() : reader.messages().back().body;
}

}  // namespace

void Simulation::judge(SimulationCounts& counts) {
  if (shell_->client.shut || !shell_->client.reset) received_.finish();
  const auto ends = recorder_.ends();
  const Phase phase = shell_->relay().phase();
  if (phase != Phase::idle && phase != Phase::done) broken("closed in phase " + std::string(to_string(phase)));
  std::set<std::uint64_t> ids;
  for (const LifecycleRecord& end : ends) {
    if (!ids.insert(end.id).second) broken("two ends of exchange " + std::to_string(end.id));
  }
  const auto& messages = received_.messages();
  if (messages.size() > ends.size()) broken("more answers than exchanges");
  std::size_t number = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    judge_exchange(number++, ends[i], i < messages.size() ? &messages[i] : nullptr);
    ++counts.of[std::string(to_string(ends[i].event)) + " " + std::string(to_string(*ends[i].reason))];
  }
  judge_requests();
  counts.of["own streams"] += own_streams_;
  counts.of["heartbeats"] += shell_->heartbeats;
  counts.of["informational"] += received_.informational();
  for (const auto& [what, times] : recorder_.counted) counts.of["counted " + std::to_string(int(what))] += times;
}

void Simulation::judge_exchange(std::size_t number, const LifecycleRecord& end, const WireMessage* message) {
  const std::string name = "exchange " + std::to_string(number) + " (" + std::string(to_string(*end.reason)) + "): ";
  if (number >= requests_.size()) {
    if (*end.reason != Reason::protocol_error) broken(name + "nobody asked for it");
    return;
  }
  judge_reason(number, end);
  const bool ended_well = *end.reason == Reason::complete;
  if (message == nullptr) {
    if (ended_well) broken(name + "no answer");
    return;
  }
  if (ended_well && !message->complete && !message->tunnel) broken(name + "the answer is not complete");
  if (message->status != end.status && end.status != 0) broken(name + "another status than in its record");
  const auto plan = message->field("X-Plan");
  if (!plan && message->status == 200) {
    judge_own_stream(number, end, *message);
    return;
  }
  if (!plan) {
    static const std::set<int> kOwn = {400, 408, 502, 503, 504};
    if (!kOwn.contains(message->status)) broken(name + "an answer from nowhere");
    if (ended_well) broken(name + "an answer of our own counts as complete");
    return;
  }
  if (*plan != std::to_string(number)) broken(name + "the answer to another request");
  judge_body(number, end, *message);
}

/// A stream whose head is the sidecar's own.
void Simulation::judge_own_stream(std::size_t number, const LifecycleRecord& end, const WireMessage& message) {
  const PlannedResponse& plan = responses_[number];
  const PlannedRequest& request = requests_[number];
  const exchange::EventStreamPolicy& policy = policies_.routes[0].event_stream;
  const std::string name = "exchange " + std::to_string(number) + " (" + std::string(to_string(*end.reason)) + "): ";
  ++own_streams_;
  const bool always =
      policy.early_open.after && policy.early_open.always && request.method != "HEAD" && !request.upgrade;
  if (!request.wants_stream && !always) broken(name + "a stream that nobody asked for");
  if (end.event != LifecycleEvent::stream_close) broken(name + "it does not count as a stream");
  std::string body = plan.stream && !plan.opaque ? plan.body : std::string();
  if (body == "?") body = decoded(request.method, plan.wire);
  std::string got = message.body;
  const bool told = got.find("event: ~error~") != std::string::npos;
  if (told) body.clear();  // Nothing of an answer that is told as an event is passed on.
  const bool planned = *end.reason == Reason::drain || *end.reason == Reason::max_age;
  const bool whole = *end.reason == Reason::complete;
  if (whole) got = uncompleted(policy, body, got);
  std::string wrong;
  if (planned && message.complete && policy.heartbeat.sends() && request.method == "GET") {
    wrong = check_planned_end(policy, body, got);
  } else {
    wrong = check_stream(policy, body, got, whole);
  }
  if (!wrong.empty()) broken(name + wrong + "\n" + escape_bytes(body) + "\n" + escape_bytes(got));
  if (message.complete && request.method != "GET" && !planned && !whole)
    broken(name + "an end that looks like success");
  if (message.complete && !planned && !whole && !told) broken(name + "a broken stream looks complete");
}

void Simulation::judge_body(std::size_t number, const LifecycleRecord& end, const WireMessage& message) {
  const PlannedResponse& plan = responses_[number];
  const std::string name = "exchange " + std::to_string(number) + " (" + std::string(to_string(*end.reason)) + "): ";
  const bool bodiless = requests_[number].method == "HEAD" || plan.status == 204 || plan.status == 304;
  const std::string body = plan.body == "?" ? decoded(requests_[number].method, plan.wire)
                           : bodiless       ? std::string()
                                            : plan.body;
  const bool broke = *end.reason == Reason::upstream_truncated || *end.reason == Reason::upstream_reset ||
                     *end.reason == Reason::protocol_error;
  // What came before a FIN was delivered; a reset takes along what was not read yet.
  const bool whole = *end.reason == Reason::complete || (*end.reason == Reason::upstream_truncated && !message.tunnel);
  const bool insertable = plan.stream && !plan.opaque && !bodiless;
  std::string wrong;
  const exchange::EventStreamPolicy& policy = policies_.routes[0].event_stream;
  if (insertable && (*end.reason == Reason::drain || *end.reason == Reason::max_age)) {
    const bool told = policy.heartbeat.sends() && requests_[number].method == "GET";
    if (message.complete)
      wrong = told ? check_planned_end(policy, body, message.body) : check_stream(policy, body, message.body, false);
  } else if (insertable) {
    std::string got = message.body;
    if (whole) got = uncompleted(policy, body, got);
    wrong = check_stream(policy, body, got, whole);
    if (wrong.empty() && *end.reason == Reason::complete && events_of(body) != events_of(got)) wrong = "other events";
  } else if (whole ? body != message.body : !body.starts_with(message.body)) {
    wrong = "another body";
  }
  if (!wrong.empty()) broken(name + wrong + "\n" + escape_bytes(body) + "\n" + escape_bytes(message.body));
  if (broke && message.complete && !bodiless && !message.tunnel) broken(name + "a broken answer looks complete");
  if (end.event == LifecycleEvent::stream_close && *end.reason == Reason::complete && insertable) {
    if (end.bytes_out != message.body.size()) broken(name + "bytes_out is not what went out");
    if (end.events != events_of(message.body).size()) broken(name + "miscounted events");
  }
}

void Simulation::judge_reason(std::size_t number, const LifecycleRecord& end) {
  const PlannedResponse& plan = responses_[number];
  const PlannedRequest& request = requests_[number];
  const exchange::EventStreamPolicy& policy = policies_.routes[0].event_stream;
  const auto demand = [&](bool fact, const char* why) {
    if (!fact) broken(std::string(to_string(*end.reason)) + " although " + why);
  };
  switch (*end.reason) {
    case Reason::complete:
      demand(plan.end == PlannedEnd::clean || (plan.switches && plan.end == PlannedEnd::silent),
             "the backend did not end well");
      demand(!request.malformed || plan.early, "the request was malformed");
      break;
    case Reason::client_gone:
      demand(client_left_, "it is there");
      break;
    case Reason::client_stalled:
      demand(slow_client_ || shell_->client.capacity < 1000 || client_stops_at_ < 1000, "it reads");
      demand(shell_->blocked_since() != kNever &&
                 shell_->now - shell_->blocked_since() + kDeadlineGrid >= policies_.limits.write_timeout,
             "it was not given its time");
      break;
    case Reason::upstream_reset:
      demand(plan.end == PlannedEnd::reset, "there was none");
      break;
    case Reason::upstream_truncated:
      demand(plan.end == PlannedEnd::cut, "nothing was cut");
      break;
    case Reason::upstream_unreachable:
      demand(!dials_failed_.empty(), "every connection came about");
      break;
    case Reason::upstream_timeout:
      demand(policies_.upstreams[0].response_timeout.has_value() || shell_->backend_stalled(),
             "there is no such limit and the backend reads");
      break;
    case Reason::upstream_idle:
      demand(policy.idle_timeout.has_value(), "there is no such limit");
      break;
    case Reason::upstream_error:
      demand(end.event == LifecycleEvent::stream_close, "no stream was open");
      demand(policy.early_open.after || policy.error_event.configured() || policy.unavailable.hold, "nobody opted in");
      break;
    case Reason::max_age:
      demand(policy.max_age.after.has_value(), "nothing grows old");
      demand(end.event == LifecycleEvent::stream_close && (request.method == "GET" || request.method == "POST"),
             "its method is not named");
      break;
    case Reason::drain:
      demand(drained_, "nothing drains");
      demand(end.event == LifecycleEvent::stream_close && request.method == "GET", "its client does not come back");
      break;
    case Reason::forced:
      demand(forced_, "nothing was forced");
      break;
    case Reason::limit:
      demand((pipelining_ && sent_ > number + 1) || end.status == 101 ||
                 ((end.status == 503 || end.event == LifecycleEvent::stream_close) && !dials_failed_.empty()),
             "nothing came behind the request, no tunnel was half closed, and there were descriptors");
      break;
    case Reason::protocol_error:
      demand(request.malformed || plan.end == PlannedEnd::malformed || end.status == 408, "everything was well-formed");
      break;
    default:
      demand(false, "it cannot be");
  }
}

/// Each request reached the backend as it was meant, and as often as it may.
void Simulation::judge_requests() {
  std::map<std::size_t, std::size_t> times;
  for (const auto& backend : backends_) {
    for (const WireMessage& message : backend->reader.messages()) {
      const std::size_t number = std::stoul(message.start.substr(message.start.find(" /") + 2));
      if (number >= requests_.size()) continue;
      const PlannedRequest& request = requests_[number];
      ++times[number];
      const bool same = message.complete ? message.body == request.body : request.body.starts_with(message.body);
      if (!same) broken("the body of request " + std::to_string(number) + " was changed");
      if (!message.start.starts_with(request.method + " /")) broken("another method: " + message.start);
    }
    if (backend->tunnel && !std::string_view(tunnel_bytes_).starts_with('!') &&
        !tunnel_bytes_.starts_with(backend->tunnelled))
      broken("the tunnel changed the client's bytes");
  }
  for (const auto& [number, count] : times) {
    const bool repeatable = requests_[number].body.empty();
    if (policies_.routes[0].event_stream.unavailable.hold && requests_[number].wants_stream) continue;
    if (count > (repeatable ? 2U : 1U)) broken("request " + std::to_string(number) + " was repeated");
  }
}

}  // namespace sidecar::test
