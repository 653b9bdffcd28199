#pragma once

#include <cstdint>
#include <string>

#include "exchange/lifecycle.hpp"
#include "exchange/policy.hpp"
#include "http/head.hpp"
#include "http/output.hpp"

namespace sidecar::exchange {

/// What all relays of a worker share, one call at a time: where heads are laid out, what the turn writes, where
/// records go. The shell writes the two outputs out, clears them, and reports the progress.
struct Workbench {
  explicit Workbench(LifecycleSink& sink, std::uint64_t first_id) : lifecycle(sink), next_id(first_id) {}

  http::HeadScratch scratch;
  http::Output to_downstream;
  http::Output to_upstream;
  std::string own_body;
  LifecycleSink& lifecycle;
  PolicySetPtr policies;  ///< For new requests.
  std::uint64_t next_id;
  bool draining = false;  ///< Responses from now on are the last ones of their connections.
};

}  // namespace sidecar::exchange
