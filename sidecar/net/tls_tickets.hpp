#pragma once

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <mutex>
#include <optional>

#include "exchange/clock.hpp"

/// What the tickets of a listener are sealed with (RFC 8446 §4.6.1, RFC 5077 §4). OpenSSL would keep the keys that it
/// made for a context as long as there is one: whoever reads them then opens all that was recorded of TLS 1.2 since.
namespace sidecar::net {

using exchange::TimePoint;

struct TicketKey {
  static constexpr std::size_t kNameBytes = 16;
  static constexpr std::size_t kSecretBytes = 32;

  std::array<unsigned char, kNameBytes> name{};
  std::array<unsigned char, kSecretBytes> cipher{};  ///< AES-256.
  std::array<unsigned char, kSecretBytes> mac{};     ///< HMAC-SHA-256.

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();
};

/// The newest key seals for as long as a ticket is good, then the next one does; the one before opens what it sealed as
/// long as that is good. So none is older than twice that when it is used. All workers share it.
class TicketKeys {
 public:
  explicit TicketKeys(std::chrono::seconds ticket_life) : life_(ticket_life) {}

  struct Found {
    TicketKey key;
    bool newest = false;
  };

  /// What to seal with. nullopt: there is no randomness to be had.
  [[nodiscard]] std::optional<TicketKey> newest(TimePoint now);
  /// What opens a ticket that names its key so; nullopt: it is nobody's, or too old.
  [[nodiscard]] std::optional<Found> find(const unsigned char* name, TimePoint now);

 private:
  struct Aged {
    TicketKey key;
    TimePoint made;
  };
  [[nodiscard]] bool is_fresh(TimePoint now) const { return newest_ && now - newest_->made < life_; }
  void forget(TimePoint now);

  std::chrono::seconds life_;
  std::mutex mutex_;
  std::optional<Aged> newest_;
  std::optional<Aged> before_;
};

/// All tickets of `context` are sealed with `keys`, which outlive it.
void seal_tickets(SSL_CTX& context, TicketKeys& keys);

}  // namespace sidecar::net
