#pragma once

#include <cstdint>
#include <string_view>

/// What the pure shore asks of the shell, and what the shell tells about connections.
namespace sidecar::exchange {

/// About the upstream connection. An attempt has a number, and everything that is said about a connection carries the
/// number of its attempt, so that late news of an old one is recognised.
struct UpstreamWish {
  enum class Kind : std::uint8_t {
    none,       ///< Keep what there is.
    pooled_ok,  ///< A connection is wanted, an idle one will do.
    fresh,      ///< A new connection is wanted, or the one that is held.
    release,    ///< The connection is free for another exchange.
    hold,       ///< It is free for the next exchange of this client, and of nobody else.
    close,      ///< It is not.
    abort,      ///< It is to be ended at once, whatever is under way.
  };
  std::uint32_t attempt = 0;
  Kind kind = Kind::none;

  bool operator==(const UpstreamWish&) const = default;
};

/// How an exchange ended for the client's connection.
enum class Ending : std::uint8_t {
  clean,      ///< The response is complete.
  truncated,  ///< It is not, and the client must be able to tell; what was delivered stays delivered.
  aborted,    ///< Nothing more can or shall be delivered.
};

/// What becomes of the client's connection.
enum class DownstreamManner : std::uint8_t {
  keep,               ///< Nothing changes.
  finish,             ///< FIN behind the last byte; then what still comes is read and thrown away for a while.
  abort_after_flush,  ///< A reset, but not before the client's kernel has every byte.
  close,              ///< At once; what was sent is delivered.
  abort,              ///< A reset at once.
  hand_over,          ///< It speaks HTTP/2: somebody else takes it, with all that was read so far.
};

/// Why no upstream connection came about.
enum class UpstreamFailure : std::uint8_t {
  refused,
  unreachable,
  unresolved,
  timed_out,
  exhausted,
  untrusted,  ///< It is not who it has to be.
  no_tls,     ///< It and we do not agree on TLS.
};

[[nodiscard]] constexpr std::string_view to_string(UpstreamFailure failure) {
  switch (failure) {
    case UpstreamFailure::refused:
      return "connection refused";
    case UpstreamFailure::unreachable:
      return "unreachable";
    case UpstreamFailure::unresolved:
      return "name not resolved";
    case UpstreamFailure::timed_out:
      return "connect timeout";
    case UpstreamFailure::exhausted:
      return "no file descriptor left";
    case UpstreamFailure::untrusted:
      return "certificate not trusted";
    case UpstreamFailure::no_tls:
      return "TLS handshake failed";
  }
  return "unknown";
}

/// How an upstream connection ended before its response did.
enum class UpstreamBreak : std::uint8_t {
  eof,        ///< FIN.
  reset,      ///< An error of the connection.
  malformed,  ///< What came is no response.
};

/// Who connected. Views live as long as the session.
struct Peer {
  std::string_view text;  ///< Printable, with port: "192.0.2.7:51412", "[2001:db8::1]:80", "unix".
  bool tls = false;
};

}  // namespace sidecar::exchange
