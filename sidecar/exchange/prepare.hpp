#pragma once

#include <string>

#include "exchange/policy.hpp"
#include "exchange/wishes.hpp"
#include "http/framing.hpp"
#include "http/h1_upstream.hpp"
#include "http/head.hpp"
#include "sse/eligibility.hpp"

/// What a head means for an exchange: pure functions of the head and the policy.
namespace sidecar::exchange {

/// Repeating it does no harm (RFC 9110 §9.2.2).
[[nodiscard]] bool is_idempotent(std::string_view method);

/// May the request be sent twice? Idempotent, without a body, no upgrade. Only such a request goes out on a connection
/// that the backend may be closing this very moment, unless the operator knows better.
[[nodiscard]] bool is_repeatable(const http::RequestHead& head, const http::Framing& framing, bool upgrade);

/// Is Accept-Encoding to be taken out of this request? Also where the stream may be opened before the backend could
/// say that it is encoded.
[[nodiscard]] bool strips_accept_encoding(const EventStreamPolicy& policy, http::Fields fields);

struct PreparedRequest {
  bool pooled_ok = false;
  bool repeatable = false;  ///< It may be sent once more when a pooled connection turns out to be dead.
  bool upgrade_offered = false;
};

/// Appends the head that goes to the backend to `encoded`.
[[nodiscard]] PreparedRequest prepare_request(const http::RequestHead& head, const http::Framing& framing,
                                              const PolicySet& policies, const RoutePolicy& route, const Peer& peer,
                                              http::HeadScratch& scratch, std::string& encoded);

/// Whether, and how, the response is an event stream. `promised`: its head will go to the client, and a digest in it.
[[nodiscard]] sse::StreamKind stream_kind(const http::ResponseHead& head, const http::Framing& framing, bool to_head,
                                          bool promised, std::string& scratch);

}  // namespace sidecar::exchange
