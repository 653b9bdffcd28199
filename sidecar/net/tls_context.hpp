#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/check.hpp"
#include "config/config.hpp"
#include "net/tls_files.hpp"
#include "net/tls_tickets.hpp"

/// TLS 1.2 and 1.3 for one listener or one upstream: built from files when a configuration is read, then immutable and
/// shared by all workers. A reload builds anew; connections keep what they were made from.
namespace sidecar::net {

/// Our side of a listener's connections.
class TlsServer {
 public:
  /// nullptr with problems.
  [[nodiscard]] static std::shared_ptr<const TlsServer> load(const config::Listener& listener, FileReport& report);

  /// One connection that waits for its client's first words. Throws std::bad_alloc.
  [[nodiscard]] OpenSslPtr<SSL> make() const;
  [[nodiscard]] std::chrono::milliseconds handshake_timeout() const { return handshake_timeout_; }

 private:
  /// How long who was here before need not show certificates again, on either side.
  static constexpr std::chrono::hours kTicketLife{2};

  TlsServer() = default;

  void use_identities(const config::ListenerTls& tls, FileReport& report);
  void verify_clients(const std::string& ca, FileReport& report);
  static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                             unsigned int in_size, void* self);
  static int choose_identity(SSL* ssl, void* self);

  TicketKeys ticket_keys_{kTicketLife};
  OpenSslPtr<SSL_CTX> context_;
  std::vector<Identity> identities_;
  std::string protocols_;  ///< What is offered, best first, as ALPN writes it.
  std::chrono::milliseconds handshake_timeout_{0};
};

/// The certificate authorities of the system, read once for all the upstreams that need them.
class SystemAuthorities {
 public:
  [[nodiscard]] X509_STORE* store(FileReport& report);

 private:
  OpenSslPtr<X509_STORE> store_;
};

/// Our side of the connections to an https upstream.
class TlsClient {
 public:
  /// nullptr with problems.
  [[nodiscard]] static std::shared_ptr<const TlsClient> load(const exchange::UpstreamPolicy& upstream,
                                                             SystemAuthorities& authorities, FileReport& report);

  /// One connection that will greet its server. It resumes where the last one left off, if the server lets it.
  /// Throws std::bad_alloc.
  [[nodiscard]] OpenSslPtr<SSL> make() const;
  /// Both were built from the same contents of the same files.
  [[nodiscard]] bool same_files(const TlsClient& other) const { return digest_ == other.digest_; }

 private:
  TlsClient() = default;

  void verify_server(const exchange::UpstreamTls& tls, SystemAuthorities& authorities, FileReport& report);
  void use_identity(const exchange::UpstreamTls& tls, FileReport& report);
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  OpenSslPtr<SSL_CTX> context_;
  std::string name_;  ///< In its certificate.
  bool name_is_address_ = false;
  std::string digest_;
  mutable std::mutex mutex_;
  mutable OpenSslPtr<SSL_SESSION> session_;  ///< The newest one that can be resumed.
};

/// Everything that a configuration says about TLS.
struct TlsContexts {
  std::vector<std::shared_ptr<const TlsServer>> listeners;  ///< As in Config::listeners; nullptr: plain.
  std::vector<std::shared_ptr<const TlsClient>> upstreams;  ///< As in PolicySet::upstreams; nullptr: plain.
  std::vector<config::Finding> problems;                    ///< Then the rest is worth nothing.
  std::vector<std::string> warnings;
};

/// Reads all files that `config` names.
[[nodiscard]] TlsContexts load_tls(const config::Config& config);

}  // namespace sidecar::net
