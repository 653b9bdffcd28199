#pragma once

#include <string_view>

#include "http/head.hpp"
#include "http/output.hpp"

/// A message on its way out, behind its start line, in either direction (RFC 9112 §5, §7.1).
namespace sidecar::http {

/// Fields, one line each.
void write_fields(Fields fields, Output& out);

/// A piece of a body, lent to `out`; as one chunk where the body is `chunked`. Nothing for an empty piece: an empty
/// chunk would end the body.
void write_body(std::string_view bytes, bool chunked, Output& out);

/// The end of a body that is `chunked`, with its trailers. Other bodies end by themselves.
void write_body_end(Fields trailers, bool chunked, Output& out);

}  // namespace sidecar::http
