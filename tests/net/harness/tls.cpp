#include "tests/net/harness/tls.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace sidecar::nettest {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

void require(bool good, const char* what) {
  if (!good) throw Failure(std::string("OpenSSL: ") + what);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Owned<EVP_PKEY> load_key(const std::string& file) {
  const Owned<BIO> in(BIO_new_file(file.c_str(), "r"));
  return Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
}

Owned<X509> load_certificate(const std::string& file) {
  const Owned<BIO> in(BIO_new_file(file.c_str(), "r"));
  return Owned<X509>(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

Issued write(const TemporaryFolder& folder, const std::string& file, X509* certificate, EVP_PKEY* key) {
  const Issued issued{folder.path(file + ".crt"), folder.path(file + ".key")};
  const Owned<BIO> crt(BIO_new_file(issued.certificate.c_str(), "w"));
  require(PEM_write_bio_X509(crt.get(), certificate) == 1, "certificate");
  const Owned<BIO> out(BIO_new_file(issued.key.c_str(), "w"));
  require(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
  return issued;
}

/// Signed by `issuer`, or by itself.
Issued make(const TemporaryFolder& folder, const std::string& file, const Certificate& wanted, const Issued* issuer) {
  static std::atomic<long> serial{1};
  const Owned<EVP_PKEY> key(wanted.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  const Owned<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wanted.begins);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wanted.ends);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* text = reinterpret_cast<const unsigned char*>(wanted.name.c_str());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0);
  const Owned<X509> parent = issuer != nullptr ? load_certificate(issuer->certificate) : nullptr;
  const Owned<EVP_PKEY> signing = issuer != nullptr ? load_key(issuer->key) : nullptr;
  X509* signer = parent ? parent.get() : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  extend(certificate.get(), signer, NID_basic_constraints, wanted.authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!wanted.alternatives.empty()) extend(certificate.get(), signer, NID_subject_alt_name, wanted.alternatives);
  require(X509_sign(certificate.get(), signing ? signing.get() : key.get(), EVP_sha256()) > 0, "sign");
  return write(folder, file, certificate.get(), key.get());
}

std::string wire_format(std::string_view protocols) {
  std::string wire;
  while (!protocols.empty()) {
    const std::string_view one = protocols.substr(0, protocols.find(','));
    wire += static_cast<char>(one.size());
    wire += one;
    protocols.remove_prefix(std::min(one.size() + 1, protocols.size()));
  }
  return wire;
}

}  // namespace

Authority::Authority(const TemporaryFolder& folder, const std::string& name)
    : folder_(folder), own_(make(folder, name, {"CA " + name, "", -3600, 86400, true, false}, nullptr)) {}

Issued Authority::issue(const std::string& file, const Certificate& certificate) const {
  return make(folder_, file, certificate, &own_);
}

Issued issue_self_signed(const TemporaryFolder& folder, const std::string& file, const Certificate& certificate) {
  return make(folder, file, certificate, nullptr);
}

TlsPeer::TlsPeer(const SSL_METHOD* method) : context_(SSL_CTX_new(method), SSL_CTX_free) {
  ::signal(SIGPIPE, SIG_IGN);                     // SSL_write has no MSG_NOSIGNAL.
  SSL_CTX_set_security_level(context_.get(), 0);  // What is refused, the other side refuses.
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

TlsPeer TlsPeer::client(const std::string& ca, std::string server_name) {
  TlsPeer peer(TLS_client_method());
  peer.server_name_ = std::move(server_name);
  if (!ca.empty()) {
    require(SSL_CTX_load_verify_file(peer.context(), ca.c_str()) == 1, ca.c_str());
    SSL_CTX_set_verify(peer.context(), SSL_VERIFY_PEER, nullptr);
  }
  return peer;
}

TlsPeer TlsPeer::server(const Issued& issued) {
  TlsPeer peer(TLS_server_method());
  peer.identify(issued);
  return peer;
}

TlsPeer& TlsPeer::version(int version) {
  SSL_CTX_set_min_proto_version(context(), version);
  SSL_CTX_set_max_proto_version(context(), version);
  return *this;
}

TlsPeer& TlsPeer::offer(std::string_view protocols) {
  const std::string wire = wire_format(protocols);
  SSL_CTX_set_alpn_protos(context(), reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned int>(wire.size()));
  return *this;
}

TlsPeer& TlsPeer::identify(const Issued& issued) {
  require(SSL_CTX_use_certificate_chain_file(context(), issued.certificate.c_str()) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey_file(context(), issued.key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
  return *this;
}

SSL* TlsPeer::make() const {
  SSL* ssl = SSL_new(context());
  if (SSL_is_server(ssl) != 0) {
    SSL_set_accept_state(ssl);
    return ssl;
  }
  SSL_set_connect_state(ssl);
  if (server_name_.empty()) return ssl;
  SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(server_name_.c_str()));
  SSL_set1_host(ssl, server_name_.c_str());
  return ssl;
}

RawConnection TlsPeer::shake(RawConnection connection) const {
  connection.start_tls(make());
  return connection;
}

std::string alpn_of(const RawConnection& connection) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(connection.ssl(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string peer_name_of(const RawConnection& connection) {
  const Owned<X509> certificate(SSL_get1_peer_certificate(connection.ssl()));
  if (!certificate) return "";
  std::string text(256, '\0');
  const int size =
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text.data(), 256);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace sidecar::nettest
