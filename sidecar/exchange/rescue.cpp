#include "exchange/rescue.hpp"

#include <algorithm>

#include "exchange/cors.hpp"
#include "http/accept.hpp"
#include "http/fields.hpp"
#include "http/json_text.hpp"
#include "sse/media_type.hpp"

namespace sidecar::exchange {

namespace {

constexpr std::size_t kBodyTold = 4096;
constexpr std::size_t kCharacterMax = 4;  // Bytes of UTF-8.

/// Between two attempts: a quarter of a second, then twice as long each time, up to this, and half of it at random.
constexpr Milliseconds kWaitFirst{250};
constexpr Milliseconds kWaitMost{4'000};

bool accepts_only_streams(http::Fields fields) {
  const auto any = [fields](auto accepts) {
    return std::any_of(fields.begin(), fields.end(), [accepts](const http::Field& field) {
      return http::iequals(field.name, "Accept") && accepts(field.value);
    });
  };
  return any(sse::accepts_event_stream) &&
         !any([](std::string_view accept) { return http::accepts(accept, "application/json"); });
}

/// A page of another origin could not read a stream whose head says nothing about it. Which scheme the client spoke is
/// not known here; the same host and port are.
bool is_same_origin(std::string_view origin, http::Fields fields) {
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && http::iequals(origin.substr(scheme + 3), http::value_of(fields, "Host"));
}

}  // namespace

bool asks_for_event_stream(const http::RequestHead& head) {
  return head.method == "GET" && accepts_only_streams(head.fields);
}

bool means_event_stream(const http::RequestHead& head, const RoutePolicy& route) {
  if (!asks_for_event_stream(head)) return false;
  const http::Field* const origin = http::find(head.fields, "Origin");
  return origin == nullptr || is_same_origin(origin->value, head.fields) ||
         !allowed_origin(route.cors, head.fields).empty();
}

std::unique_ptr<Rescue> Rescue::for_request(const http::RequestHead& head, const http::Framing& framing,
                                            const PreparedRequest& prepared, const RoutePolicy& route, TimePoint now) {
  const EventStreamPolicy& policy = route.event_stream;
  const std::string_view origin = allowed_origin(route.cors, head.fields);
  const bool configured = policy.early_open.after || policy.error_event.configured() || policy.unavailable.hold;
  const bool wanted = configured && !prepared.upgrade_offered;
  const bool means_stream = wanted && means_event_stream(head, route);
  const bool always = wanted && policy.early_open.after && policy.early_open.always && head.method != "HEAD" &&
                      head.method != "OPTIONS";
  if (!means_stream && !always && origin.empty()) return nullptr;
  auto rescue = std::make_unique<Rescue>();
  rescue->means_stream_ = means_stream;
  rescue->origin_ = origin;
  rescue->opens_early_ = policy.early_open.after && (means_stream || always);
  rescue->repeatable_ = prepared.repeatable;
  if (framing.kind == http::FramingKind::none) rescue->on_request_complete(policy, now);
  return rescue;
}

void Rescue::on_request_complete(const EventStreamPolicy& policy, TimePoint now) {
  if (!opens_early_) return;
  opens_early_ = false;  // A request that is repeated is complete twice.
  open_by(now + *policy.early_open.after);
}

std::optional<Milliseconds> Rescue::next_wait(const EventStreamPolicy& policy, TimePoint now, Random& random) {
  if (!policy.unavailable.hold || !means_stream_ || !repeatable_) return std::nullopt;
  if (away_since_ == kNever) away_since_ = now;
  const Milliseconds most = std::min(kWaitMost, kWaitFirst * (1 << std::min<int>(retries_, 6)));
  const Milliseconds wait = between(most / 2, most, random);
  if (now + wait - away_since_ > *policy.unavailable.hold) return std::nullopt;
  if (retries_ < UINT8_MAX) ++retries_;
  return wait;
}

void Rescue::note_answer(const http::ResponseHead& head) {
  note_failure(head.status, head.reason);
  content_type_ = http::value_of(head.fields, "Content-Type");
  const http::Field* const coding = http::find(head.fields, "Content-Encoding");
  has_body_ = coding == nullptr || http::iequals(coding->value, "identity");
}

void Rescue::note_failure(int status, std::string_view reason) {
  status_ = status;
  reason_ = reason;
  content_type_.clear();
  body_.clear();
  has_body_ = false;
}

bool Rescue::collect(std::string_view bytes) {
  // Some bytes more than are told: a character that is cut there can be seen to be one.
  static constexpr std::size_t kKept = kBodyTold + kCharacterMax;
  if (has_body_) body_.append(bytes.substr(0, kKept - std::min(kKept, body_.size())));
  return !has_body_ || body_.size() >= kKept;
}

/// Only what is text all through, cut between two characters.
std::optional<std::string_view> Rescue::told_body() const {
  const std::string_view body = body_;
  const std::size_t valid = http::utf8_prefix(body);
  if (body.empty() || (valid < body.size() && valid < kBodyTold)) return std::nullopt;
  return body.substr(0, http::utf8_prefix(body.substr(0, kBodyTold)));
}

void Rescue::append_event(const EventStreamPolicy& policy, bool comes_back, std::string& out) const {
  const auto add = [&](std::string_view key, std::string_view value) {
    if (value.empty() || http::utf8_prefix(value) < value.size()) return;
    http::append_json_string(value, out.append(",\"").append(key).append("\":"));
  };
  if (comes_back) out.append("retry: ").append(std::to_string(policy.error_event.retry.count())).append("\n");
  out.append("event: ").append(policy.error_event.event).append("\n");
  out.append("data: {\"status\":").append(std::to_string(status_));
  add("reason", reason_);
  add("content_type", content_type_);
  if (const auto body = told_body()) add("body", *body);
  out.append("}\n\n");
}

}  // namespace sidecar::exchange
