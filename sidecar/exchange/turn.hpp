#pragma once

#include <string>

#include "exchange/clock.hpp"
#include "exchange/drain_plan.hpp"
#include "exchange/lifecycle.hpp"
#include "exchange/stream_gate.hpp"
#include "http/message_sink.hpp"

namespace sidecar::exchange {

/// What surrounds one call. Nothing in it outlives the call.
struct Turn {
  TimePoint now;
  http::ResponseSink& downstream;
  http::RequestSink& upstream;
  http::HeadScratch& scratch;
  std::string& own_body;  ///< Where bytes of ours are composed, once a turn; lives until the output is written.
  LifecycleSink& lifecycle;
  StreamGate& gate;
  Random& random;
  const DrainPlan* drain;  ///< nullptr: nobody wants to end.
};

}  // namespace sidecar::exchange
