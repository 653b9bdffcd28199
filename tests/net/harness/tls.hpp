#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/net/harness/connection.hpp"
#include "tests/net/harness/process.hpp"

/// Certificates of the tests' own, and the other ends of TLS connections.
namespace sidecar::nettest {

/// What a certificate says. Seconds from now.
struct Certificate {
  std::string name = "app.test";
  std::string alternatives = "DNS:app.test,IP:127.0.0.1";  ///< Empty: none.
  long begins = -3600;
  long ends = 86400;
  bool authority = false;
  bool rsa = false;
};

/// A key and its certificate, in PEM files.
struct Issued {
  std::string certificate;
  std::string key;
};

/// Signs certificates; its own is in ca().
class Authority {
 public:
  explicit Authority(const TemporaryFolder& folder, const std::string& name = "ca");

  [[nodiscard]] const std::string& ca() const { return own_.certificate; }
  /// As files `file`.crt and `file`.key.
  Issued issue(const std::string& file, const Certificate& certificate = {}) const;

 private:
  const TemporaryFolder& folder_;
  Issued own_;
};

/// One that nobody but itself vouches for.
Issued issue_self_signed(const TemporaryFolder& folder, const std::string& file, const Certificate& certificate = {});

/// One side of connections, as a test wants it. Everything else is set on context().
class TlsPeer {
 public:
  /// A client. `ca`: whom it believes; empty: anybody.
  [[nodiscard]] static TlsPeer client(const std::string& ca, std::string server_name = "app.test");
  [[nodiscard]] static TlsPeer server(const Issued& issued);

  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }
  /// Both ends of the range of versions.
  TlsPeer& version(int version);
  /// As a list: "h2,http/1.1".
  TlsPeer& offer(std::string_view protocols);
  TlsPeer& identify(const Issued& issued);

  /// One that is to be given to RawConnection::start_tls().
  [[nodiscard]] SSL* make() const;
  [[nodiscard]] RawConnection shake(RawConnection connection) const;

 private:
  explicit TlsPeer(const SSL_METHOD* method);

  std::shared_ptr<SSL_CTX> context_;
  std::string server_name_;
};

[[nodiscard]] std::string alpn_of(const RawConnection& connection);
/// The common name in what the peer showed.
[[nodiscard]] std::string peer_name_of(const RawConnection& connection);

}  // namespace sidecar::nettest
