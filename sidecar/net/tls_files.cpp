#include "net/tls_files.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace sidecar::net {

namespace {

/// More than any chain or bundle of authorities takes.
constexpr std::size_t kFileBytesMax = 4 * 1024 * 1024;

/// The text of a file; forgotten thoroughly, because it may be a key.
class FileText {
 public:
  explicit FileText(const std::string& path) {
    struct Close {
      void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
    if (!file) {
      error_ = errno;
      return;
    }
    std::array<char, 64 * 1024> piece{};
    for (std::size_t size = 1; size > 0 && text_.size() <= kFileBytesMax;) {
      size = std::fread(piece.data(), 1, piece.size(), file.get());
      // Growing by itself a string would leave copies behind.
      std::string longer;
      longer.reserve(text_.size() + size);
      longer.append(text_).append(piece.data(), size);
      forget();
      text_ = std::move(longer);
    }
    if (std::ferror(file.get()) != 0) error_ = errno;
    OPENSSL_cleanse(piece.data(), piece.size());
  }
  ~FileText() { forget(); }
  FileText(const FileText&) = delete;
  FileText& operator=(const FileText&) = delete;

  [[nodiscard]] const std::string& text() const { return text_; }
  /// Why it cannot be had; empty when it can.
  [[nodiscard]] std::string why() const {
    if (error_ != 0) return std::string("cannot be read: ") + std::strerror(error_);
    return text_.size() > kFileBytesMax ? "is too long" : "";
  }

 private:
  void forget() { OPENSSL_cleanse(text_.data(), text_.size()); }

  std::string text_;
  int error_ = 0;
};

OpenSslPtr<BIO> reader_of(const std::string& text) {
  return OpenSslPtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nobody can be asked for a password.
int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

/// The certificates of PEM text. Stops at the first that is none; `why` says so then.
std::vector<OpenSslPtr<X509>> parse_certificates(const std::string& text, std::string& why) {
  std::vector<OpenSslPtr<X509>> certificates;
  const OpenSslPtr<BIO> reader = reader_of(text);
  ERR_clear_error();
  bool asked = false;
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, no_password, &asked)) {
    certificates.emplace_back(certificate);
  }
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!end) {
    why = std::string("holds a certificate that cannot be read: ") + take_openssl_error();
  } else if (certificates.empty()) {
    why = "holds no certificate (PEM: -----BEGIN CERTIFICATE-----)";
  }
  ERR_clear_error();
  return certificates;
}

OpenSslPtr<EVP_PKEY> read_key(const std::string& file, FileReport& report) {
  const FileText read(file);
  std::string why = read.why();
  OpenSslPtr<EVP_PKEY> key;
  if (why.empty()) {
    const OpenSslPtr<BIO> reader = reader_of(read.text());
    ERR_clear_error();
    bool asked = false;
    key.reset(PEM_read_bio_PrivateKey(reader.get(), nullptr, no_password, &asked));
    const bool none = read.text().find("PRIVATE KEY-----") == std::string::npos;  // OpenSSL calls it unsupported.
    if (asked) {
      why = "is encrypted, and nobody is here to be asked for its password (openssl pkey -in ... writes it without)";
    } else if (!key && none) {
      why = "holds no private key (PEM: -----BEGIN PRIVATE KEY-----)";
    } else if (!key) {
      why = std::string("holds a private key that cannot be read: ") + take_openssl_error();
    }
    ERR_clear_error();
  }
  if (!why.empty()) report.problems.push_back({file, std::move(why)});
  return key;
}

std::string date_of(const ASN1_TIME* time) {
  const OpenSslPtr<BIO> out(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void warn_about_dates(const X509& certificate, const std::string& file, FileReport& report) {
  const ASN1_TIME* begin = X509_get0_notBefore(&certificate);
  const ASN1_TIME* end = X509_get0_notAfter(&certificate);
  if (X509_cmp_current_time(end) < 0) {
    report.warnings.push_back(file + ": the certificate expired on " + date_of(end));
  } else if (X509_cmp_current_time(begin) > 0) {
    report.warnings.push_back(file + ": the certificate is not valid before " + date_of(begin));
  }
}

}  // namespace

const char* take_openssl_error() {
  const unsigned long error = ERR_peek_error();
  const char* reason = ERR_reason_error_string(error);
  if (reason == nullptr && ERR_SYSTEM_ERROR(error)) reason = "a system call failed";
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

std::vector<OpenSslPtr<X509>> read_certificates(const std::string& file, FileReport& report) {
  const FileText read(file);
  std::string why = read.why();
  std::vector<OpenSslPtr<X509>> certificates;
  if (why.empty()) certificates = parse_certificates(read.text(), why);
  if (!why.empty()) {
    report.problems.push_back({file, std::move(why)});
    certificates.clear();
  }
  return certificates;
}

Identity read_identity(const std::string& certificate_file, const std::string& key_file, FileReport& report) {
  Identity identity;
  std::vector<OpenSslPtr<X509>> certificates = read_certificates(certificate_file, report);
  identity.key = read_key(key_file, report);
  if (certificates.empty()) return identity;
  identity.certificate = std::move(certificates.front());
  identity.chain.reset(sk_X509_new_null());
  for (std::size_t i = 1; i < certificates.size(); ++i) sk_X509_push(identity.chain.get(), certificates[i].release());
  if (identity.key && X509_check_private_key(identity.certificate.get(), identity.key.get()) != 1) {
    report.problems.push_back({key_file, "is not the key of the certificate in " + certificate_file});
  }
  ERR_clear_error();
  warn_about_dates(*identity.certificate, certificate_file, report);
  return identity;
}

std::string digest_of(const std::vector<std::string>& files) {
  std::string digests;
  for (const std::string& file : files) {
    const FileText read(file);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(read.text().data(), read.text().size(), digest.data(), &size, EVP_sha256(), nullptr);
    digests.append(reinterpret_cast<const char*>(digest.data()), size);
  }
  return digests;
}

}  // namespace sidecar::net
