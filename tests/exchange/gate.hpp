#pragma once

#include <string>

#include "exchange/stream_gate.hpp"

namespace sidecar::test {

/// Says `verdict` to every stream, and knows how many are inside.
class Gate final : public exchange::StreamGate {
 public:
  Verdict enter(std::string_view client, const exchange::Limits&) override {
    last_client = client;
    if (verdict == Verdict::admitted) ++inside;
    return verdict;
  }
  void leave(std::string_view, const exchange::Limits&) override { --inside; }

  Verdict verdict = Verdict::admitted;
  int inside = 0;
  std::string last_client;
};

}  // namespace sidecar::test
