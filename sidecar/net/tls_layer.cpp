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

/// What OpenSSL says of a call begins with it. To look costs a tenth of clearing what is clear.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

/// Where small pieces become one record; a worker is a thread.
thread_local std::array<char, kRecordBytes> scratch;

/// A record, and answers of TLS itself that a peer asks for without taking them.
constexpr std::size_t kUnsentMax = 64 * 1024;

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

// ---- What OpenSSL reads and writes ---------------------------------------------------------------------------------

/// OpenSSL cannot answer a message of TLS itself while a record waits half written, so none does: what the kernel does
/// not take is kept here, and no data is added to it.
class TlsLayer::Socket {
 public:
  static BIO* make(TlsLayer& layer) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sse-sidecar");
      BIO_meth_set_read_ex(made, read);
      BIO_meth_set_write_ex(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, &layer);
    BIO_set_init(bio, 1);
    return bio;
  }

 private:
  static int read(BIO* bio, char* buffer, std::size_t size, std::size_t* got) {
    TlsLayer& layer = *static_cast<TlsLayer*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const ssize_t result = layer.receive(buffer, size, 0);
    if (result > 0) {
      *got = static_cast<std::size_t>(result);
      return 1;
    }
    if (result == 0) {
      BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      BIO_set_retry_read(bio);
    }
    return 0;
  }

  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
    TlsLayer& layer = *static_cast<TlsLayer*>(BIO_get_data(bio));
    *written = size;
    std::string_view rest(bytes, size);
    const bool waits = !layer.unsent_.empty();
    // A flight of the handshake goes out in one piece, by handshake().
    bool alive = waits || !layer.established_ || layer.send(rest);
    layer.unsent_.append(rest);
    if (waits && layer.established_) alive = layer.flush();
    return alive && layer.unsent_.size() <= kUnsentMax ? 1 : 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
};

/// recv(), with a word to the watch when that was all.
ssize_t TlsLayer::receive(char* buffer, std::size_t size, int flags) {
  for (;;) {
    const ssize_t result = ::recv(watch_.fd(), buffer, size, flags);
    if (result < 0 && errno == EINTR) continue;
    const bool part = result > 0 && static_cast<std::size_t>(result) < size && (flags & MSG_PEEK) == 0;
    const bool nothing = result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (nothing || (part && !watch_.ended())) watch_.set_unreadable();
    return result;
  }
}

/// Takes off the front what the kernel takes. False: the connection is gone.
bool TlsLayer::send(std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(watch_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      watch_.set_unwritable();
      return true;
    } else if (errno == ENOBUFS) {
      return true;  // No event tells when that is over.
    } else if (errno != EINTR) {
      deaf_ = true;
      return false;
    }
  }
  return true;
}

/// False: the connection is gone.
bool TlsLayer::flush() {
  if (unsent_.empty()) return true;
  std::string_view left = unsent_;
  const bool alive = send(left);
  if (left.empty()) {
    std::string().swap(unsent_);
  } else {
    unsent_.erase(0, unsent_.size() - left.size());
  }
  return alive;
}

TlsLayer::TlsLayer(OpenSslPtr<SSL> ssl, EventLoop::Watch& watch, Side side, std::shared_ptr<const void> owner)
    : owner_(std::move(owner)), ssl_(std::move(ssl)), watch_(watch) {
  SSL_set_app_data(ssl_.get(), this);
  BIO* socket = Socket::make(*this);
  SSL_set_bio(ssl_.get(), socket, socket);
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
  const int result = established_ ? 1 : SSL_do_handshake(ssl_.get());
  const int error = SSL_get_error(ssl_.get(), result);
  const bool alive = flush();  // An alert as well.
  established_ = result == 1;
  if ((result != 1 && error != SSL_ERROR_WANT_READ) || !alive) {
    note_failure(error);
    return Step::failed;
  }
  if (!unsent_.empty()) return Step::want_write;
  reads_when_ = established_ && has_more() ? When::now : When::readable;
  return established_ ? Step::done : Step::want_read;
}

void TlsLayer::note_failure(int kind) {
  dead_ = true;
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
  IoResult result{IoResult::Status::moved, 0};
  std::size_t size = 0;
  do {
    result = read_one(buffer.subspan(size));
    size += result.size;
  } while (result.status == IoResult::Status::moved && reads_when_ == When::now && size < buffer.size());
  // Answers of TLS itself have to go out as well, and perhaps nobody else has anything to write.
  if (!flush() && !ended_) result = end_with(IoResult::Status::failed);
  if (reads_when_ == When::readable && !unsent_.empty() && unwritten_ == 0) reads_when_ = When::writable;
  return size > 0 ? IoResult{IoResult::Status::moved, size} : result;
}

IoResult TlsLayer::read_one(std::span<char> buffer) {
  if (ended_) return {*ended_, 0};
  if (dead_) return end_with(IoResult::Status::failed);
  forget_errors();
  std::size_t size = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
  if (result == 1) {
    messages_ = 0;
    // Part of a record counts as well, once: the next attempt says that it is not enough.
    reads_when_ = has_more() ? When::now : When::readable;
    return {IoResult::Status::moved, size};
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) {
    reads_when_ = When::readable;
    return {IoResult::Status::would_block, 0};
  }
  if (error == SSL_ERROR_ZERO_RETURN && !dead_) return end_with(IoResult::Status::eof);
  dead_ = true;
  const bool fin = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (!fin && ERR_peek_error() != 0) failure_text_ = error_text();
  ERR_clear_error();
  return end_with(fin ? IoResult::Status::truncated : IoResult::Status::failed);
}

IoResult TlsLayer::writev(std::span<const iovec> pieces) {
  if (dead_ || deaf_ || !flush()) return {IoResult::Status::failed, 0};
  writes_when_ = When::writable;
  if (!unsent_.empty()) return {IoResult::Status::would_block, 0};
  Cursor cursor(pieces);
  // What was offered before has gone out by now.
  std::size_t moved = std::exchange(unwritten_, std::uint16_t{0});
  if (moved > cursor.left()) return {IoResult::Status::failed, 0};
  cursor.skip(moved);
  while (cursor.left() > 0) {
    const std::size_t size = std::min(kRecordBytes, cursor.left());
    const IoResult::Status status = write_record(cursor.look(size));
    if (status == IoResult::Status::failed && moved == 0) return {status, 0};
    if (status != IoResult::Status::moved) break;
    if (!unsent_.empty()) {
      unwritten_ = static_cast<std::uint16_t>(size);
      break;
    }
    cursor.skip(size);
    moved += size;
  }
  return moved > 0 ? IoResult{IoResult::Status::moved, moved} : IoResult{IoResult::Status::would_block, 0};
}

IoResult::Status TlsLayer::write_record(std::span<const char> record) {
  forget_errors();
  const std::uint64_t read_before = BIO_number_read(SSL_get_rbio(ssl_.get()));
  std::size_t size = 0;
  const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &size);
  if (BIO_number_read(SSL_get_rbio(ssl_.get())) != read_before) {
    reads_when_ = When::now;
    read_meanwhile_ = true;
  }
  if (result == 1) return IoResult::Status::moved;
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) {
    writes_when_ = When::readable;  // A message of TLS itself has come in part.
    return IoResult::Status::would_block;
  }
  // Where only the socket failed, what the peer said before can still be read.
  dead_ = dead_ || !deaf_;
  ERR_clear_error();
  return IoResult::Status::failed;
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
    if (receive(&byte, 1, MSG_PEEK) < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
  }
}

bool TlsLayer::try_shutdown() {
  // Behind part of a record there is no truth in it.
  if (dead_ || deaf_ || !established_ || unwritten_ > 0) return true;
  if (!std::exchange(shut_, true)) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  return !flush() || unsent_.empty();
}

bool TlsLayer::take_read_meanwhile() {
  return std::exchange(read_meanwhile_, false);
}

}  // namespace sidecar::net
