#include "exchange/phase.hpp"

namespace sidecar::exchange {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::idle:
      return "idle";
    case Phase::connecting:
      return "connecting";
    case Phase::awaiting:
      return "awaiting";
    case Phase::pausing:
      return "pausing";
    case Phase::explaining:
      return "explaining";
    case Phase::holding:
      return "holding";
    case Phase::responding:
      return "responding";
    case Phase::streaming:
      return "streaming";
    case Phase::tunnel:
      return "tunnel";
    case Phase::closing:
      return "closing";
    case Phase::done:
      return "done";
  }
  return "unknown";
}

bool may_follow(Phase from, Phase to) {
  switch (to) {
    case Phase::idle:
      return from == Phase::done;
    case Phase::connecting:
      return from == Phase::idle || from == Phase::awaiting || from == Phase::pausing;
    case Phase::awaiting:
      return from == Phase::connecting;
    case Phase::pausing:
      return from == Phase::connecting || from == Phase::awaiting;
    case Phase::holding:
      return from == Phase::connecting || from == Phase::awaiting || from == Phase::pausing ||
             from == Phase::explaining;
    case Phase::explaining:
    case Phase::responding:
    case Phase::streaming:
    case Phase::tunnel:
      return from == Phase::awaiting;
    case Phase::closing:
      return from != Phase::closing && from != Phase::done;
    case Phase::done:
      return from == Phase::closing;
  }
  return false;
}

}  // namespace sidecar::exchange
