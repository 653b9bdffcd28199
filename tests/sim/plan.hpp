#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/random_stream.hpp"

namespace sidecar::test {

enum class BodyForm { none, length, chunked, until_close };

/// One request as a client means to send it.
struct PlannedRequest {
  std::string method;
  std::string wire;
  std::string body;
  bool version_1_0 = false;
  bool last = false;       ///< The connection is over behind its response.
  bool malformed = false;  ///< Head or body.
  bool upgrade = false;
  bool wants_stream = false;  ///< It can mean nothing but an event stream.
};

/// How a backend's answer ends.
enum class PlannedEnd {
  clean,      ///< As its framing says.
  cut,        ///< FIN in the middle.
  reset,      ///< RST in the middle.
  malformed,  ///< Bytes that are no HTTP in the middle.
  silent,     ///< Never: it waits for its client to go.
};

/// What a backend answers, whoever asks.
struct PlannedResponse {
  std::string wire;  ///< As far as it is sent.
  std::string body;  ///< What a client will have got when all of `wire` has passed.
  PlannedEnd end = PlannedEnd::clean;
  bool close = false;   ///< FIN behind a clean end.
  bool early = false;   ///< It does not wait for the request's body.
  bool stream = false;  ///< An event stream into which heartbeats may go.
  bool opaque = false;
  bool switches = false;
  bool head_passes = false;  ///< The final head is in `wire`.
  int status = 200;
};

[[nodiscard]] PlannedRequest plan_request(std::size_t number, bool last, Random& random);
[[nodiscard]] PlannedResponse plan_response(std::size_t number, const PlannedRequest& request, Random& random);

/// A text in pieces of 1 to about 40 bytes, now and then whole.
[[nodiscard]] std::vector<std::string> in_pieces(const std::string& text, Random& random);

}  // namespace sidecar::test
