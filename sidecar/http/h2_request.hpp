#pragma once

#include "http/framing.hpp"
#include "http/h2_field_list.hpp"
#include "http/head.hpp"
#include "http/head_parser.hpp"

/// Requests of HTTP/2 as the messages that the rest of the program knows (RFC 9113 §8.3.1). The judgement is the one
/// over HTTP/1.1: whatever passes here can be written as an HTTP/1.1 head without becoming another one.
namespace sidecar::http {

/// `ends`: no body follows. `:authority` becomes Host, the pieces of Cookie become one (§8.2.3). Without a refusal
/// `out` lends from `scratch.normalised` and `scratch.parsed`; with one it holds what was understood.
[[nodiscard]] Refusal to_request_head(H2FieldList& section, bool ends, const HeadLimits& limits, HeadScratch& scratch,
                                      RequestHead& out, Framing& framing);

/// The fields behind a body; `out` lends like a head.
[[nodiscard]] Refusal to_request_trailers(H2FieldList& section, const HeadLimits& limits, HeadScratch& scratch,
                                          Fields& out);

}  // namespace sidecar::http
