#pragma once

#include <cstdint>
#include <string_view>

#include "exchange/policy.hpp"

namespace sidecar::exchange {

/// Whether one more event stream may be opened: asked when one opens and told when it ends. All workers share what
/// stands behind it.
class StreamGate {
 public:
  enum class Verdict : std::uint8_t { admitted, too_many, too_many_of_client };

  virtual ~StreamGate() = default;
  /// `client` is an address without port. What was admitted is to be given back with leave(), with the same limits.
  [[nodiscard]] virtual Verdict enter(std::string_view client, const Limits& limits) = 0;
  virtual void leave(std::string_view client, const Limits& limits) = 0;

 protected:
  StreamGate() = default;
  StreamGate(const StreamGate&) = default;
  StreamGate& operator=(const StreamGate&) = default;
};

}  // namespace sidecar::exchange
