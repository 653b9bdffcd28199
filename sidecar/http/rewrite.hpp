#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/head.hpp"

/// What is taken out of heads, put into them and changed on the way through. The bytes of everything else stay. Of
/// Content-Length only the place stays, once: whether and with which value it goes out is the codec's to say.
namespace sidecar::http {

/// Field changes of a route, applied behind everything else. Names compare case-insensitively.
struct FieldChanges {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> remove;

  bool operator==(const FieldChanges&) const = default;
};

/// What is forwarded about the client in X-Forwarded-For, -Proto, -Host.
enum class XForwarded : std::uint8_t { keep, append, set };

struct RequestChanges {
  XForwarded x_forwarded = XForwarded::keep;
  std::string_view client_address;  ///< Without port.
  std::string_view client_header;   ///< What tells who the client is, beside the usual fields; empty: nothing.
  std::string_view default_host;    ///< For HTTP/1.0 requests without a Host.
  bool tls = false;
  bool strip_accept_encoding = false;
  bool upgrade = false;  ///< Protocols are offered: Connection names Upgrade and nothing else.
  const FieldChanges* route = nullptr;
};

/// The protocols of an Upgrade offer that may be passed on: everything but HTTP/2 over cleartext. Empty when there is
/// no offer, or `Connection` does not name it (RFC 9110 §7.8). The view lends from `scratch.upgrade`.
[[nodiscard]] std::string_view upgrade_offer(const RequestHead& head, HeadScratch& scratch);

/// HTTP/2 over cleartext is offered (RFC 7540 §3.2). Nobody has to take it up.
[[nodiscard]] bool offers_http2(const RequestHead& head);

/// Hop-by-hop fields and those named in Connection removed (RFC 9110 §7.6.1), absolute-form brought to origin-form with
/// its authority as Host. `out.fields` lend from `head`, the changes and `scratch`.
void rewrite_request(const RequestHead& head, const RequestChanges& changes, HeadScratch& scratch, RequestHead& out);

/// Trailers less those that a route sets or removes (what protects a backend must not be passed by), and less
/// `client_header`. The result lends from `trailers` and `scratch`.
[[nodiscard]] Fields rewrite_trailers(Fields trailers, const FieldChanges& route, std::string_view client_header,
                                      HeadScratch& scratch);

struct ResponseChanges {
  bool event_stream = false;  ///< Never to be buffered, cached or transformed.
  const FieldChanges* route = nullptr;
};

void rewrite_response(const ResponseHead& head, const ResponseChanges& changes, HeadScratch& scratch,
                      ResponseHead& out);

}  // namespace sidecar::http
