#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

/// PEM files as OpenSSL's objects. What is wrong with one is said in words that follow the file's name.
namespace sidecar::net {

struct OpenSslFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  void operator()(STACK_OF(X509) * certificates) const { sk_X509_pop_free(certificates, X509_free); }
};

template <class T>
using OpenSslPtr = std::unique_ptr<T, OpenSslFree>;

/// The reason of the first error that OpenSSL noted on this thread since it was last asked; the others are forgotten.
/// Static.
[[nodiscard]] const char* take_openssl_error();

/// A certificate with what proves it.
struct Identity {
  OpenSslPtr<X509> certificate;
  OpenSslPtr<STACK_OF(X509)> chain;  ///< Behind the certificate; may be empty.
  OpenSslPtr<EVP_PKEY> key;
};

/// What reading came to. `why` is empty when there is a value.
struct FileProblem {
  std::string file;
  std::string why;  ///< "cannot be read: Permission denied".
};

/// Collects what is said about files.
struct FileReport {
  std::vector<FileProblem> problems;
  std::vector<std::string> warnings;  ///< What can be lived with: an expired certificate.
};

/// The first certificate of `certificate_file`, those behind it as its chain, and the key. Its parts are empty where
/// problems were reported.
[[nodiscard]] Identity read_identity(const std::string& certificate_file, const std::string& key_file,
                                     FileReport& report);

/// All certificates of a file; at least one, or a problem.
[[nodiscard]] std::vector<OpenSslPtr<X509>> read_certificates(const std::string& file, FileReport& report);

/// SHA-256 of what the files hold now: two that differ are two files, whatever their names. A file that cannot be read
/// counts as empty.
[[nodiscard]] std::string digest_of(const std::vector<std::string>& files);

}  // namespace sidecar::net
