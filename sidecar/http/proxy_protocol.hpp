#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The PROXY protocol, versions 1 and 2, on the accepting side (haproxy.org, proxy-protocol.txt §2): what a proxy says
/// about its client in front of the client's own bytes.
namespace sidecar::http {

/// Header and all: no more than `limits.pending_bytes` lets wait even at its smallest, and far more than anybody sends
/// (addresses, and extensions of a few hundred bytes at most).
inline constexpr std::size_t kProxyHeaderBytesMax = 4096;

/// What the first bytes of a connection say.
struct ProxyHeader {
  enum class Status : std::uint8_t {
    need_more,  ///< So far it may become a header.
    done,
    error,  ///< It will never be one, whatever follows.
  };
  Status status = Status::need_more;
  std::size_t size = 0;  ///< done: bytes of the header; what follows them is the client's.
  std::string source;    ///< done: the client, "192.0.2.7:51412" or "[2001:db8::1]:80"; empty: the socket's own peer.
  const char* why = "";  ///< error: a few words for a person. Static.
};

/// `bytes` is everything that has come since the connection was accepted. Strict: what is not exactly a header is an
/// error at the first byte that cannot belong to one. The caller must have been told to expect a header: it is never
/// guessed (§5).
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes);

}  // namespace sidecar::http
