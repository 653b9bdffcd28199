#include "exchange/opening.hpp"

#include "http/h2_preface.hpp"
#include "http/proxy_protocol.hpp"

namespace sidecar::exchange {

Opening::Result Opening::look(std::string_view& input, PeerText& peer) {
  if (proxy_header_) {
    const http::ProxyHeader header = http::read_proxy_header(input);
    if (header.status == http::ProxyHeader::Status::need_more) return {Outcome::need_more};
    if (header.status == http::ProxyHeader::Status::error) return {Outcome::wrong_header, header.why};
    proxy_header_ = false;
    input.remove_prefix(header.size);
    if (!header.source.empty()) peer.assign(header.source.data(), header.source.size());
  }
  if (!http2_) return {Outcome::http1};
  const http::H2Sniff sniff = http::sniff_h2(input);
  if (sniff == http::H2Sniff::need_more) return {Outcome::need_more};
  http2_ = false;
  return {sniff == http::H2Sniff::yes ? Outcome::http2 : Outcome::http1};
}

}  // namespace sidecar::exchange
