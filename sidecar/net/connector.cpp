#include "net/connector.hpp"

#include <cerrno>

#include <boost/asio/post.hpp>

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

Connector* Connector::start(Worker& worker, NameCache& names, Client& client) {
  auto* connector = new Connector(worker, names, client);
  connector->waiting_ = true;
  asio::post(worker.io(), [connector] {
    connector->waiting_ = false;
    if (connector->client_ == nullptr) {
      delete connector;
      return;
    }
    connector->names_.ask(*connector);
  });
  return connector;  // NOLINT(clang-analyzer-cplusplus.NewDelete): post() runs nothing before it returns.
}

void Connector::cancel() {
  client_ = nullptr;
  unlink();
  if (socket_) {
    ErrorCode ignored;
    socket_->close(ignored);
  }
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
    if (fd >= 0) {
      wait_for_outcome(fd);
      return;
    }
    failure_ = to_failure(errno);
  }
  // A restarted container has a new address: ask once more before giving up.
  if (!asked_again_ && !endpoints_.empty() && names_.distrust()) {
    asked_again_ = true;
    names_.ask(*this);
    return;
  }
  give_up();
}

void Connector::wait_for_outcome(int fd) {
  socket_.emplace(worker_.io().get_executor(), fd);
  waiting_ = true;
  socket_->async_wait(asio::posix::descriptor_base::wait_write, [this](ErrorCode) {
    waiting_ = false;
    if (client_ == nullptr) {
      delete this;
      return;
    }
    on_outcome();
  });
}

void Connector::on_outcome() {
  const int error = connect_outcome(socket_->native_handle());
  if (error != 0) {
    failure_ = to_failure(error);
    socket_.reset();
    try_next();
    return;
  }
  const int fd = socket_->release();
  Client* client = client_;
  delete this;
  client->on_connected(fd);
}

void Connector::give_up() {
  Client* client = client_;
  const exchange::UpstreamFailure failure = failure_;
  delete this;
  client->on_connect_failed(failure);
}

}  // namespace sidecar::net
