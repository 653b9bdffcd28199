#include "net/census.hpp"

#include <algorithm>
#include <array>

#include "exchange/client_address.hpp"

namespace sidecar::net {

namespace {

/// Spellings of one address are one client, and so is an IPv6 network of 64 bits: that is what one customer gets.
std::string key_of(std::string_view client) {
  static constexpr std::size_t kNetwork = 8;
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto address = exchange::parse_ip(client);
  if (!address) return std::string(client);
  const bool v4 = std::equal(kMapped.begin(), kMapped.end(), address->begin());
  return {address->begin(), address->begin() + (v4 ? address->size() : kNetwork)};
}

}  // namespace

Census::Admission Census::enter_connection(std::size_t connections_max) {
  const std::size_t others = connections_.fetch_add(1, std::memory_order_relaxed);
  if (others < connections_max) return Admission::admitted;
  if (others < connections_max + kRefusedMax) return Admission::refused;
  leave_connection();
  return Admission::full;
}

void Census::leave_connection() {
  connections_.fetch_sub(1, std::memory_order_relaxed);
}

exchange::StreamGate::Verdict Census::enter(std::string_view client, const exchange::Limits& limits) {
  const std::size_t others = streams_.fetch_add(1, std::memory_order_relaxed);
  if (limits.streams && others >= *limits.streams) {
    streams_.fetch_sub(1, std::memory_order_relaxed);
    return Verdict::too_many;
  }
  if (!limits.streams_per_client) return Verdict::admitted;
  const std::lock_guard lock(mutex_);
  const auto own = streams_of_.try_emplace(key_of(client), 0).first;
  if (own->second < *limits.streams_per_client) {
    ++own->second;
    return Verdict::admitted;
  }
  if (own->second == 0) streams_of_.erase(own);
  streams_.fetch_sub(1, std::memory_order_relaxed);
  return Verdict::too_many_of_client;
}

void Census::leave(std::string_view client, const exchange::Limits& limits) {
  streams_.fetch_sub(1, std::memory_order_relaxed);
  if (!limits.streams_per_client) return;
  const std::lock_guard lock(mutex_);
  const auto own = streams_of_.find(key_of(client));
  if (own != streams_of_.end() && --own->second == 0) streams_of_.erase(own);
}

}  // namespace sidecar::net
