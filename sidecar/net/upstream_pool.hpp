#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "exchange/policy.hpp"
#include "net/name_cache.hpp"
#include "net/upstream_connection.hpp"

namespace sidecar::net {

/// One upstream as one worker sees it: its addresses and its idle connections.
class UpstreamPool final : public UpstreamConnection::Owner {
 public:
  UpstreamPool(Worker& worker, const exchange::UpstreamPolicy& policy, std::uint64_t id)
      : worker_(worker), names_(worker, policy.address, policy.dns_ttl), policy_(policy), id_(id) {}
  ~UpstreamPool() { clear(); }
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// Never given twice by a worker: a pool that is gone is not mistaken for one that came into its place.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] NameCache& names() { return names_; }
  [[nodiscard]] const exchange::UpstreamPolicy& policy() const { return policy_; }

  /// The connection that was used last, or nullptr. Still owned by the pool until set_owner().
  [[nodiscard]] UpstreamConnection* take();
  /// `backend_timeout`: what the backend announced; the connection is given up before that.
  void put(UpstreamConnection& connection, std::optional<std::chrono::seconds> backend_timeout);
  void clear();
  /// A reload replaced it: what is released from now on is closed.
  void retire();

  // An idle connection that becomes readable was closed by the backend, or says something nobody asked for.
  void on_upstream_readable(UpstreamConnection& connection) override;
  void on_upstream_writable(UpstreamConnection&) override {}
  void on_upstream_deadline(UpstreamConnection& connection, TimePoint now) override;

 private:
  using Idle = boost::intrusive::list<UpstreamConnection, boost::intrusive::constant_time_size<false>>;

  Worker& worker_;
  NameCache names_;
  exchange::UpstreamPolicy policy_;
  Idle idle_;  ///< Most recently used first.
  std::size_t size_ = 0;
  std::uint64_t id_;
  bool retired_ = false;
};

}  // namespace sidecar::net
