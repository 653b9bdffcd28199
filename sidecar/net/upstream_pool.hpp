#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "exchange/policy.hpp"
#include "net/name_cache.hpp"
#include "net/tls_context.hpp"
#include "net/upstream_connection.hpp"

namespace sidecar::net {

/// One upstream as one worker sees it: its addresses and its idle connections.
class UpstreamPool final : public UpstreamConnection::Owner {
 public:
  /// `tls`: nullptr where the upstream is plain.
  UpstreamPool(Worker& worker, const exchange::UpstreamPolicy& policy, std::shared_ptr<const TlsClient> tls,
               std::uint32_t id)
      : worker_(worker),
        names_(worker, policy.address, policy.dns_ttl),
        policy_(policy),
        tls_(std::move(tls)),
        id_(id) {}
  ~UpstreamPool() { clear(); }
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// Never given twice by a worker: a pool that is gone is not mistaken for one that came into its place.
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] NameCache& names() { return names_; }
  [[nodiscard]] const std::shared_ptr<const TlsClient>& tls() const { return tls_; }
  /// Connections of this pool are as good as those of one that would be made for these.
  [[nodiscard]] bool serves(const exchange::UpstreamPolicy& policy, const TlsClient* tls) const {
    const bool same_tls = tls == nullptr || tls_ == nullptr ? tls == tls_.get() : tls->same_files(*tls_);
    return policy_ == policy && same_tls;
  }

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
  std::shared_ptr<const TlsClient> tls_;
  Idle idle_;  ///< Most recently used first.
  std::size_t size_ = 0;
  std::uint32_t id_;
  bool retired_ = false;
};

}  // namespace sidecar::net
