#include "sse/eligibility.hpp"

#include "http/fields.hpp"
#include "sse/media_type.hpp"

namespace sidecar::sse {
namespace {

/// Whether a response has a body that a client would read as events. RFC 9110 §6.4.1, §15.3.5, §15.3.6 and §15.4.5
/// allow none for HEAD, 204, 205 and 304; a 206 is a part by byte offsets, which an insertion would shift; what is not
/// 2xx is an error page or a redirect, whatever its type says.
bool carries_events(const ResponseFacts& facts) {
  if (facts.head_request) return false;
  if (facts.status < 200 || facts.status > 299) return false;
  return facts.status != 204 && facts.status != 205 && facts.status != 206;
}

bool encodes_nothing(std::string_view list) {
  http::ListWalker codings(list);
  while (const auto coding = codings.next()) {
    if (!http::iequals(*coding, "identity")) return false;
  }
  return true;
}

}  // namespace

StreamKind classify(const ResponseFacts& facts) {
  if (!carries_events(facts) || !is_event_stream(facts.content_type)) return StreamKind::none;
  const bool readable = encodes_nothing(facts.content_encoding) && charset_is_utf8(facts.content_type);
  return readable && !facts.has_digest ? StreamKind::insertable : StreamKind::opaque;
}

}  // namespace sidecar::sse
