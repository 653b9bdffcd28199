#include "exchange/policy.hpp"

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

}  // namespace sidecar::exchange
