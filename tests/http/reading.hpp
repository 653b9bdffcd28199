#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h1_downstream.hpp"
#include "http/h1_upstream.hpp"

/// Raw bytes to what a codec understood, for tables of raw-byte cases and for the fuzz targets. Every read lies in a
/// block of memory of its own that is gone with the next one: a view that outlives its call is found by a sanitizer.
namespace sidecar::test {

using FieldList = std::vector<std::pair<std::string, std::string>>;

struct RequestSeen {
  std::string method;
  std::string target;
  http::Version version = http::Version::http_1_1;
  FieldList fields;
  http::Framing framing;
  std::string body;
  FieldList trailers;
  bool complete = false;

  bool operator==(const RequestSeen&) const = default;
};

struct RequestsSeen {
  std::vector<RequestSeen> requests;
  int refused = 0;  ///< The status to answer with; 0: not refused.
  std::string why;
  std::string unread;  ///< What is left over, unless it was refused.
};

/// Reads up to `most` requests, each followed by its response at once.
[[nodiscard]] RequestsSeen read_requests(const std::vector<std::string_view>& reads,
                                         const http::HeadLimits& limits = {}, std::size_t most = 100);

struct ResponseSeen {
  int status = 0;
  std::string reason;
  http::Version version = http::Version::http_1_1;
  FieldList fields;
  http::Framing framing;
  std::string body;
  FieldList trailers;

  bool operator==(const ResponseSeen&) const = default;
};

struct ResponsesSeen {
  std::vector<ResponseSeen> heads;  ///< Those with 1xx, then the final one.
  bool ended = false;
  bool refused = false;
  std::string why;
  std::string unread;
  bool reusable = false;
  int keep_alive_timeout_s = -1;
};

enum class AtEnd : bool { open, eof };  ///< What the backend does behind its last byte.

/// Reads one response; behind a 101 everything is a tunnel.
[[nodiscard]] ResponsesSeen read_response(const std::vector<std::string_view>& reads, http::H1Upstream::Request request,
                                          AtEnd at_end, const http::HeadLimits& limits = {});

/// `POST /x 1.1 [Host: h] length 3 'abc' end`, each on a line; `refused 400`; `unread 'GET'`. The reasons stay out.
[[nodiscard]] std::string to_text(const RequestsSeen& seen);
/// `1.1 200 'OK' [A: b] length 3 'abc'`, each on a line; then `end`, `refused` or nothing; `unread 'x'`; `reusable`.
[[nodiscard]] std::string to_text(const ResponsesSeen& seen);

/// With CR and LF as `\r` and `\n`, other control bytes and those beyond ASCII in hex.
[[nodiscard]] std::string printable(std::string_view bytes);

[[nodiscard]] FieldList copy_of(http::Fields fields);
[[nodiscard]] std::string to_text(const FieldList& fields);
[[nodiscard]] std::string to_text(const http::Framing& framing);

/// The list as a codec takes it; it lends from `fields`.
[[nodiscard]] std::vector<http::Field> views_of(const FieldList& fields);

}  // namespace sidecar::test
