#include "http/h2_request.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "http/field_names.hpp"
#include "http/fields.hpp"
#include "http/request_check.hpp"

namespace sidecar::http {

namespace {

struct PseudoFields {
  std::string_view method;
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;
};

/// Takes the pseudo-header fields off the front of `fields`; what else begins with a colon is left and is no token.
PseudoFields take_pseudo_fields(std::vector<Field>& fields) {
  PseudoFields pseudo;
  auto next = fields.begin();
  for (; next != fields.end(); ++next) {
    if (next->name == ":method") {
      pseudo.method = next->value;
    } else if (next->name == ":scheme") {
      pseudo.scheme = next->value;
    } else if (next->name == ":authority") {
      pseudo.authority = next->value;
    } else if (next->name == ":path") {
      pseudo.path = next->value;
    } else {
      break;
    }
  }
  fields.erase(fields.begin(), next);
  return pseudo;
}

/// Malformed with any of them, whatever it says (RFC 9113 §8.2.2).
bool is_connection_specific(std::string_view name) {
  static constexpr std::string_view kNames[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding",
                                                "upgrade"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, name); });
}

/// nghttp2 has refused all of this already. It is what keeps one message from becoming two behind us, so it is not left
/// to a library alone.
Refusal check_fields(Fields fields) {
  for (const Field& field : fields) {
    if (!is_token(field.name)) return {400, "a field name has a character that no token has"};
    if (!is_field_value(field.value)) return {400, "a field value has a control character"};
    if (trim(field.value).size() != field.value.size()) return {400, "white space around a field value"};
    if (is_connection_specific(field.name)) return {400, "a field of HTTP/1.1 connections"};
    if (iequals(field.name, "TE") && !iequals(field.value, "trailers")) return {400, "TE is more than trailers"};
  }
  return {};
}

/// `:authority` is Host, as the first field; a Host beside it must say the same.
Refusal place_host(std::string_view authority, std::vector<Field>& fields) {
  std::string_view host = authority;
  for (const Field& field : fields) {
    if (!iequals(field.name, "Host")) continue;
    if (host.empty()) host = field.value;
    if (!iequals(field.value, host)) return {400, "Host contradicts :authority"};
  }
  std::erase_if(fields, [](const Field& field) { return iequals(field.name, "Host"); });
  if (!host.empty()) fields.insert(fields.begin(), {"Host", host});
  return {};
}

/// Clients split Cookie for the sake of compression; a server of HTTP/1.1 expects one (RFC 9113 §8.2.3). An empty one
/// is left out, so that no value begins or ends with a separator. `text` has room for it.
void join_cookies(std::string& text, std::vector<Field>& fields) {
  if (count(fields, "cookie") < 2) return;
  const std::size_t start = text.size();
  for (const Field& field : fields) {
    if (field.name != "cookie" || field.value.empty()) continue;
    if (text.size() > start) text.append("; ");
    text.append(field.value);
  }
  const auto first = std::ranges::find(fields, std::string_view("cookie"), &Field::name);
  first->value = std::string_view(text).substr(start);
  fields.erase(std::remove_if(first + 1, fields.end(), [](const Field& f) { return f.name == "cookie"; }),
               fields.end());
}

Refusal check_size(const RequestHead& head, const HeadLimits& limits) {
  if (head.fields.size() > limits.fields) return {431, "too many fields"};
  std::size_t size = head.method.size() + head.target.size() + std::string_view("  HTTP/1.1\r\n\r\n").size();
  if (size > limits.bytes) return {414, "the request target is too long"};
  for (const Field& field : head.fields) size += field.name.size() + field.value.size() + 4;
  return size > limits.bytes ? Refusal{431, "the head is too long"} : Refusal{};
}

Refusal check_target(const PseudoFields& pseudo) {
  if (!iequals(pseudo.scheme, "http") && !iequals(pseudo.scheme, "https")) {
    return {400, "the scheme is neither http nor https"};
  }
  if (!pseudo.path.starts_with('/') && !(pseudo.path == "*" && pseudo.method == "OPTIONS")) {
    return {400, ":path is no path"};
  }
  return check_target_bytes(pseudo.path);
}

}  // namespace

Refusal to_request_head(H2FieldList& section, bool ends, const HeadLimits& limits, HeadScratch& scratch,
                        RequestHead& out, Framing& framing) {
  if (section.refusal()) return section.refusal();
  // The text holds every cookie already, so twice its size is room enough.
  section.unpack(section.size(), scratch.normalised, scratch.parsed);
  std::vector<Field>& fields = scratch.parsed;
  const PseudoFields pseudo = take_pseudo_fields(fields);
  const bool connect = pseudo.method == "CONNECT";
  out.method = pseudo.method;
  out.target = connect ? pseudo.authority : pseudo.path;
  out.version = Version::http_1_1;
  if (const Refusal refusal = check_method(pseudo.method)) return refusal;
  if (!connect) {
    if (const Refusal refusal = check_target(pseudo)) return refusal;
  }
  if (const Refusal refusal = check_fields(fields)) return refusal;
  if (const Refusal refusal = place_host(pseudo.authority, fields)) return refusal;
  join_cookies(scratch.normalised, fields);
  out.fields = fields;
  if (const Refusal refusal = check_size(out, limits)) return refusal;
  if (const Refusal refusal = check_request(out)) return refusal;
  if (const Refusal refusal = request_framing(out, framing)) return refusal;
  if (framing.kind == FramingKind::none && !ends) framing.kind = FramingKind::chunked;
  if (framing.kind == FramingKind::length && framing.length > 0 && ends) {
    return {400, "a Content-Length, and no body"};
  }
  return {};
}

Refusal to_request_trailers(H2FieldList& section, const HeadLimits& limits, HeadScratch& scratch, Fields& out) {
  if (section.refusal()) return {431, "the trailer section is too long"};
  section.unpack(0, scratch.normalised, scratch.parsed);
  if (scratch.parsed.size() > limits.fields) return {431, "too many fields"};
  if (const Refusal refusal = check_fields(scratch.parsed)) return refusal;
  const auto forbidden = [](const Field& field) { return is_forbidden_trailer(field.name); };
  if (std::ranges::any_of(scratch.parsed, forbidden)) {
    return {400, "a trailer field that changes framing, routing or trust"};
  }
  out = scratch.parsed;
  return {};
}

}  // namespace sidecar::http
