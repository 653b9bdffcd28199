#include "exchange/prepare.hpp"

#include <algorithm>

#include "exchange/client_address.hpp"
#include "http/fields.hpp"
#include "http/rewrite.hpp"
#include "sse/media_type.hpp"

namespace sidecar::exchange {

namespace {

/// What an HTTP/1.0 request without Host gets: the authority of the backend itself.
std::string_view default_host(const UpstreamPolicy& upstream) {
  const std::string_view url = upstream.url;
  const std::size_t scheme = url.find("://");
  return scheme != std::string_view::npos ? url.substr(scheme + 3) : std::string_view("localhost");
}

}  // namespace

bool is_idempotent(std::string_view method) {
  static constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

bool is_repeatable(const http::RequestHead& head, const http::Framing& framing, bool upgrade) {
  const bool bodiless =
      framing.kind == http::FramingKind::none || (framing.kind == http::FramingKind::length && framing.length == 0);
  return bodiless && !upgrade && is_idempotent(head.method);
}

bool strips_accept_encoding(const EventStreamPolicy& policy, http::Fields fields) {
  const StripAcceptEncoding strip = policy.strip_accept_encoding;
  if (strip != StripAcceptEncoding::automatic) return strip == StripAcceptEncoding::always;
  if (policy.early_open.after && policy.early_open.always) return true;
  return std::any_of(fields.begin(), fields.end(), [](const http::Field& field) {
    return http::iequals(field.name, "Accept") && sse::accepts_event_stream(field.value);
  });
}

PreparedRequest prepare_request(const http::RequestHead& head, const http::Framing& framing, const PolicySet& policies,
                                const RoutePolicy& route, const Peer& peer, http::HeadScratch& scratch,
                                std::string& encoded) {
  const UpstreamPolicy& upstream = policies.upstreams[route.upstream];
  http::RequestChanges changes;
  changes.x_forwarded = policies.x_forwarded;
  changes.client_address = without_port(peer.text);
  changes.client_header = policies.client_address.header;
  changes.default_host = default_host(upstream);
  changes.tls = peer.tls;
  changes.strip_accept_encoding = strips_accept_encoding(route.event_stream, head.fields);
  changes.route = &route.request_headers;
  const std::string_view offer = http::upgrade_offer(head, scratch);
  changes.upgrade = !offer.empty();
  http::RequestHead rewritten;
  http::rewrite_request(head, changes, scratch, rewritten);
  static constexpr std::size_t kEncodedKept = 64 * 1024;
  scratch.encoded.clear(kEncodedKept);
  http::H1Upstream::encode_head(rewritten, framing, offer, scratch.encoded);
  encoded.append(scratch.encoded.view());
  PreparedRequest prepared;
  prepared.upgrade_offered = !offer.empty();
  prepared.repeatable = is_repeatable(head, framing, prepared.upgrade_offered);
  const bool reuse = upstream.keepalive.unsafe_methods == UnsafeMethods::reuse && !prepared.upgrade_offered;
  prepared.pooled_ok = prepared.repeatable || reuse;
  return prepared;
}

sse::StreamKind stream_kind(const http::ResponseHead& head, const http::Framing& framing, bool to_head, bool promised,
                            std::string& scratch) {
  if (framing.kind == http::FramingKind::none) return sse::StreamKind::none;
  sse::ResponseFacts facts;
  facts.head_request = to_head;
  facts.status = head.status;
  // Two media types are no media type that anybody could rely on.
  if (http::count(head.fields, "Content-Type") == 1) facts.content_type = http::value_of(head.fields, "Content-Type");
  scratch.clear();
  for (const http::Field& field : head.fields) {
    if (!http::iequals(field.name, "Content-Encoding")) continue;
    scratch.append(scratch.empty() ? "" : ", ").append(field.value);
  }
  facts.content_encoding = scratch;
  for (const std::string_view name : {"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"}) {
    facts.has_digest = facts.has_digest || (promised && http::find(head.fields, name) != nullptr);
  }
  return sse::classify(facts);
}

}  // namespace sidecar::exchange
