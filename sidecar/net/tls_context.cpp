#include "net/tls_context.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/report.hpp"
#include "net/tls_layer.hpp"

namespace sidecar::net {

namespace {

/// Of TLS 1.2; those of 1.3 are all good. Forward secrecy and authenticated encryption, nothing else.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// As ALPN writes them (RFC 7301 §3.1): a length, then the name.
constexpr std::string_view kHttp11 = "\x08http/1.1";
constexpr std::string_view kHttp2 = "\x02h2";
constexpr std::string_view kHttp2And11 = "\x02h2\x08http/1.1";

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

OpenSslPtr<SSL_CTX> make_context(const SSL_METHOD* method) {
  OpenSslPtr<SSL_CTX> context(SSL_CTX_new(method));
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), kCiphers);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A connection that is quiet holds no buffers; records that carry nothing for us come back to the loop.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context.get(), 1);  // A record is one recv instead of two.
  TlsLayer::watch(*context);
  return context;
}

OpenSslPtr<SSL> make_connection(SSL_CTX* context) {
  OpenSslPtr<SSL> ssl(SSL_new(context));
  if (!ssl) throw std::bad_alloc();
  return ssl;
}

/// True when the certificate is one for `name`.
bool is_for(const Identity& identity, std::string_view name, unsigned int flags) {
  return X509_check_host(identity.certificate.get(), name.data(), name.size(),
                         flags | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

/// Trusts the certificates of `file`, whether they are at the root of anything or not.
bool trust(SSL_CTX* context, const std::string& file, FileReport& report) {
  const std::vector<OpenSslPtr<X509>> authorities = read_certificates(file, report);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& authority : authorities) X509_STORE_add_cert(store, authority.get());
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return !authorities.empty();
}

/// The same for a context or for one connection.
template <class Use, class Target>
bool use(Use use_it, Target* target, const Identity& identity) {
  return use_it(target, identity.certificate.get(), identity.key.get(), identity.chain.get(), 0) == 1;
}

std::string from_environment(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

std::string system_bundle() {
  return from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}

/// Not whether they are good for anything: OpenSSL looks into the folder when it needs to.
bool has_system_authorities() {
  std::error_code ignored;
  const std::string folder = from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  return std::filesystem::exists(system_bundle(), ignored) ||
         std::filesystem::directory_iterator(folder, ignored) != std::filesystem::directory_iterator();
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

}  // namespace

// ---- Listeners ---------------------------------------------------------------------------------------------------

std::shared_ptr<const TlsServer> TlsServer::load(const config::Listener& listener, FileReport& report) {
  const std::shared_ptr<TlsServer> server(new TlsServer);
  const std::size_t problems = report.problems.size();
  server->context_ = make_context(TLS_server_method());
  server->handshake_timeout_ = listener.tls->handshake_timeout;
  const bool translate = listener.http2 == config::Http2::translate;
  server->protocols_ = translate ? kHttp2And11 : kHttp11;
  SSL_CTX* context = server->context_.get();
  // Tickets carry everything that a resumption needs, and only this context opens them: who came in by another
  // configuration shows its certificate anew.
  seal_tickets(*context, server->ticket_keys_);
  // One for each handshake, not two: a second one costs a sixteenth of it, and who comes back gets the next one.
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, std::chrono::seconds(kTicketLife).count());
  static constexpr std::string_view kSessionContext = "sse-sidecar";
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context, bytes_of(kSessionContext), kSessionContext.size());
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, server.get());
  server->use_identities(*listener.tls, report);
  if (!listener.tls->client_ca.empty()) server->verify_clients(listener.tls->client_ca, report);
  return report.problems.size() == problems ? server : nullptr;
}

OpenSslPtr<SSL> TlsServer::make() const {
  return make_connection(context_.get());
}

void TlsServer::use_identities(const config::ListenerTls& tls, FileReport& report) {
  for (const config::CertificateFiles& files : tls.certificates) {
    Identity identity = read_identity(files.certificate, files.key, report);
    if (!report.problems.empty()) continue;
    // Tried even where the choice is made later: what OpenSSL does not want is to be said now.
    const OpenSslPtr<SSL> trial = make();
    SSL_certs_clear(trial.get());
    if (!use(SSL_use_cert_and_key, trial.get(), identity)) {
      report.problems.push_back({files.certificate, std::string("cannot be used: ") + take_openssl_error()});
    } else if (identities_.empty()) {
      use(SSL_CTX_use_cert_and_key, context_.get(), identity);
    }
    identities_.push_back(std::move(identity));
  }
  if (identities_.size() > 1) SSL_CTX_set_cert_cb(context_.get(), choose_identity, this);
}

void TlsServer::verify_clients(const std::string& ca, FileReport& report) {
  if (!trust(context_.get(), ca, report)) return;
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_client_CA_list(context_.get(), SSL_load_client_CA_file(ca.c_str()));
}

/// A client that does not say what it speaks speaks HTTP/1.1; one that says it does not is told so (RFC 7301 §3.2).
int TlsServer::choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                               unsigned int in_size, void* self) {
  const std::string& ours = static_cast<const TlsServer*>(self)->protocols_;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, bytes_of(ours), static_cast<unsigned int>(ours.size()), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  const std::string_view taken(reinterpret_cast<const char*>(chosen), *out_size);
  unsigned char* other = nullptr;
  unsigned char size = 0;
  const bool http2 =
      SSL_select_next_proto(&other, &size, bytes_of(kHttp2), kHttp2.size(), in, in_size) == OPENSSL_NPN_NEGOTIATED;
  if (http2 && taken != "h2") TlsLayer::of(ssl).note_downgrade();
  return SSL_TLSEXT_ERR_OK;
}

/// Those for the name that the client asks for, one of each kind of key: an exact one, or else one with a wildcard, or
/// else the first of the list.
int TlsServer::choose_identity(SSL* ssl, void* self) {
  const auto& identities = static_cast<const TlsServer*>(self)->identities_;
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return 1;
  for (const unsigned int flags : {unsigned{X509_CHECK_FLAG_NO_WILDCARDS}, 0U}) {
    const auto fits = [&](const Identity& identity) { return is_for(identity, asked, flags); };
    if (std::none_of(identities.begin(), identities.end(), fits)) continue;
    SSL_certs_clear(ssl);
    for (const Identity& identity : identities) {
      if (fits(identity)) use(SSL_use_cert_and_key, ssl, identity);
    }
    ERR_clear_error();  // A second one of the same kind.
    return 1;
  }
  return 1;
}

// ---- Upstreams ---------------------------------------------------------------------------------------------------

X509_STORE* SystemAuthorities::store(FileReport& report) {
  if (store_) return store_.get();
  store_.reset(X509_STORE_new());
  X509_STORE_set_default_paths(store_.get());
  ERR_clear_error();
  if (!has_system_authorities()) {
    report.warnings.emplace_back(
        "this system has no certificate authorities (the package ca-certificates): no https upstream without a 'ca' of "
        "its own will be believed");
  }
  return store_.get();
}

std::shared_ptr<const TlsClient> TlsClient::load(const exchange::UpstreamPolicy& upstream,
                                                 SystemAuthorities& authorities, FileReport& report) {
  const std::shared_ptr<TlsClient> client(new TlsClient);
  const std::size_t problems = report.problems.size();
  const exchange::UpstreamTls& tls = upstream.tls;
  client->context_ = make_context(TLS_client_method());
  client->name_ = tls.server_name.empty() ? upstream.address.host : tls.server_name;
  client->name_is_address_ = is_address(client->name_);
  SSL_CTX* context = client->context_.get();
  SSL_CTX_set_app_data(context, client.get());
  SSL_CTX_set_alpn_protos(context, bytes_of(kHttp11), kHttp11.size());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  if (tls.verify) client->verify_server(tls, authorities, report);
  if (!tls.certificate.empty()) client->use_identity(tls, report);
  client->digest_ = digest_of({tls.ca.empty() && tls.verify ? system_bundle() : tls.ca, tls.certificate, tls.key});
  return report.problems.size() == problems ? client : nullptr;
}

void TlsClient::verify_server(const exchange::UpstreamTls& tls, SystemAuthorities& authorities, FileReport& report) {
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  if (tls.ca.empty()) {
    SSL_CTX_set1_cert_store(context_.get(), authorities.store(report));
  } else {
    static_cast<void>(trust(context_.get(), tls.ca, report));
  }
}

void TlsClient::use_identity(const exchange::UpstreamTls& tls, FileReport& report) {
  const std::size_t problems = report.problems.size();
  const Identity identity = read_identity(tls.certificate, tls.key, report);
  if (report.problems.size() != problems) return;
  if (!use(SSL_CTX_use_cert_and_key, context_.get(), identity)) {
    report.problems.push_back({tls.certificate, std::string("cannot be used: ") + take_openssl_error()});
  }
}

OpenSslPtr<SSL> TlsClient::make() const {
  OpenSslPtr<SSL> ssl = make_connection(context_.get());
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (name_is_address_) {
    X509_VERIFY_PARAM_set1_ip_asc(param, name_.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(param, name_.c_str(), name_.size());
    // SNI; never an address (RFC 6066 §3).
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name_.c_str()));
  }
  const std::lock_guard lock(mutex_);
  if (session_) SSL_set_session(ssl.get(), OpenSslPtr<SSL_SESSION>(SSL_SESSION_dup(session_.get())).get());
  return ssl;
}

/// Copies on the way in and out: the connections of all workers share what is kept.
int TlsClient::keep_session(SSL* ssl, SSL_SESSION* session) {
  const auto* self = static_cast<const TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (SSL_SESSION_is_resumable(session) == 0) return 0;
  const std::lock_guard lock(self->mutex_);
  self->session_.reset(SSL_SESSION_dup(session));
  return 0;
}

// ---- All of it ---------------------------------------------------------------------------------------------------

namespace {

/// Which key of the configuration named `file`.
std::string key_of(const std::string& file, const config::ListenerTls& tls) {
  for (std::size_t i = 0; i < tls.certificates.size(); ++i) {
    const std::string element = config::element_path("certificates", i);
    if (tls.certificates[i].certificate == file) return element + ".certificate";
    if (tls.certificates[i].key == file) return element + ".key";
  }
  return "client_ca";
}

std::string key_of(const std::string& file, const exchange::UpstreamTls& tls) {
  if (tls.ca == file) return "ca";
  return tls.key == file ? "key" : "certificate";
}

template <class Tls>
void take_problems(FileReport& report, const std::string& path, const Tls& tls, TlsContexts& contexts) {
  for (const FileProblem& problem : report.problems) {
    contexts.problems.push_back({path + ".tls." + key_of(problem.file, tls), problem.file + " " + problem.why});
  }
  contexts.warnings.insert(contexts.warnings.end(), report.warnings.begin(), report.warnings.end());
  report = {};
}

}  // namespace

TlsContexts load_tls(const config::Config& config) {
  TlsContexts contexts;
  FileReport report;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    contexts.listeners.push_back(listener.tls ? TlsServer::load(listener, report) : nullptr);
    if (listener.tls) take_problems(report, config::element_path("listeners", i), *listener.tls, contexts);
  }
  SystemAuthorities authorities;
  for (const exchange::UpstreamPolicy& upstream : config.policies.upstreams) {
    const bool tls = upstream.address.tls;
    contexts.upstreams.push_back(tls ? TlsClient::load(upstream, authorities, report) : nullptr);
    if (tls) take_problems(report, config::member_path("upstreams", upstream.name), upstream.tls, contexts);
  }
  return contexts;
}

}  // namespace sidecar::net
