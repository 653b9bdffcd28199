#pragma once

#include "exchange/deadline_wheel.hpp"

namespace sidecar::net {

using exchange::TimePoint;

/// What a worker's wheel holds: it is told when its time has come, perhaps a little early, perhaps in vain.
class TimedEntry : public exchange::DeadlineEntry {
 public:
  virtual void on_deadline(TimePoint now) = 0;

 protected:
  ~TimedEntry() = default;
};

}  // namespace sidecar::net
