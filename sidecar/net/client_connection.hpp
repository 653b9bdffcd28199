#pragma once

#include <boost/intrusive/list.hpp>

#include "net/timed_entry.hpp"

namespace sidecar::net {

/// What a worker knows of a client's connection, whatever it speaks. It owns itself, and leaves the worker's list by
/// itself.
class ClientConnection
    : public TimedEntry,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  /// The process wants to end (the workbench says how).
  virtual void drain() = 0;
  /// It ends now.
  virtual void force() = 0;

 protected:
  ~ClientConnection() = default;
};

}  // namespace sidecar::net
