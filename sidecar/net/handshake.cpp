#include "net/handshake.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "http/proxy_protocol.hpp"
#include "net/http2_session.hpp"
#include "net/worker.hpp"

namespace sidecar::net {

namespace {

/// How long a client may take to read why it was refused.
constexpr std::chrono::seconds kLingerTime{1};

/// Who is about to come in while the process ends does it within that time.
constexpr std::chrono::seconds kTimeAtDrain{1};

constexpr std::string_view kPlainAnswer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 50\r\n"
    "Connection: close\r\n"
    "\r\n"
    "sse-sidecar: this port speaks TLS (write https://)";
static_assert(kPlainAnswer.size() - kPlainAnswer.find("\r\n\r\n") - 4 == 50);

}  // namespace

void Handshake::start(Worker& worker, Stream stream, std::string peer, Session::Arrival arrival,
                      std::shared_ptr<const TlsServer> tls) {
  auto* handshake = new Handshake(worker, std::move(stream), std::move(peer), arrival, std::move(tls));
  worker.add(*handshake);
  worker.schedule(*handshake, handshake->due_);
  handshake->go_on();
}

Handshake::Handshake(Worker& worker, Stream stream, std::string peer, Session::Arrival arrival,
                     std::shared_ptr<const TlsServer> tls)
    : worker_(worker),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      tls_(std::move(tls)),
      due_(worker.now() + tls_->handshake_timeout()),
      arrival_(arrival),
      stage_(arrival.proxy_protocol ? Stage::proxy_header : Stage::tls) {
  if (worker_.bench().drain) due_ = std::min(due_, worker_.now() + kTimeAtDrain);
  if (stage_ == Stage::tls) begin_tls();
}

Handshake::~Handshake() {
  if (!handed_over_) worker_.leave_connection();
}

void Handshake::on_deadline(TimePoint now) {
  if (closing_) return;
  if (!exchange::is_due(due_, now)) return worker_.schedule(*this, due_);
  if (stage_ == Stage::lingering) return end();
  const bool said_something = !header_.empty() || (stream_.tls() != nullptr && stream_.tls()->has_heard());
  if (said_something) {
    refuse(stage_ == Stage::tls ? "the TLS handshake did not come in time" : "the PROXY header did not come in time");
  } else {
    worker_.bench().lifecycle.on_counted(exchange::Counted::idle_closed, 1);
  }
  end();
}

void Handshake::drain() {
  due_ = std::min(due_, worker_.now() + kTimeAtDrain);
  worker_.schedule(*this, due_);
}

void Handshake::force() {
  if (!closing_) end();
}

void Handshake::go_on() {
  switch (stage_) {
    case Stage::proxy_header:
      return read_proxy_header();
    case Stage::tls:
      return shake_hands();
    case Stage::lingering:
      return throw_away();
  }
}

// ---- The PROXY header --------------------------------------------------------------------------------------------

/// What follows it belongs to OpenSSL, which reads the socket itself: so nothing is taken but what is surely the
/// header's.
void Handshake::read_proxy_header() {
  std::array<char, http::kProxyHeaderBytesMax> buffer{};
  const IoResult seen = stream_.try_peek_raw(buffer);
  if (seen.status == IoResult::Status::would_block) return wait_readable();
  if (seen.status != IoResult::Status::moved) return end();
  const std::size_t known = header_.size();
  header_.append(buffer.data(), seen.size);
  http::ProxyHeader header = http::read_proxy_header(header_);
  if (header.status == http::ProxyHeader::Status::error) {
    worker_.bench().lifecycle.on_counted(exchange::Counted::proxy_header_refused, 1);
    refuse(header.why);
    stream_.reset();
    return end();
  }
  const bool done = header.status == http::ProxyHeader::Status::done;
  const std::size_t taken = (done ? header.size : header_.size()) - known;
  if (stream_.try_read(std::span(buffer).first(taken)).size != taken) return end();
  if (!done) return wait_readable();
  if (!header.source.empty()) peer_ = std::move(header.source);
  arrival_.proxy_protocol = false;
  begin_tls();
  shake_hands();
}

// ---- TLS ---------------------------------------------------------------------------------------------------------

void Handshake::begin_tls() {
  stage_ = Stage::tls;
  stream_.start_tls(tls_->make(), TlsLayer::Side::server, tls_);
}

void Handshake::shake_hands() {
  switch (stream_.tls()->handshake()) {
    case TlsLayer::Step::want_read:
      return wait_readable();
    case TlsLayer::Step::want_write:
      return wait_writable();
    case TlsLayer::Step::failed:
      return on_failure();
    case TlsLayer::Step::done:
      return hand_over();
  }
}

/// The one place where a connection that speaks TLS becomes a session, of the protocol that was agreed on.
void Handshake::hand_over() {
  if (stream_.tls()->downgraded()) record(exchange::downgrade_by("alpn"));
  handed_over_ = true;
  Worker& worker = worker_;
  Stream stream = std::move(stream_);
  std::string peer = std::move(peer_);
  const Session::Arrival arrival = arrival_;
  delete this;
  if (stream.tls()->speaks_http2()) {
    const auto mode = http::H2Connection::Mode::translate;
    Http2Session::start(worker, std::move(stream), {std::move(peer), mode, true, arrival.refused}, {});
  } else {
    Session::start(worker, std::move(stream), peer, arrival);
  }
}

void Handshake::on_failure() {
  const TlsLayer& tls = *stream_.tls();
  if (tls.failure() == TlsLayer::Failure::silent) return end();  // Somebody looked whether the port is open.
  worker_.bench().lifecycle.on_counted(exchange::Counted::tls_refused, 1);
  refuse(tls.failure_text());
  if (tls.failure() == TlsLayer::Failure::gone) return end();
  if (tls.failure() == TlsLayer::Failure::plain_http) answer_in_the_clear();
  linger();
}

void Handshake::answer_in_the_clear() {
  ::send(stream_.fd(), kPlainAnswer.data(), kPlainAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Says so in the log. What the client is told OpenSSL has told it.
void Handshake::refuse(const char* why) {
  const bool gone = stream_.tls() != nullptr && stream_.tls()->failure() == TlsLayer::Failure::gone;
  exchange::LifecycleRecord refusal;
  refusal.reason = gone ? exchange::Reason::client_gone : exchange::Reason::protocol_error;
  refusal.closed_by = gone ? exchange::ClosedBy::client : exchange::ClosedBy::sidecar;
  refusal.detail = why;
  record(refusal);
}

void Handshake::record(exchange::LifecycleRecord record) {
  record.id = worker_.bench().next_id++;
  record.client = peer_;
  worker_.bench().lifecycle.on_record(record);
}

/// A close with unread bytes would be a reset, and a reset destroys what was said.
void Handshake::linger() {
  stage_ = Stage::lingering;
  due_ = worker_.now() + kLingerTime;
  worker_.schedule(*this, due_);
  ::shutdown(stream_.fd(), SHUT_WR);
  throw_away();
}

void Handshake::throw_away() {
  const std::span<char> buffer = worker_.receive_buffer();
  const IoResult::Status status = stream_.try_read_raw(buffer).status;
  if (status == IoResult::Status::moved || status == IoResult::Status::would_block) return wait_readable();
  end();
}

// ---- Waiting, and the end ----------------------------------------------------------------------------------------

void Handshake::wait_readable() {
  armed_ = true;
  stream_.wait_readable([this] {
    armed_ = false;
    closing_ ? end() : go_on();
  });
}

void Handshake::wait_writable() {
  armed_ = true;
  stream_.wait_writable([this] {
    armed_ = false;
    closing_ ? end() : go_on();
  });
}

void Handshake::end() {
  closing_ = true;
  unlink();
  stream_.close();
  if (!armed_) delete this;
}

}  // namespace sidecar::net
