#pragma once

#include <cstddef>

namespace sidecar::net {

/// What an attempt to move bytes came to.
struct IoResult {
  enum class Status : unsigned char {
    moved,        ///< `size` bytes, at least one.
    would_block,  ///< None now.
    eof,          ///< The peer's FIN, or TLS's own end (reading only).
    truncated,    ///< A FIN without TLS's own end: it may be anybody's (reading only).
    failed,       ///< The connection is gone.
  };
  Status status = Status::would_block;
  std::size_t size = 0;
};

}  // namespace sidecar::net
