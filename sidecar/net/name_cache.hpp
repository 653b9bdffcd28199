#pragma once

#include <memory>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "exchange/policy.hpp"
#include "net/socket.hpp"
#include "net/timed_entry.hpp"

namespace sidecar::net {

class Worker;

/// The addresses of one upstream, per worker. A name is never resolved once for ever: after dns_ttl it is asked for
/// again, and while a resolver is slow the address that was good so far is served.
class NameCache final : public TimedEntry {
 public:
  class Waiter : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    /// `endpoints` is empty when the name did not resolve. Lent for the call.
    virtual void on_endpoints(const std::vector<Endpoint>& endpoints) = 0;

   protected:
    ~Waiter() = default;
  };

  NameCache(Worker& worker, const exchange::UpstreamAddress& address, exchange::Milliseconds ttl);

  /// Answers at once, or later, or (when the waiter is destroyed before) never.
  void ask(Waiter& waiter);
  /// The addresses given out were no good: when they are not brand-new they are asked for again. True when a waiter
  /// that asks now can hope for others.
  bool distrust();

  void on_deadline(TimePoint now) override;

 private:
  using Waiters = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  void refresh();
  void on_resolved(std::vector<Endpoint> endpoints);
  void answer_all();
  [[nodiscard]] bool is_name() const { return !name_.empty(); }

  Worker& worker_;
  std::string name_;  ///< Empty: a literal address or a unix socket, which never changes.
  std::uint16_t port_;
  exchange::Milliseconds ttl_;
  std::vector<Endpoint> endpoints_;
  TimePoint resolved_at_;
  bool resolving_ = false;
  bool expired_ = true;
  Waiters waiters_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  ///< A resolver that is slow may outlast us.
};

}  // namespace sidecar::net
