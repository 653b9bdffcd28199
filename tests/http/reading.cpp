#include "tests/http/reading.hpp"

#include <algorithm>
#include <memory>

namespace sidecar::test {

namespace {

/// A copy whose bounds a sanitizer knows exactly.
class Read {
 public:
  explicit Read(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

class RequestReader {
 public:
  RequestReader(const http::HeadLimits& limits, std::size_t most) : limits_(limits), most_(most) {}

  void read(std::string_view bytes) {
    if (seen_.refused != 0) return;
    const Read copy(bytes);
    std::string_view input = codec_.received().join(copy.view());
    while (done_ < most_ && step(input)) {
    }
    codec_.received().keep(input);
    codec_.received().tidy();
  }

  RequestsSeen finish() {
    if (seen_.refused == 0) seen_.unread = codec_.received().join({});
    return std::move(seen_);
  }

 private:
  bool step(std::string_view& input) {
    const http::H1Downstream::Parsed parsed = codec_.next(input, limits_, scratch_);
    switch (parsed.event) {
      case http::H1Downstream::Event::need_more:
        return false;
      case http::H1Downstream::Event::head:
        seen_.requests.push_back({std::string(parsed.head.method),
                                  std::string(parsed.head.target),
                                  parsed.head.version,
                                  copy_of(parsed.head.fields),
                                  parsed.framing,
                                  {},
                                  {},
                                  false});
        return true;
      case http::H1Downstream::Event::body:
        seen_.requests.back().body.append(parsed.body);
        return true;
      case http::H1Downstream::Event::end:
        seen_.requests.back().trailers = copy_of(parsed.trailers);
        seen_.requests.back().complete = true;
        ++done_;
        codec_.next_request();
        return true;
      case http::H1Downstream::Event::error:
        seen_.refused = parsed.refusal.status;
        seen_.why = parsed.refusal.why;
        return false;
    }
    return false;
  }

  http::H1Downstream codec_;
  http::HeadScratch scratch_;
  http::HeadLimits limits_;
  RequestsSeen seen_;
  std::size_t most_;
  std::size_t done_ = 0;
};

class ResponseReader {
 public:
  ResponseReader(http::H1Upstream::Request request, const http::HeadLimits& limits)
      : codec_(request), limits_(limits) {}

  void read(std::string_view bytes) {
    if (seen_.refused) return;
    const Read copy(bytes);
    std::string_view input = codec_.received().join(copy.view());
    while (!seen_.ended && (take_body(input) || take(codec_.next(input, limits_, scratch_)))) {
    }
    codec_.received().keep(input);
    codec_.received().tidy();
  }

  ResponsesSeen finish(AtEnd at_end) {
    if (at_end == AtEnd::eof && !seen_.ended && !seen_.refused) take(codec_.on_eof());
    if (!seen_.refused) seen_.unread = codec_.received().join({});
    seen_.reusable = codec_.reusable();
    if (const auto timeout = codec_.keep_alive_timeout()) {
      seen_.keep_alive_timeout_s = static_cast<int>(timeout->count());
    }
    return std::move(seen_);
  }

 private:
  bool take_body(std::string_view& input) {
    const std::string_view body = codec_.next_body(input);
    if (!body.empty()) seen_.heads.back().body.append(body);
    return !body.empty();
  }

  bool take(const http::H1Upstream::Parsed& parsed) {
    switch (parsed.event) {
      case http::H1Upstream::Event::need_more:
        return false;
      case http::H1Upstream::Event::informational:
      case http::H1Upstream::Event::head:
        seen_.heads.push_back({parsed.head.status,
                               std::string(parsed.head.reason),
                               parsed.head.version,
                               copy_of(parsed.head.fields),
                               parsed.framing,
                               {},
                               {}});
        if (parsed.head.status == 101) codec_.start_tunnel();
        return true;
      case http::H1Upstream::Event::body:
        seen_.heads.back().body.append(parsed.body);
        return true;
      case http::H1Upstream::Event::end:
        seen_.heads.back().trailers = copy_of(parsed.trailers);
        seen_.ended = true;
        return true;
      case http::H1Upstream::Event::error:
        seen_.refused = true;
        seen_.why = parsed.refusal.why;
        return false;
    }
    return false;
  }

  http::H1Upstream codec_;
  http::HeadScratch scratch_;
  http::HeadLimits limits_;
  ResponsesSeen seen_;
};

const char* to_text(http::Version version) {
  return version == http::Version::http_1_0 ? "1.0" : "1.1";
}

std::string quoted(const std::string& bytes) {
  return bytes.empty() ? "" : " '" + printable(bytes) + "'";
}

}  // namespace

std::string printable(std::string_view bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r' || c == '\n') {
      text += c == '\r' ? "\\r" : "\\n";
    } else if (byte < 0x20 || byte > 0x7e) {
      text.append("\\x").append({kHex[byte >> 4U], kHex[byte & 0xfU]});
    } else {
      text += c;
    }
  }
  return text;
}

RequestsSeen read_requests(const std::vector<std::string_view>& reads, const http::HeadLimits& limits,
                           std::size_t most) {
  RequestReader reader(limits, most);
  for (const std::string_view read : reads) reader.read(read);
  return reader.finish();
}

ResponsesSeen read_response(const std::vector<std::string_view>& reads, http::H1Upstream::Request request, AtEnd at_end,
                            const http::HeadLimits& limits) {
  ResponseReader reader(request, limits);
  for (const std::string_view read : reads) reader.read(read);
  return reader.finish(at_end);
}

FieldList copy_of(http::Fields fields) {
  FieldList list;
  for (const http::Field& field : fields) list.emplace_back(field.name, field.value);
  return list;
}

std::vector<http::Field> views_of(const FieldList& fields) {
  std::vector<http::Field> views;
  views.reserve(fields.size());
  for (const auto& [name, value] : fields) views.push_back({name, value});
  return views;
}

std::string to_text(const FieldList& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += " [" + printable(name) + ": " + printable(value) + "]";
  return text;
}

std::string to_text(const http::Framing& framing) {
  switch (framing.kind) {
    case http::FramingKind::none:
      return "none";
    case http::FramingKind::length:
      return "length " + std::to_string(framing.length);
    case http::FramingKind::chunked:
      return "chunked";
    case http::FramingKind::until_close:
      return "until_close";
  }
  return "?";
}

std::string to_text(const RequestsSeen& seen) {
  std::string text;
  for (const RequestSeen& request : seen.requests) {
    text += request.method + " " + printable(request.target) + " " + to_text(request.version) +
            to_text(request.fields) + " " + to_text(request.framing) + quoted(request.body) +
            to_text(request.trailers) + (request.complete ? " end\n" : "\n");
  }
  if (seen.refused != 0) text += "refused " + std::to_string(seen.refused) + "\n";
  if (!seen.unread.empty()) text += "unread" + quoted(seen.unread) + "\n";
  return text;
}

std::string to_text(const ResponsesSeen& seen) {
  std::string text;
  for (const ResponseSeen& head : seen.heads) {
    text += std::string(to_text(head.version)) + " " + std::to_string(head.status) + " '" + printable(head.reason) +
            "'" + to_text(head.fields) + " " + to_text(head.framing) + quoted(head.body) + to_text(head.trailers) +
            "\n";
  }
  if (seen.ended) text += "end\n";
  if (seen.refused) text += "refused\n";
  if (!seen.unread.empty()) text += "unread" + quoted(seen.unread) + "\n";
  if (seen.reusable) text += "reusable\n";
  return text;
}

}  // namespace sidecar::test
