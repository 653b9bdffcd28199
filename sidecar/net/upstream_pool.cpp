#include "net/upstream_pool.hpp"

#include <algorithm>

#include "net/worker.hpp"

namespace sidecar::net {

namespace {

/// An announced timeout runs from the backend's last byte, and our next request needs a moment to get there.
constexpr std::chrono::milliseconds kBackendMargin{500};

}  // namespace

UpstreamConnection* UpstreamPool::take() {
  while (!idle_.empty()) {
    UpstreamConnection& connection = idle_.front();
    idle_.pop_front();
    --size_;
    // News of it may be on its way to us already: bytes that nobody asked for must not become the next answer.
    if (connection.stream().quiet()) return &connection;
    connection.close(false);
  }
  return nullptr;
}

void UpstreamPool::put(UpstreamConnection& connection, std::optional<std::chrono::seconds> backend_timeout) {
  std::chrono::milliseconds limit = policy_.keepalive.idle_timeout;
  if (backend_timeout) limit = std::min<std::chrono::milliseconds>(limit, *backend_timeout - kBackendMargin);
  if (retired_ || policy_.keepalive.max_idle == 0 || limit.count() <= 0) {
    connection.close(false);
    return;
  }
  if (size_ == policy_.keepalive.max_idle) {
    UpstreamConnection& oldest = idle_.back();
    --size_;
    oldest.close(false);
  }
  connection.set_owner(*this);
  idle_.push_front(connection);
  ++size_;
  connection.want_readable();
  connection.expires_at = worker_.now() + limit;
  worker_.schedule(connection, connection.expires_at);
}

void UpstreamPool::clear() {
  while (!idle_.empty()) {
    UpstreamConnection& connection = idle_.front();
    --size_;
    connection.close(false);
  }
}

void UpstreamPool::retire() {
  retired_ = true;
  clear();
}

void UpstreamPool::on_upstream_readable(UpstreamConnection& connection) {
  if (connection.stream().quiet()) return connection.want_readable();  // TLS spoke to itself.
  --size_;
  connection.close(false);
}

void UpstreamPool::on_upstream_deadline(UpstreamConnection& connection, TimePoint now) {
  if (!exchange::is_due(connection.expires_at, now)) {
    worker_.schedule(connection, connection.expires_at);
    return;
  }
  --size_;
  connection.close(false);
}

}  // namespace sidecar::net
