#pragma once

#include <cstdint>
#include <utility>

#include <boost/intrusive/list.hpp>

#include "net/stream.hpp"
#include "net/timed_entry.hpp"

namespace sidecar::net {

/// One connection to a backend. It belongs to a session while an exchange runs on it, and to its pool while it is
/// idle; a wait that was armed under one owner completes under the next, so that changing hands costs nothing.
class UpstreamConnection final
    : public TimedEntry,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  class Owner {
   public:
    virtual void on_upstream_readable(UpstreamConnection& connection) = 0;
    virtual void on_upstream_writable(UpstreamConnection& connection) = 0;
    virtual void on_upstream_deadline(UpstreamConnection& connection, TimePoint now) = 0;

   protected:
    ~Owner() = default;
  };

  /// Takes over a connected stream.
  UpstreamConnection(Stream stream, Owner& owner) : owner_(&owner), stream_(std::move(stream)) {}

  void set_owner(Owner& owner) { owner_ = &owner; }
  [[nodiscard]] Stream& stream() { return stream_; }

  /// Once per call; asking again before it was answered changes nothing.
  void want_readable();
  void want_writable();

  /// Ends the connection; the object goes when its last wait has completed. With a reset when `reset`.
  void close(bool reset);

  TimePoint expires_at;       ///< While it is idle; the pool's.
  std::uint32_t pool_id = 0;  ///< Of the pool whose backend it is connected to; the session's.

  void on_deadline(TimePoint now) override {
    if (!closing_) owner_->on_upstream_deadline(*this, now);
  }

 private:
  ~UpstreamConnection() = default;
  void release_if_done();

  bool read_armed_ = false;
  bool write_armed_ = false;
  bool closing_ = false;
  Owner* owner_;
  Stream stream_;
};

static_assert(sizeof(UpstreamConnection) <= 88, "every open stream has one");

}  // namespace sidecar::net
