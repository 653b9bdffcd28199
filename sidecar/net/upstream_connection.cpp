#include "net/upstream_connection.hpp"

namespace sidecar::net {

void UpstreamConnection::want_readable() {
  if (read_armed_ || closing_) return;
  read_armed_ = true;
  stream_.wait_readable([this] {
    read_armed_ = false;
    if (closing_) return release_if_done();
    owner_->on_upstream_readable(*this);
  });
}

void UpstreamConnection::want_writable() {
  if (write_armed_ || closing_) return;
  write_armed_ = true;
  stream_.wait_writable([this] {
    write_armed_ = false;
    if (closing_) return release_if_done();
    owner_->on_upstream_writable(*this);
  });
}

void UpstreamConnection::close(bool reset) {
  if (closing_) return;
  closing_ = true;
  unlink();
  if (reset) {
    stream_.reset();
  } else {
    stream_.close();
  }
  release_if_done();
}

void UpstreamConnection::release_if_done() {
  if (!read_armed_ && !write_armed_) delete this;
}

}  // namespace sidecar::net
