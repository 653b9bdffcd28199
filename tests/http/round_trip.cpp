#include "tests/http/round_trip.hpp"

#include <algorithm>
#include <vector>

#include "http/fields.hpp"
#include "http/request_check.hpp"
#include "http/rewrite.hpp"
#include "tests/http/reading.hpp"
#include "tests/support/random_stream.hpp"

namespace sidecar::test {

namespace {

using http::iequals;

constexpr http::HeadLimits kSmall{400, 6};
constexpr http::HeadLimits kLarge{1'000'000, 1'000};

std::vector<std::string_view> cut_bytewise(std::string_view bytes) {
  std::vector<std::string_view> reads;
  for (std::size_t i = 0; i < bytes.size(); ++i) reads.push_back(bytes.substr(i, 1));
  return reads;
}

std::vector<std::string_view> cut(std::string_view bytes, Random& random) {
  std::vector<std::string_view> reads;
  const std::size_t most = 1 + random.below(bytes.size() + 1);
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), random.below(most) + (random.one_in(8) ? 0 : 1));
    reads.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return reads;
}

std::vector<std::vector<std::string_view>> cuts_of(std::string_view bytes, Random& random) {
  std::vector<std::vector<std::string_view>> cuts = {cut(bytes, random), cut(bytes, random)};
  if (bytes.size() <= 500) cuts.push_back(cut_bytewise(bytes));
  return cuts;
}

std::string differ(const char* what, const std::string& one, const std::string& other) {
  return std::string(what) + "\n--- " + one + "\n--- " + other;
}

std::string check_fields(const FieldList& fields) {
  for (const auto& [name, value] : fields) {
    if (!http::is_token(name)) return "a field name is no token: " + printable(name);
    if (!http::is_field_value(value)) return "a field value has a control character: " + printable(value);
    if (http::trim(value).size() != value.size()) return "a field value is not trimmed: " + printable(value);
  }
  return "";
}

FieldList without(const FieldList& fields, std::initializer_list<std::string_view> names) {
  FieldList rest;
  for (const auto& field : fields) {
    const auto same = [&](std::string_view name) { return iequals(name, field.first); };
    if (std::none_of(names.begin(), names.end(), same)) rest.push_back(field);
  }
  return rest;
}

template <class Sink>
void write_pieces(std::string_view body, Random& random, Sink& sink) {
  for (const std::string_view piece : cut(body, random)) sink.data(piece);
}

// ---- Requests ----------------------------------------------------------------------------------------------------

std::string check_framing(const RequestSeen& request, const std::vector<http::Field>& fields) {
  const std::size_t lengths = http::count(fields, "Content-Length");
  const std::size_t codings = http::count(fields, "Transfer-Encoding");
  if (lengths + codings > 1) return "more than one framing";
  const auto kind = request.framing.kind;
  if ((kind == http::FramingKind::length) != (lengths == 1)) return "a length out of nothing";
  if ((kind == http::FramingKind::chunked) != (codings == 1)) return "chunks out of nothing";
  if (kind == http::FramingKind::until_close) return "a request until close";
  if (codings == 1 && request.version == http::Version::http_1_0) return "chunks in HTTP/1.0";
  if (kind == http::FramingKind::none && !request.body.empty()) return "a body without framing";
  if (kind == http::FramingKind::length) {
    if (request.body.size() > request.framing.length) return "a body longer than its length";
    if (request.complete != (request.body.size() == request.framing.length)) return "an end at the wrong place";
  }
  return "";
}

std::string check_one_reading(const RequestSeen& request) {
  const std::vector<http::Field> fields = views_of(request.fields);
  if (!http::is_token(request.method)) return "the method is no token";
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#'; };
  if (request.target.empty() || std::any_of(request.target.begin(), request.target.end(), bad)) {
    return "the target has a character that no target has";
  }
  const std::size_t hosts = http::count(fields, "Host");
  if (hosts > 1 || (hosts == 0 && request.version == http::Version::http_1_1)) return "not one Host";
  for (const FieldList& list : {request.fields, request.trailers}) {
    if (std::string failure = check_fields(list); !failure.empty()) return failure;
  }
  if (!request.trailers.empty() && request.framing.kind != http::FramingKind::chunked) {
    return "trailers without chunks";
  }
  return check_framing(request, fields);
}

/// The request as the backend gets it.
struct Forwarded {
  std::string bytes;
  std::string target;
  FieldList fields;
  std::string upgrade;
};

Forwarded forward(const RequestSeen& request, Random& random) {
  http::HeadScratch scratch;
  scratch.parsed = views_of(request.fields);
  http::RequestHead head{request.method, request.target, request.version, scratch.parsed};
  http::RequestChanges changes;
  changes.default_host = "default";
  http::RequestHead out;
  Forwarded forwarded;
  forwarded.upgrade = std::string(http::upgrade_offer(head, scratch));
  http::rewrite_request(head, changes, scratch, out);
  http::H1Upstream::encode_head(out, request.framing, forwarded.upgrade, scratch.encoded);
  forwarded.bytes = std::string(scratch.encoded.view());
  forwarded.target = std::string(out.target);
  forwarded.fields = copy_of(out.fields);
  http::H1Upstream codec({false, request.framing.kind == http::FramingKind::chunked});
  http::Output output;
  http::H1Upstream::Sink sink(codec, output);
  write_pieces(request.body, random, sink);
  const std::vector<http::Field> trailers = views_of(request.trailers);
  if (request.complete) sink.end(trailers);
  forwarded.bytes += output.joined();
  return forwarded;
}

std::string check_forwarded(const RequestSeen& request, Random& random) {
  const Forwarded forwarded = forward(request, random);
  const RequestsSeen read = read_requests({forwarded.bytes}, kLarge);
  if (read.refused != 0) return "refused at the backend: " + read.why + "\n" + printable(forwarded.bytes);
  if (read.requests.size() != 1 || !read.unread.empty()) return "not one request: " + printable(forwarded.bytes);
  const RequestSeen& seen = read.requests.front();
  RequestSeen expected = request;
  expected.version = http::Version::http_1_1;
  expected.target = std::string(http::split_target(request.target).target);
  expected.fields = without(forwarded.fields, {"Connection", "Content-Length"});
  RequestSeen compared = seen;
  compared.fields = without(seen.fields, {"Connection", "Upgrade", "Content-Length", "Transfer-Encoding"});
  if (!(compared == expected) || forwarded.target != expected.target) {
    return differ("another request at the backend", to_text(RequestsSeen{{expected}, 0, "", ""}), to_text(read));
  }
  const std::vector<http::Field> fields = views_of(seen.fields);
  if (http::value_of(fields, "Upgrade") != forwarded.upgrade) return "another offer to upgrade";
  for (const std::string_view http2 : {"h2c", "h2", "HTTP/2.0", "HTTP/2"}) {
    if (http::lists(fields, "Upgrade", http2)) return "an offer of HTTP/2 at the backend";
  }
  return check_one_reading(seen);
}

// ---- Responses ---------------------------------------------------------------------------------------------------

std::string check_one_reading(const ResponsesSeen& seen) {
  for (const ResponseSeen& head : seen.heads) {
    if (head.status < 100 || head.status > 999) return "no status";
    if (!http::is_field_value(head.reason)) return "a control character in the reason";
    const bool last = &head == &seen.heads.back();
    const bool informational = head.status < 200 && head.status != 101;
    if (!last && !informational) return "two responses";
    if (informational && !head.body.empty()) return "an informational body";
    if (std::string failure = check_fields(head.fields); !failure.empty()) return failure;
    if (std::string failure = check_fields(head.trailers); !failure.empty()) return failure;
  }
  if (seen.reusable && (!seen.ended || !seen.unread.empty())) return "reusable before the end, or with bytes behind it";
  if (seen.ended && seen.refused) return "an end and an error";
  return "";
}

/// The response as a client gets it, and what its connection is like.
struct Delivered {
  std::string bytes;
  FieldList fields;  ///< Of the final head, less what the codec adds.
  bool persistent = false;
  bool only_reset_tells = false;
};

Delivered deliver(const ResponsesSeen& seen, http::H1Upstream::Request request, http::Version version, Random& random) {
  http::H1Downstream codec;
  http::HeadScratch scratch;
  const std::string asked =
      std::string(request.to_head ? "HEAD" : "GET") +
      (version == http::Version::http_1_1 ? " / HTTP/1.1\r\nHost: h\r\n\r\n" : " / HTTP/1.0\r\n\r\n");
  std::string_view input = asked;
  while (codec.next(input, kLarge, scratch).event != http::H1Downstream::Event::need_more) {
  }
  Delivered delivered;
  http::Output output;
  http::H1Downstream::Sink sink(codec, output);
  for (const ResponseSeen& head : seen.heads) {
    scratch.parsed = views_of(head.fields);
    const http::ResponseHead in{head.status, head.reason, head.version, scratch.parsed};
    http::ResponseHead out;
    http::rewrite_response(in, {}, scratch, out);
    if (head.status == 101) {
      sink.switching(out);
      codec.start_tunnel();
    } else if (head.status < 200) {
      sink.informational(out);
      continue;
    } else {
      sink.head(out, head.framing.body_size());
    }
    delivered.fields = copy_of(out.fields);
    write_pieces(head.body, random, sink);
    const std::vector<http::Field> trailers = views_of(head.trailers);
    if (seen.ended) sink.end(trailers);
    delivered.persistent = codec.persistent();
    delivered.only_reset_tells = codec.only_reset_tells_truncation();
    delivered.bytes = output.joined();
  }
  if (seen.heads.empty() || seen.heads.back().status < 200) delivered.bytes = output.joined();
  return delivered;
}

std::string check_final(const ResponsesSeen& sent, const ResponsesSeen& read, const Delivered& delivered) {
  const ResponseSeen& from = sent.heads.back();
  const ResponseSeen& to = read.heads.back();
  if (to.status != from.status || to.reason != from.reason) return "another status line";
  if (to.body != from.body) return differ("another body", printable(from.body), printable(to.body));
  const bool chunked = to.framing.kind == http::FramingKind::chunked;
  if (chunked && to.trailers != from.trailers) return "other trailers";
  const FieldList seen = without(to.fields, {"Connection", "Content-Length", "Transfer-Encoding"});
  const FieldList expected = without(delivered.fields, {"Content-Length"});
  if (seen != expected) return differ("other fields", to_text(expected), to_text(seen));
  const std::vector<http::Field> fields = views_of(to.fields);
  if (http::count(fields, "Content-Length") + http::count(fields, "Transfer-Encoding") > 1) return "two framings";
  if (sent.ended && !read.ended) return "not whole at the client";
  if (!sent.ended && read.ended && !delivered.only_reset_tells) return "broken off, and whole at the client";
  const bool reusable = sent.ended && delivered.persistent;
  if (from.status != 101 && reusable != read.reusable) return "client and codec disagree about persistence";
  return "";
}

std::string check_delivered(const ResponsesSeen& sent, http::H1Upstream::Request request, http::Version version,
                            Random& random) {
  if (sent.heads.empty()) return "";
  const Delivered delivered = deliver(sent, request, version, random);
  const bool is_final = sent.heads.back().status >= 200 || sent.heads.back().status == 101;
  const AtEnd at_end = is_final && sent.ended && delivered.persistent ? AtEnd::open : AtEnd::eof;
  const ResponsesSeen read = read_response({delivered.bytes}, request, at_end, kLarge);
  const std::size_t informational = sent.heads.size() - (is_final ? 1 : 0);
  const std::size_t expected = (version == http::Version::http_1_1 ? informational : 0) + (is_final ? 1 : 0);
  std::string failure;
  if (read.heads.size() != expected) {
    failure = "not as many heads";
  } else if (!read.unread.empty()) {
    failure = "bytes behind the response";
  } else if (is_final) {
    failure = check_final(sent, read, delivered);
  } else if (read.ended) {
    failure = "an end without a final head";
  }
  return failure.empty() ? "" : differ(failure.c_str(), to_text(sent), to_text(read) + printable(delivered.bytes));
}

}  // namespace

std::string check_requests(std::string_view bytes, std::uint64_t seed) {
  Random random(seed);
  const http::HeadLimits limits = random.one_in(4) ? kSmall : kLarge;
  const RequestsSeen seen = read_requests({bytes}, limits);
  const std::string whole = to_text(seen);
  for (const auto& reads : cuts_of(bytes, random)) {
    const std::string split = to_text(read_requests(reads, limits));
    if (split != whole) return differ("other requests when they come in pieces", whole, split);
  }
  for (const RequestSeen& request : seen.requests) {
    if (request.fields.size() > limits.fields) return "more fields than are allowed";
    std::string failure = check_one_reading(request);
    if (failure.empty()) failure = check_forwarded(request, random);
    if (!failure.empty()) return differ(failure.c_str(), whole, printable(bytes));
  }
  return "";
}

std::string check_response(std::string_view bytes, std::uint64_t seed) {
  Random random(seed);
  const http::HeadLimits limits = random.one_in(4) ? kSmall : kLarge;
  const http::H1Upstream::Request request{random.one_in(4), false};
  const AtEnd at_end = random.one_in(2) ? AtEnd::open : AtEnd::eof;
  const ResponsesSeen seen = read_response({bytes}, request, at_end, limits);
  const std::string whole = to_text(seen);
  for (const auto& reads : cuts_of(bytes, random)) {
    const std::string split = to_text(read_response(reads, request, at_end, limits));
    if (split != whole) return differ("another response when it comes in pieces", whole, split);
  }
  if (at_end == AtEnd::eof && seen.ended == seen.refused) return "neither an end nor an error\n" + whole;
  if (std::string failure = check_one_reading(seen); !failure.empty()) return failure + "\n" + whole;
  for (const http::Version version : {http::Version::http_1_0, http::Version::http_1_1}) {
    if (std::string failure = check_delivered(seen, request, version, random); !failure.empty()) return failure;
  }
  return "";
}

}  // namespace sidecar::test
