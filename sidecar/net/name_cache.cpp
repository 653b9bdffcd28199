#include "net/name_cache.hpp"

#include <utility>

#include "net/worker.hpp"

namespace sidecar::net {

namespace {

/// Longer than a resolver next door takes, shorter than anybody notices; then the old address is served.
constexpr std::chrono::milliseconds kPatience{200};

/// Addresses younger than this are not asked for again because a connect failed.
constexpr std::chrono::milliseconds kBrandNew{500};

}  // namespace

NameCache::NameCache(Worker& worker, const exchange::UpstreamAddress& address, exchange::Milliseconds ttl)
    : worker_(worker), port_(address.port), ttl_(ttl) {
  Endpoint endpoint;
  const bool fixed = address.unix_path.empty() ? literal_endpoint(address.host, address.port, endpoint)
                                               : unix_endpoint(address.unix_path, endpoint);
  if (fixed) {
    endpoints_.push_back(endpoint);
  } else {
    name_ = address.host;
  }
}

void NameCache::ask(Waiter& waiter) {
  const TimePoint now = worker_.now();
  if (!is_name() || (!endpoints_.empty() && !expired_ && now - resolved_at_ < ttl_)) {
    waiter.on_endpoints(endpoints_);
    return;
  }
  waiters_.push_back(waiter);
  refresh();
  if (!endpoints_.empty()) worker_.schedule(*this, now + kPatience);
}

bool NameCache::distrust() {
  if (!is_name() || worker_.now() - resolved_at_ < kBrandNew) return false;
  expired_ = true;
  return true;
}

void NameCache::refresh() {
  if (resolving_) return;
  resolving_ = true;
  worker_.lookup().ask(name_, port_, [this, alive = std::weak_ptr(alive_)](std::vector<Endpoint> endpoints) {
    if (!alive.expired()) on_resolved(std::move(endpoints));
  });
}

void NameCache::on_resolved(std::vector<Endpoint> endpoints) {
  resolving_ = false;
  // A resolver that fails says nothing about the address that was good so far.
  if (!endpoints.empty()) {
    endpoints_ = std::move(endpoints);
    resolved_at_ = worker_.now();
    expired_ = false;
  }
  answer_all();
}

void NameCache::on_deadline(TimePoint) {
  answer_all();
}

void NameCache::answer_all() {
  Waiters waiters;
  waiters.swap(waiters_);
  while (!waiters.empty()) {
    Waiter& waiter = waiters.front();
    waiters.pop_front();
    waiter.on_endpoints(endpoints_);
  }
}

}  // namespace sidecar::net
