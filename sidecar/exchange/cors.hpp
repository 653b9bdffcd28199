#pragma once

#include <string_view>
#include <vector>

#include "exchange/policy.hpp"
#include "http/head.hpp"
#include "http/message_sink.hpp"

/// Cross-origin reading (Fetch §3.2) on behalf of a backend that knows nothing of it. Where it sends
/// Access-Control-Allow-Origin itself, nothing is added.
namespace sidecar::exchange {

/// The page's origin where the policy allows it, as the value that says so: the origin itself, or `*`. Empty
/// otherwise. Lends from the arguments.
[[nodiscard]] std::string_view allowed_origin(const CorsPolicy& policy, http::Fields request);

/// What the head of an answer to a page of `allowed` gets. With an empty `allowed` only that answers differ by origin.
[[nodiscard]] std::vector<http::Field> cors_fields(const CorsPolicy& policy, std::string_view allowed);

/// Adds them to a head that was rewritten into `scratch`, unless the backend has decided.
void add_cors(const CorsPolicy& policy, std::string_view allowed, http::HeadScratch& scratch, http::ResponseHead& head);

/// The method that a preflight asks for; empty: it is none.
[[nodiscard]] std::string_view preflight_method(const http::RequestHead& head);

/// The whole answer to a preflight.
void write_preflight(const CorsPolicy& policy, std::string_view allowed, std::string_view method,
                     http::ResponseSink& sink);

}  // namespace sidecar::exchange
