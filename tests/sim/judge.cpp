#include <algorithm>
#include <set>
#include <string>
#include <string_view>

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

constexpr std::string_view kBeat = ": ~beat~";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The line ends that an insertion behind this prefix of a stream must have: law 2, from all of the bytes. Empty where
/// none is legal.
std::string line_ends_behind(std::string_view prefix) {
  const std::size_t first = prefix.find_first_of("\r\n");
  std::string ending = "\n";
  if (first != std::string_view::npos && prefix.substr(first).starts_with("\r\n")) ending = "\r\n";
  if (prefix.ends_with('\r')) ending = "\r";
  if (prefix.starts_with(kByteOrderMark)) prefix.remove_prefix(kByteOrderMark.size());
  if (prefix.empty()) return ending + ending;
  if (prefix.back() != '\n' && prefix.back() != '\r') return {};
  prefix.remove_suffix(prefix.ends_with("\r\n") ? 2 : 1);
  const bool blank = prefix.empty() || prefix.back() == '\n' || prefix.back() == '\r';
  return blank ? ending + ending : ending;
}

/// Empty when `got` is `sent` (or, unless `whole`, a beginning of it) with legal insertions.
std::string check_stream(std::string_view sent, std::string_view got, bool whole) {
  std::size_t at = 0;
  bool early = false;
  while (!got.empty()) {
    const bool begun = !whole && kBeat.starts_with(got) && !line_ends_behind(sent.substr(0, at)).empty();
    if (begun && !sent.substr(at).starts_with(got)) return "";  // A heartbeat that was cut.
    if (got.starts_with(kBeat)) {
      const std::string ends = line_ends_behind(sent.substr(0, at));
      if (ends.empty()) return "a heartbeat at " + std::to_string(at) + " of the stream, inside a line";
      early = early || at == 0;
      got.remove_prefix(kBeat.size());
      const std::string_view tail = got.substr(0, ends.size());
      if (tail != std::string_view(ends).substr(0, tail.size()) || (whole && tail.size() < ends.size()))
        return "a heartbeat at " + std::to_string(at) + " with wrong line ends";
      got.remove_prefix(tail.size());
      continue;
    }
    if (early && at == 0 && sent.starts_with(kByteOrderMark)) at = kByteOrderMark.size();
    if (at == sent.size() || sent[at] != got.front()) return "another byte at " + std::to_string(at) + " of the stream";
    ++at;
    got.remove_prefix(1);
  }
  if (early && at == 0 && sent == kByteOrderMark) at = sent.size();
  return whole && at != sent.size() ? "the stream lacks its last bytes" : "";
}

/// The same of a stream whose end was planned: behind some event boundary stands when to come back, and nothing else.
std::string check_planned_end(std::string_view sent, std::string_view got) {
  static constexpr std::string_view kRetry = "retry: ";
  const std::size_t at = got.rfind(kRetry);
  if (at == std::string_view::npos) return "a planned end without a retry";
  const std::string_view retry = got.substr(at + kRetry.size());
  const std::size_t digits = std::min(retry.find_first_not_of("0123456789"), retry.size());
  if (digits != 4 || retry.substr(0, 4) < "1000" || retry.substr(0, 4) > "5000") return "a retry out of its range";
  const std::string_view ends = retry.substr(digits);
  const bool blank = ends.size() % 2 == 0 && ends.substr(0, ends.size() / 2) == ends.substr(ends.size() / 2);
  if (!blank || ends != line_ends_behind(got.substr(0, at))) return "a retry that is not at an event boundary";
  return check_stream(sent, got.substr(0, at), false);
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
  if (!plan) {
    static const std::set<int> kOwn = {400, 408, 502, 503, 504};
    if (!kOwn.contains(message->status)) broken(name + "an answer from nowhere");
    if (ended_well) broken(name + "an answer of our own counts as complete");
    return;
  }
  if (*plan != std::to_string(number)) broken(name + "the answer to another request");
  judge_body(number, end, *message);
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
  if (insertable && *end.reason == Reason::drain) {
    const bool inserts = policies_.routes[0].event_stream.heartbeat.interval.has_value();
    if (message.complete)
      wrong = inserts ? check_planned_end(body, message.body) : check_stream(body, message.body, false);
  } else if (insertable) {
    wrong = check_stream(body, message.body, whole);
    if (wrong.empty() && *end.reason == Reason::complete &&
        parse_event_stream(body).events != parse_event_stream(message.body).events)
      wrong = "other events";
  } else if (whole ? body != message.body : !body.starts_with(message.body)) {
    wrong = "another body";
  }
  if (!wrong.empty()) broken(name + wrong + "\n" + escape_bytes(body) + "\n" + escape_bytes(message.body));
  if (broke && message.complete && !bodiless && !message.tunnel) broken(name + "a broken answer looks complete");
  if (end.event == LifecycleEvent::stream_close && *end.reason == Reason::complete && insertable) {
    if (end.bytes_out != message.body.size()) broken(name + "bytes_out is not what went out");
    if (end.events != parse_event_stream(body).events.size()) broken(name + "miscounted events");
  }
}

void Simulation::judge_reason(std::size_t number, const LifecycleRecord& end) {
  const PlannedResponse& plan = responses_[number];
  const PlannedRequest& request = requests_[number];
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
    case Reason::drain:
      demand(drained_, "nothing drains");
      demand(end.event == LifecycleEvent::stream_close && request.method == "GET", "its client does not come back");
      break;
    case Reason::forced:
      demand(forced_, "nothing was forced");
      break;
    case Reason::limit:
      demand((pipelining_ && sent_ > number + 1) || end.status == 101 || (end.status == 503 && !dials_failed_.empty()),
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
    if (count > (repeatable ? 2U : 1U)) broken("request " + std::to_string(number) + " was repeated");
  }
}

}  // namespace sidecar::test
