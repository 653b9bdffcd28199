#include "net/connector.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "net/worker.hpp"

namespace sidecar::net {

namespace {

exchange::UpstreamFailure to_failure(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ENOENT:  // A unix socket that is not there (yet).
    case EAGAIN:  // A unix socket whose backlog is full.
    case ECONNRESET:
      return exchange::UpstreamFailure::refused;
    case ETIMEDOUT:
      return exchange::UpstreamFailure::timed_out;
    default:
      return is_exhaustion(error) ? exchange::UpstreamFailure::exhausted : exchange::UpstreamFailure::unreachable;
  }
}

}  // namespace

/// A handler that finds out whether anybody is still interested.
template <void (Connector::*step)()>
auto Connector::guarded() {
  waiting_ = true;
  return [this] {
    waiting_ = false;
    if (client_ == nullptr) {
      delete this;
    } else {
      (this->*step)();
    }
  };
}

Connector* Connector::start(Worker& worker, NameCache& names, std::shared_ptr<const TlsClient> tls, Client& client) {
  auto* connector = new Connector(worker, names, std::move(tls), client);
  worker.loop().post(connector->guarded<&Connector::resolve>());
  return connector;  // NOLINT(clang-analyzer-cplusplus.NewDelete): post() runs nothing before it returns.
}

void Connector::resolve() {
  names_.ask(*this);
}

void Connector::cancel() {
  client_ = nullptr;
  unlink();
  if (stream_) stream_->close();
  if (!waiting_) delete this;
}

void Connector::on_endpoints(const std::vector<Endpoint>& endpoints) {
  endpoints_ = endpoints;
  next_ = 0;
  try_next();
}

void Connector::try_next() {
  while (next_ < endpoints_.size()) {
    const int fd = start_connect(endpoints_[next_++]);
    if (fd < 0) {
      fail(to_failure(errno), nullptr);
    } else if (begin(fd)) {
      stream_->wait_writable(guarded<&Connector::on_outcome>());
      return;
    }
  }
  // A restarted container has a new address: ask once more before giving up.
  if (!asked_again_ && !endpoints_.empty() && names_.distrust()) {
    asked_again_ = true;
    return resolve();
  }
  give_up();
}

/// False: the kernel cannot watch one more connection.
bool Connector::begin(int fd) {
  try {
    stream_.emplace(worker_.loop(), fd);
    return true;
  } catch (const std::system_error&) {
    ::close(fd);
    fail(exchange::UpstreamFailure::exhausted, nullptr);
    return false;
  }
}

void Connector::on_outcome() {
  const int error = connect_outcome(stream_->fd());
  if (error != 0) {
    fail(to_failure(error), nullptr);
    stream_.reset();
    try_next();
    return;
  }
  tune(stream_->fd(), worker_.user_timeout_ms());
  if (tls_ != nullptr) stream_->start_tls(tls_->make(), TlsLayer::Side::client, tls_);
  greet();
}

void Connector::greet() {
  switch (stream_->tls() != nullptr ? stream_->tls()->handshake() : TlsLayer::Step::done) {
    case TlsLayer::Step::want_read:
      return stream_->wait_readable(guarded<&Connector::greet>());
    case TlsLayer::Step::want_write:
      return stream_->wait_writable(guarded<&Connector::greet>());
    case TlsLayer::Step::failed: {
      const bool untrusted = stream_->tls()->failure() == TlsLayer::Failure::untrusted;
      fail(untrusted ? exchange::UpstreamFailure::untrusted : exchange::UpstreamFailure::no_tls, stream_->why());
      stream_.reset();
      return try_next();
    }
    case TlsLayer::Step::done:
      break;
  }
  Stream stream = std::move(*stream_);
  Client* client = client_;
  delete this;
  client->on_connected(std::move(stream));
}

void Connector::fail(exchange::UpstreamFailure failure, const char* why) {
  failure_ = failure;
  why_ = why;
}

void Connector::give_up() {
  Client* client = client_;
  const exchange::UpstreamFailure failure = failure_;
  const char* why = why_;
  delete this;
  client->on_connect_failed(failure, why);
}

}  // namespace sidecar::net
