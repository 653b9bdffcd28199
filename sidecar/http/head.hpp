#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/arena.hpp"

namespace sidecar::http {

/// One field line: views into received bytes, policy strings or an arena. Names keep the case they came in.
struct Field {
  std::string_view name;
  std::string_view value;

  bool operator==(const Field&) const = default;
};

using Fields = std::span<const Field>;

enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// A request's head (RFC 9112 §3). All views are lent: they are valid for the call that hands the head out.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< As received, nothing decoded.
  Version version = Version::http_1_1;
  Fields fields;
};

/// A response's head (RFC 9112 §4). All views are lent, like those of RequestHead.
struct ResponseHead {
  int status = 0;
  std::string_view reason;
  Version version = Version::http_1_1;
  Fields fields;
};

/// Why a message is refused: the status to answer with, and a few words for a person. Status 0: it is not refused.
struct Refusal {
  int status = 0;
  const char* why = "";

  [[nodiscard]] explicit operator bool() const { return status != 0; }
};

/// How long a body is, as far as the receiver of the head can know (RFC 9110 §6.4).
struct BodySize {
  enum class Kind : std::uint8_t {
    none,     ///< No body follows; a Content-Length among the fields describes what a GET would have got.
    length,   ///< Exactly `length` bytes.
    unknown,  ///< The framing tells the end.
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;

  bool operator==(const BodySize&) const = default;
};

/// Per worker: where one head at a time is laid out. Reused for every head, so that a head costs no allocation.
struct HeadScratch {
  std::vector<Field> parsed;              ///< Fields as they came.
  std::vector<Field> rewritten;           ///< Fields as they go on.
  std::vector<std::string_view> options;  ///< What Connection names.
  std::string normalised;                 ///< A tolerated head in strict spelling, when it did not come so.
  std::string upgrade;                    ///< The protocols of an Upgrade offer that may go on.
  std::string composed;  ///< Values composed of several parts. Reserved once; views into it stay valid.
  Arena encoded;         ///< A head in the bytes that go on.
};

}  // namespace sidecar::http
