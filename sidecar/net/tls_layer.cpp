#include "net/tls_layer.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace sidecar::net {

namespace {

constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

/// Messages of TLS itself (new keys, new tickets) that a peer may send between two pieces of data. Each costs more than
/// it is long, and an endless row of them would keep a worker busy for one connection.
constexpr std::uint8_t kMessagesMax = 64;

/// Where small pieces become one record; a worker is a thread.
thread_local std::array<char, kRecordBytes> scratch;

/// A text that lives for ever. There are only as many as OpenSSL has.
const char* for_ever(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> texts;
  const std::lock_guard lock(mutex);
  return texts.insert(text).first->c_str();
}

/// What OpenSSL complains about, or the peer.
const char* error_text() {
  const unsigned long error = ERR_peek_error();
  const bool alert = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
  return for_ever(std::string(alert ? "TLS: the peer says: " : "TLS: ") + take_openssl_error());
}

}  // namespace

/// Walks over pieces.
class TlsLayer::Cursor {
 public:
  explicit Cursor(std::span<const iovec> pieces) : pieces_(pieces) {
    for (const iovec& piece : pieces) left_ += piece.iov_len;
  }

  [[nodiscard]] std::size_t left() const { return left_; }

  /// The next `size` bytes in one piece: where they lie, or in the scratch.
  [[nodiscard]] std::span<const char> look(std::size_t size) {
    while (pieces_.front().iov_len == at_) next();
    if (pieces_.front().iov_len - at_ >= size) return {front() + at_, size};
    std::size_t copied = 0;
    std::size_t begin = at_;
    for (const iovec& piece : pieces_) {
      const std::size_t part = std::min(piece.iov_len - begin, size - copied);
      if (part > 0) std::memcpy(scratch.data() + copied, static_cast<const char*>(piece.iov_base) + begin, part);
      copied += part;
      begin = 0;
      if (copied == size) break;
    }
    return {scratch.data(), size};
  }

  void skip(std::size_t size) {
    left_ -= size;
    while (size > 0) {
      const std::size_t part = std::min(pieces_.front().iov_len - at_, size);
      at_ += part;
      size -= part;
      if (size > 0) next();
    }
  }

 private:
  [[nodiscard]] const char* front() const { return static_cast<const char*>(pieces_.front().iov_base); }
  void next() {
    pieces_ = pieces_.subspan(1);
    at_ = 0;
  }

  std::span<const iovec> pieces_;
  std::size_t at_ = 0;
  std::size_t left_ = 0;
};

TlsLayer::TlsLayer(OpenSslPtr<SSL> ssl, int fd, Side side, std::shared_ptr<const void> owner)
    : owner_(std::move(owner)), ssl_(std::move(ssl)) {
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_fd(ssl_.get(), fd);
  if (side == Side::server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

TlsLayer& TlsLayer::of(const SSL* ssl) {
  return *static_cast<TlsLayer*>(SSL_get_app_data(ssl));
}

void TlsLayer::watch(SSL_CTX& context) {
  SSL_CTX_set_msg_callback(&context, [](int written, int, int type, const void*, std::size_t, SSL* ssl, void*) {
    if (written == 0 && type == SSL3_RT_HANDSHAKE) of(ssl).note_message();
  });
}

void TlsLayer::note_message() {
  if (!established_ || ++messages_ <= kMessagesMax) return;
  // OpenSSL stops reading where the peer has ended.
  dead_ = true;
  SSL_set_shutdown(ssl_.get(), SSL_RECEIVED_SHUTDOWN);
}

// ---- The handshake -----------------------------------------------------------------------------------------------

TlsLayer::Step TlsLayer::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_ = true;
    reads_when_ = has_more() ? When::now : When::readable;
    return Step::done;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      reads_when_ = When::readable;
      return Step::want_read;
    case SSL_ERROR_WANT_WRITE:
      writes_when_ = When::writable;
      return Step::want_write;
    default:
      note_failure(result);
      return Step::failed;
  }
}

void TlsLayer::note_failure(int result) {
  dead_ = true;
  const int kind = SSL_get_error(ssl_.get(), result);
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  const bool left = kind != SSL_ERROR_SSL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (left) {
    failure_ = has_heard() ? Failure::gone : Failure::silent;
    failure_text_ = "the connection ended in the middle of the TLS handshake";
  } else if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST) {
    failure_ = Failure::plain_http;
    failure_text_ = "plain HTTP where TLS is spoken";
  } else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    failure_ = Failure::untrusted;
    const char* verdict = X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
    failure_text_ = for_ever(std::string("TLS: certificate: ") + verdict);
  } else {
    failure_ = reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ? Failure::untrusted : Failure::refused;
    failure_text_ = error_text();
  }
  ERR_clear_error();
}

bool TlsLayer::speaks_http2() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

// ---- Bytes -------------------------------------------------------------------------------------------------------

/// Told once behind what was read before it, and again whenever somebody asks.
IoResult TlsLayer::end_with(IoResult::Status status) {
  ended_ = status;
  reads_when_ = When::now;
  return {status, 0};
}

IoResult TlsLayer::read(std::span<char> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const IoResult result = read_one(buffer.subspan(size));
    if (result.status != IoResult::Status::moved) return size > 0 ? IoResult{IoResult::Status::moved, size} : result;
    size += result.size;
    if (reads_when_ != When::now) break;
  }
  return {IoResult::Status::moved, size};
}

IoResult TlsLayer::read_one(std::span<char> buffer) {
  if (ended_) return {*ended_, 0};
  if (dead_) return end_with(IoResult::Status::failed);
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
  if (result == 1) {
    messages_ = 0;
    // Part of a record counts as well, once: the next attempt says that it is not enough.
    reads_when_ = has_more() ? When::now : When::readable;
    return {IoResult::Status::moved, size};
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      reads_when_ = When::readable;
      return {IoResult::Status::would_block, 0};
    case SSL_ERROR_WANT_WRITE:  // An answer of TLS itself has to go out first.
      reads_when_ = When::writable;
      return {IoResult::Status::would_block, 0};
    case SSL_ERROR_ZERO_RETURN:
      return end_with(dead_ ? IoResult::Status::failed : IoResult::Status::eof);
    default:
      dead_ = true;
      const bool fin = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
      if (!fin && ERR_peek_error() != 0) failure_text_ = error_text();
      ERR_clear_error();
      return end_with(fin ? IoResult::Status::truncated : IoResult::Status::failed);
  }
}

IoResult TlsLayer::writev(std::span<const iovec> pieces) {
  Cursor cursor(pieces);
  std::size_t moved = 0;
  IoResult::Status status = IoResult::Status::moved;
  while (cursor.left() > 0 && status == IoResult::Status::moved) {
    const std::size_t size = unwritten_ > 0 ? unwritten_ : std::min(kRecordBytes, cursor.left());
    if (size > cursor.left()) return {IoResult::Status::failed, 0};  // Not what was begun.
    status = write_record(cursor.look(size));
    if (status != IoResult::Status::moved) break;
    cursor.skip(size);
    moved += size;
  }
  return moved > 0 ? IoResult{IoResult::Status::moved, moved} : IoResult{status, 0};
}

IoResult::Status TlsLayer::write_record(std::span<const char> record) {
  if (dead_ || deaf_) return IoResult::Status::failed;
  ERR_clear_error();
  const std::uint64_t read_before = BIO_number_read(SSL_get_rbio(ssl_.get()));
  std::size_t size = 0;
  const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &size);
  if (BIO_number_read(SSL_get_rbio(ssl_.get())) != read_before) {
    reads_when_ = When::now;
    read_meanwhile_ = true;
  }
  if (result == 1) {
    unwritten_ = 0;
    writes_when_ = When::writable;
    return IoResult::Status::moved;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_WRITE:
      writes_when_ = When::writable;
      break;
    case SSL_ERROR_WANT_READ:  // A message of TLS itself that has come in part.
      writes_when_ = When::readable;
      break;
    case SSL_ERROR_SYSCALL:  // What the peer said before it stopped listening can still be read.
      deaf_ = true;
      ERR_clear_error();
      return IoResult::Status::failed;
    default:
      dead_ = true;
      ERR_clear_error();
      return IoResult::Status::failed;
  }
  unwritten_ = static_cast<std::uint16_t>(record.size());
  return IoResult::Status::would_block;
}

bool TlsLayer::quiet() {
  if (ended_ || dead_) return false;
  ERR_clear_error();
  for (;;) {
    char byte = 0;
    std::size_t size = 0;
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
    if (result == 1 || SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
      reads_when_ = When::now;
      return false;
    }
    // Perhaps a message of TLS itself was all that OpenSSL looked at.
    reads_when_ = When::readable;
    if (::recv(SSL_get_fd(ssl_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) return errno == EAGAIN;
  }
}

bool TlsLayer::try_shutdown() {
  // In the middle of a record there is no room for it, and no truth in it.
  if (shut_ || dead_ || deaf_ || !established_ || unwritten_ > 0) return true;
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  const bool blocked = result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE;
  if (blocked) writes_when_ = When::writable;
  shut_ = !blocked;
  ERR_clear_error();
  return shut_;
}

bool TlsLayer::take_read_meanwhile() {
  return std::exchange(read_meanwhile_, false);
}

}  // namespace sidecar::net
