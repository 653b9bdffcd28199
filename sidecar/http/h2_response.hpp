#pragma once

#include <string>
#include <vector>

#include "http/head.hpp"

/// What an exchange says, as fields of HTTP/2 (RFC 9113 §8.2, §8.3.2).
namespace sidecar::http {

/// `:status` and the fields of `head` in lower case, without those that belong to connections of HTTP/1.1. `length` is
/// the body's, if it is known; `describes`: no body follows, and Content-Length says what a GET would get. `out` lends
/// from `head` and from `text`.
void to_h2_response(const ResponseHead& head, const BodySize& size, bool describes, std::string& text,
                    std::vector<Field>& out);

/// Without what does not belong into a trailer section; `out` lends from `trailers` and from `text`.
void to_h2_trailers(Fields trailers, std::string& text, std::vector<Field>& out);

}  // namespace sidecar::http
