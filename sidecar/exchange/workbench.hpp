#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exchange/drain_plan.hpp"
#include "exchange/lifecycle.hpp"
#include "exchange/policy.hpp"
#include "exchange/stream_gate.hpp"
#include "http/chunked.hpp"
#include "http/head.hpp"
#include "http/output.hpp"

namespace sidecar::exchange {

/// What all relays of a worker share, one call at a time: where heads are laid out, what the turn writes, where
/// records go. The shell writes the two outputs out, clears them, and reports the progress.
struct Workbench {
  /// `first_id` seeds chance as well: ids of different workers and runs differ.
  Workbench(LifecycleSink& sink, StreamGate& stream_gate, std::uint64_t first_id)
      : lifecycle(sink), gate(stream_gate), next_id(first_id), random(static_cast<Random::result_type>(first_id)) {}

  http::HeadScratch scratch;
  http::ChunkRun run;
  http::Output to_downstream;
  http::Output to_upstream;
  std::string own_body;
  LifecycleSink& lifecycle;
  StreamGate& gate;
  PolicySetPtr policies;  ///< For new requests.
  std::uint64_t next_id;
  Random random;
  std::optional<DrainPlan> drain;  ///< Responses from now on are the last ones of their connections.
};

}  // namespace sidecar::exchange
