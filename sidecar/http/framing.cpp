#include "http/framing.hpp"

#include "http/fields.hpp"

namespace sidecar::http {

BodySize Framing::body_size() const {
  switch (kind) {
    case FramingKind::none:
      return {BodySize::Kind::none, 0};
    case FramingKind::length:
      return {BodySize::Kind::length, length};
    case FramingKind::chunked:
    case FramingKind::until_close:
      break;
  }
  return {BodySize::Kind::unknown, 0};
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  static constexpr std::size_t kDigitsMax = 18;  // Below 2^63, and longer than any body.
  if (value.empty() || value.size() > kDigitsMax) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Without a final `chunked` nobody could tell where the request ends: 400. Other codings before it are honest but not
/// served: 501 (RFC 9112 §6.1, §6.3).
Refusal check_coding(std::string_view codings) {
  ListWalker walker(codings);
  std::string_view last;
  bool others = false;
  while (const auto coding = walker.next()) {
    others = others || !last.empty();
    last = *coding;
  }
  if (!iequals(last, "chunked")) return {400, "a request body whose last transfer coding is not chunked"};
  if (others) return {501, "a transfer coding other than chunked"};
  if (codings.size() != last.size()) return {400, "Transfer-Encoding is no single chunked"};
  return {};
}

}  // namespace

Refusal request_framing(const RequestHead& head, Framing& out) {
  out = {};
  const Field* coding = find(head.fields, "Transfer-Encoding");
  const Field* length = find(head.fields, "Content-Length");
  if (coding != nullptr) {
    if (length != nullptr) return {400, "Content-Length beside Transfer-Encoding"};
    if (head.version == Version::http_1_0) return {400, "Transfer-Encoding in an HTTP/1.0 request"};
    if (count(head.fields, "Transfer-Encoding") > 1) return {400, "more than one Transfer-Encoding"};
    if (const Refusal refusal = check_coding(coding->value)) return refusal;
    out.kind = FramingKind::chunked;
    return {};
  }
  if (length == nullptr) return {};
  if (count(head.fields, "Content-Length") > 1) return {400, "more than one Content-Length"};
  const auto parsed = parse_content_length(length->value);
  if (!parsed && is_number(length->value)) return {413, "Content-Length is larger than any body"};
  if (!parsed) return {400, "Content-Length is no number"};
  // `Content-Length: 0` is kept as a length: a backend may tell it from no body at all (RFC 9110 §8.6).
  out = {FramingKind::length, *parsed};
  return {};
}

Refusal response_framing(const ResponseHead& head, bool to_head, Framing& out) {
  out = {};
  const bool bodiless = to_head || head.status < 200 || head.status == 204 || head.status == 304;
  const Field* coding = find(head.fields, "Transfer-Encoding");
  std::optional<std::uint64_t> length;
  for (const Field& field : head.fields) {
    if (!iequals(field.name, "Content-Length")) continue;
    ListWalker walker(field.value);
    bool any = false;
    while (const auto member = walker.next()) {
      any = true;
      const auto parsed = parse_content_length(*member);
      if (!parsed) return {502, "the answer's Content-Length is no number"};
      if (length && *length != *parsed) return {502, "the answer has different Content-Lengths"};
      length = parsed;
    }
    if (!any) return {502, "the answer's Content-Length is empty"};
  }
  if (bodiless) return {};
  if (coding != nullptr) {
    if (length) return {502, "the answer has Content-Length beside Transfer-Encoding"};
    if (head.version == Version::http_1_0) return {502, "Transfer-Encoding in an HTTP/1.0 answer"};
    if (count(head.fields, "Transfer-Encoding") > 1 || !iequals(coding->value, "chunked")) {
      return {502, "the answer has a transfer coding other than chunked"};
    }
    out.kind = FramingKind::chunked;
    return {};
  }
  out = length ? Framing{FramingKind::length, *length} : Framing{FramingKind::until_close, 0};
  return {};
}

}  // namespace sidecar::http
