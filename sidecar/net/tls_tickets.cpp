#include "net/tls_tickets.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

namespace sidecar::net {

namespace {

std::optional<TicketKey> make_key() {
  TicketKey key;
  const bool made = RAND_bytes(key.name.data(), TicketKey::kNameBytes) == 1 &&
                    RAND_priv_bytes(key.cipher.data(), TicketKey::kSecretBytes) == 1 &&
                    RAND_priv_bytes(key.mac.data(), TicketKey::kSecretBytes) == 1;
  return made ? std::optional(key) : std::nullopt;
}

int ex_data_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool use_mac(EVP_MAC_CTX* mac, TicketKey& key) {
  static char digest[] = "sha256";
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

/// As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it: -1 is the end of the handshake, 0 a full handshake, 1 good,
/// 2 good and to be replaced by a newer one.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ex_data_index()));
  const TimePoint now = std::chrono::steady_clock::now();
  if (seal == 1) {
    std::optional<TicketKey> key = keys.newest(now);
    if (!key) return -1;
    std::copy(key->name.begin(), key->name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    const bool good =
        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1 && use_mac(mac, *key);
    return good ? 1 : -1;
  }
  std::optional<TicketKeys::Found> found = keys.find(name, now);
  if (!found) return 0;
  const bool good = use_mac(mac, found->key) &&
                    EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->key.cipher.data(), iv) == 1;
  if (!good) return -1;
  // A client of TLS 1.3 uses a ticket once (RFC 8446 §C.4), so a resumption brings the next one.
  return found->newest && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

std::optional<TicketKey> TicketKeys::newest(TimePoint now) {
  const std::lock_guard lock(mutex_);
  forget(now);
  if (!is_fresh(now)) {
    const std::optional<TicketKey> key = make_key();
    if (!key) return std::nullopt;
    before_ = newest_;
    newest_ = Aged{*key, now};
  }
  return newest_->key;
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char* name, TimePoint now) {
  const std::lock_guard lock(mutex_);
  forget(now);
  const auto named = [&](const std::optional<Aged>& aged) {
    return aged && std::equal(aged->key.name.begin(), aged->key.name.end(), name);
  };
  if (named(newest_)) return Found{newest_->key, is_fresh(now)};
  if (named(before_)) return Found{before_->key, false};
  return std::nullopt;
}

/// A key seals for one life, and its last ticket is good for another.
void TicketKeys::forget(TimePoint now) {
  for (std::optional<Aged>* aged : {&newest_, &before_}) {
    if (*aged && now - (*aged)->made >= 2 * life_) aged->reset();
  }
}

void seal_tickets(SSL_CTX& context, TicketKeys& keys) {
  SSL_CTX_set_ex_data(&context, ex_data_index(), &keys);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, on_ticket);
}

}  // namespace sidecar::net
