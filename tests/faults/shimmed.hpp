#pragma once

#include "tests/faults/shim/control.hpp"
#include "tests/net/harness/process.hpp"
#include "tests/net/harness/sidecar.hpp"

/// A sidecar on top of a kernel, a resolver and a wall clock that the test commands.
namespace sidecar::nettest {

class Shim {
 public:
  Shim();
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;
  ~Shim();

  /// The same program with the shim preloaded.
  [[nodiscard]] Launch under(Launch launch) const;

  [[nodiscard]] faults::Control* operator->() const { return control_; }

 private:
  TemporaryFolder folder_;
  std::string path_;
  faults::Control* control_ = nullptr;
};

}  // namespace sidecar::nettest
