#include "exchange/lifecycle.hpp"

namespace sidecar::exchange {

// No default in the switches: the compiler names the enumerator that was forgotten.

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::complete:
      return "complete";
    case Reason::client_gone:
      return "client_gone";
    case Reason::client_stalled:
      return "client_stalled";
    case Reason::upstream_reset:
      return "upstream_reset";
    case Reason::upstream_truncated:
      return "upstream_truncated";
    case Reason::upstream_idle:
      return "upstream_idle";
    case Reason::upstream_unreachable:
      return "upstream_unreachable";
    case Reason::upstream_error:
      return "upstream_error";
    case Reason::upstream_timeout:
      return "upstream_timeout";
    case Reason::max_age:
      return "max_age";
    case Reason::drain:
      return "drain";
    case Reason::forced:
      return "forced";
    case Reason::limit:
      return "limit";
    case Reason::protocol_error:
      return "protocol_error";
  }
  return "unknown";
}

std::string_view to_string(ClosedBy closed_by) {
  switch (closed_by) {
    case ClosedBy::client:
      return "client";
    case ClosedBy::upstream:
      return "upstream";
    case ClosedBy::sidecar:
      return "sidecar";
  }
  return "unknown";
}

std::string_view to_string(LifecycleEvent event) {
  switch (event) {
    case LifecycleEvent::request:
      return "request";
    case LifecycleEvent::stream_open:
      return "stream_open";
    case LifecycleEvent::stream_first_event:
      return "stream_first_event";
    case LifecycleEvent::heartbeat:
      return "heartbeat";
    case LifecycleEvent::stream_close:
      return "stream_close";
    case LifecycleEvent::downgrade:
      return "downgrade";
  }
  return "unknown";
}

}  // namespace sidecar::exchange
