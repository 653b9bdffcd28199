#include "exchange/policy.hpp"

#include <algorithm>

namespace sidecar::exchange {

void HeartbeatPolicy::make_insertion() {
  switch (form) {
    case HeartbeatForm::comment:
      insertion = sse::Insertion::comment(text, padding);
      return;
    case HeartbeatForm::comment_line:
      insertion = sse::Insertion::comment_line(text, padding);
      return;
    case HeartbeatForm::event:
      insertion = sse::Insertion::event(event, data, text, padding);
      return;
    case HeartbeatForm::bytes:
      insertion = sse::Insertion::bytes(bytes);
      return;
    case HeartbeatForm::off:
      insertion = sse::Insertion::nothing();
      return;
  }
}

void OpeningPolicy::make_bytes(const HeartbeatPolicy& heartbeat) {
  const auto block = [&](bool with_retry) {
    std::string lines;
    if (!comment.empty()) lines.append(": ").append(comment).append("\n");
    if (with_retry && retry) lines.append("retry: ").append(std::to_string(retry->count())).append("\n");
    if (!event.empty()) lines.append("event: ").append(event).append("\n");
    const bool has_event = !event.empty() || !data.empty();
    if (has_event) lines.append("data: ").append(data.empty() ? "{}" : data).append("\n");
    if (has_event || (!lines.empty() && heartbeat.closes_blocks())) lines.append("\n");
    return lines;
  };
  bytes = block(true);
  without_retry = block(false);
}

bool ErrorEventPolicy::covers(int status) const {
  const auto holds = [&](const StatusRange& range) { return status >= range.least && status <= range.most; };
  return configured() && std::any_of(statuses.begin(), statuses.end(), holds);
}

}  // namespace sidecar::exchange
