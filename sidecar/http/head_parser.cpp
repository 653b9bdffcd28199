#include "http/head_parser.hpp"

#include <llhttp.h>

#include <algorithm>
#include <utility>

#include "http/field_names.hpp"
#include "http/fields.hpp"
#include "http/request_check.hpp"

namespace sidecar::http {

namespace {

/// What the callbacks collect. llhttp hands out spans of the one contiguous buffer that it is given.
struct Collector {
  std::vector<Field>& fields;
  std::size_t fields_max;
  std::string_view target;
  std::string_view reason;
  bool too_many = false;
};

Collector& collector(llhttp_t* parser) {
  return *static_cast<Collector*>(parser->data);
}

/// A span that continues the one before it: llhttp may hand a value out in pieces.
void extend(std::string_view& view, const char* at, std::size_t size) {
  view = view.empty() ? std::string_view(at, size)
                      : std::string_view(view.data(), static_cast<std::size_t>(at - view.data()) + size);
}

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
    extend(collector(p).target, at, size);
    return 0;
  };
  settings.on_status = [](llhttp_t* p, const char* at, std::size_t size) {
    extend(collector(p).reason, at, size);
    return 0;
  };
  settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
    Collector& c = collector(p);
    if (c.fields.empty() || c.fields.back().value.data() != nullptr) {
      if (c.fields.size() == c.fields_max) {
        c.too_many = true;
        return -1;
      }
      c.fields.push_back({});
    }
    extend(c.fields.back().name, at, size);
    return 0;
  };
  // Framing and connection fields get no special treatment inside llhttp: framing.cpp reads them, with its own rules.
  settings.on_header_field_complete = [](llhttp_t* p) {
    p->header_state = 0;
    return 0;
  };
  settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
    extend(collector(p).fields.back().value, at, size);
    return 0;
  };
  settings.on_header_value_complete = [](llhttp_t* p) {
    // An empty value is no missing one: by its address the next name is told from a continuation.
    Field& field = collector(p).fields.back();
    field.value = trim(field.value);
    if (field.value.data() == nullptr) field.value = "";
    return 0;
  };
  // Bodies are ours: nothing behind the head is ever fed.
  settings.on_headers_complete = [](llhttp_t*) { return 1; };
  return settings;
}

/// Feeds a start line of ours and the received rest; true when both together are one whole head.
bool run_llhttp(llhttp_type_t type, std::string_view start, std::string_view rest, Collector& collected, int* status) {
  static const llhttp_settings_t settings = make_settings();
  llhttp_t parser;
  llhttp_init(&parser, type, &settings);
  parser.data = &collected;
  collected.fields.clear();
  if (!start.empty() && llhttp_execute(&parser, start.data(), start.size()) != HPE_OK) return false;
  if (llhttp_execute(&parser, rest.data(), rest.size()) != HPE_OK) return false;
  *status = parser.status_code;
  return true;
}

Refusal check_fields(const std::vector<Field>& fields, int status) {
  for (const Field& field : fields) {
    if (!is_token(field.name)) return {status, "a field name has a character that no token has"};
    if (!is_field_value(field.value)) return {status, "a field value has a control character"};
  }
  return {};
}

/// Each member is looked for among all fields, so their number is bounded; real messages name one or two.
bool has_few_options(const std::vector<Field>& fields) {
  static constexpr std::size_t kOptionsMax = 64;
  std::size_t options = 0;
  for (const Field& field : fields) {
    if (!iequals(field.name, "Connection")) continue;
    ListWalker walker(field.value);
    while (walker.next() && options <= kOptionsMax) ++options;
  }
  return options <= kOptionsMax;
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `HTTP/1.0` or `HTTP/1.1`; anything else of the form HTTP/d.d is 505, the rest 400 (RFC 9112 §2.3).
Refusal parse_version(std::string_view text, Version& out) {
  if (text == "HTTP/1.1") {
    out = Version::http_1_1;
  } else if (text == "HTTP/1.0") {
    out = Version::http_1_0;
  } else if (text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
             is_digit(text[7])) {
    return {505, "the HTTP version is not 1.0 or 1.1"};
  } else {
    return {400, "the request line does not end in an HTTP version"};
  }
  return {};
}

/// The request line by its two spaces (RFC 9112 §3); no other white space is taken for them.
Refusal parse_request_line(std::string_view line, RequestHead& out) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return {400, "the request line has not three parts"};
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  if (const Refusal refusal = check_method(out.method)) return refusal;
  if (const Refusal refusal = parse_version(line.substr(last + 1), out.version)) return refusal;
  return check_target_bytes(out.target);
}

/// Lines that end in CRLF and have neither CR nor LF nor NUL elsewhere, and none begins with white space.
bool has_plain_lines(std::string_view head) {
  if (head.find('\0') != std::string_view::npos) return false;
  while (!head.empty()) {
    const auto end = head.find('\r');
    if (end == std::string_view::npos) return head.find('\n') == std::string_view::npos;
    if (end + 1 == head.size() || head[end + 1] != '\n' || head.find('\n') != end + 1) return false;
    head.remove_prefix(end + 2);
    if (head.starts_with(' ') || head.starts_with('\t')) return false;
  }
  return true;
}

/// Bare CR, bare LF, NUL and a line that starts with white space, anywhere in a strict head: the first of them.
Refusal check_lines(std::string_view head, int status) {
  if (has_plain_lines(head)) return {};
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\0') return {status, "NUL in the head"};
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) return {status, "a line of the head ends in a bare LF"};
    if (head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n')) return {status, "a bare CR in the head"};
    const bool folded = head[i] == '\n' && i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t');
    if (folded) return {status, "a folded field line"};
  }
  return {};
}

/// True when a response head is not in strict spelling already.
bool needs_normalising(std::string_view head) {
  std::size_t line = 0;
  bool first = true;
  for (std::size_t i = head.find('\n'); i != std::string_view::npos; i = head.find('\n', i + 1)) {
    if (i == 0 || head[i - 1] != '\r') return true;
    if (!first) {
      if (head[line] == ' ' || head[line] == '\t') return true;
      const auto colon = head.substr(line, i - line).find(':');
      if (colon != std::string_view::npos && colon > 0 &&
          (head[line + colon - 1] == ' ' || head[line + colon - 1] == '\t'))
        return true;
    }
    line = i + 1;
    first = false;
  }
  return false;
}

/// CRLF for bare LF, one SP for a fold, no white space before a colon. A first line that is folded continues no field:
/// it stays, and is refused (RFC 9112 §2.2).
std::string_view normalise(std::string_view head, std::string& out) {
  out.clear();
  std::size_t lines = 0;
  while (!head.empty()) {
    const auto end = head.find('\n');
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool folded = lines > 0 && !line.empty() && (line[0] == ' ' || line[0] == '\t');
    if (folded && lines > 1) {
      out.resize(out.size() - 2);
      out.append(" ").append(trim(line));
    } else if (const auto colon = line.find(':'); lines > 0 && !folded && colon != std::string_view::npos) {
      out.append(trim(line.substr(0, colon))).append(line.substr(colon));
    } else {
      out.append(line);
    }
    out.append("\r\n");
    ++lines;
  }
  return out;
}

/// A tab beside the value of a field that frames the message is legal white space, but not all parsers skip it: what
/// one of them takes for another coding or length must not get past us (requests only).
bool has_tab(const Field& field, std::string_view head) {
  const auto begin = static_cast<std::size_t>(field.name.data() - head.data());
  return head.substr(begin, head.find('\r', begin) - begin).find('\t') != std::string_view::npos;
}

Refusal check_framing_lines(const std::vector<Field>& fields, std::string_view head) {
  const auto tabbed = [&](const Field& field) {
    return (iequals(field.name, "Transfer-Encoding") || iequals(field.name, "Content-Length")) && has_tab(field, head);
  };
  if (std::any_of(fields.begin(), fields.end(), tabbed)) return {400, "a tab in a field that frames the body"};
  return {};
}

}  // namespace

HeadEnd HeadSearch::find(std::string_view bytes) {
  HeadEnd end;
  for (;;) {
    const auto lf = bytes.find('\n', line_);
    if (lf == std::string_view::npos) return end;
    const bool crlf = lf > line_ && bytes[lf - 1] == '\r';
    if (!crlf) end.bare_lf = true;
    const std::size_t line_size = lf - line_ - (crlf ? 1 : 0);
    line_ = static_cast<std::uint32_t>(lf + 1);
    if (line_size == 0) {
      end.size = std::exchange(line_, 0U);
      return end;
    }
  }
}

Refusal parse_request_head(std::string_view head, const HeadLimits& limits, HeadScratch& scratch, RequestHead& out) {
  if (const Refusal refusal = check_lines(head, 400)) return refusal;
  const auto line_end = head.find("\r\n");
  if (const Refusal refusal = parse_request_line(head.substr(0, line_end), out)) return refusal;
  // llhttp knows a fixed set of methods and treats some of them in its own way; ours are any token, so it sees a line
  // of ours in place of the one just read.
  Collector collected{scratch.parsed, limits.fields, {}, {}};
  int status = 0;
  if (!run_llhttp(HTTP_REQUEST, "GET / HTTP/1.1\r\n", head.substr(line_end + 2), collected, &status)) {
    if (collected.too_many) return {431, "too many fields"};
    return {400, "the head is not well-formed"};
  }
  if (const Refusal refusal = check_fields(scratch.parsed, 400)) return refusal;
  if (const Refusal refusal = check_framing_lines(scratch.parsed, head)) return refusal;
  if (!has_few_options(scratch.parsed)) return {431, "Connection names too many fields"};
  out.fields = scratch.parsed;
  return {};
}

Refusal parse_response_head(std::string_view head, const HeadLimits& limits, HeadScratch& scratch, ResponseHead& out) {
  if (needs_normalising(head)) head = normalise(head, scratch.normalised);
  if (const Refusal refusal = check_lines(head, 502)) return refusal;
  if (head.starts_with("HTTP/1.1 ")) {
    out.version = Version::http_1_1;
  } else if (head.starts_with("HTTP/1.0 ")) {
    out.version = Version::http_1_0;
  } else {
    return {502, "the answer is not HTTP/1.x"};
  }
  Collector collected{scratch.parsed, limits.fields, {}, {}};
  if (!run_llhttp(HTTP_RESPONSE, {}, head, collected, &out.status)) {
    return {502, collected.too_many ? "the answer has too many fields" : "the answer's head is not well-formed"};
  }
  if (out.status < 100 || out.status > 999 || head[9] == '0') return {502, "the answer's status is none"};
  out.reason = collected.reason;
  if (!is_field_value(out.reason)) return {502, "the answer's reason has a control character"};
  if (const Refusal refusal = check_fields(scratch.parsed, 502)) return refusal;
  if (!has_few_options(scratch.parsed)) return {502, "the answer's Connection names too many fields"};
  out.fields = scratch.parsed;
  return {};
}

Refusal parse_trailers(std::string_view section, ForbiddenTrailers forbidden, const HeadLimits& limits,
                       HeadScratch& scratch, Fields& out) {
  if (const Refusal refusal = check_lines(section, 400)) return refusal;
  Collector collected{scratch.parsed, limits.fields, {}, {}};
  int status = 0;
  if (!run_llhttp(HTTP_REQUEST, "GET / HTTP/1.1\r\n", section, collected, &status)) {
    return {collected.too_many ? 431 : 400, "the trailer section is not well-formed"};
  }
  if (const Refusal refusal = check_fields(scratch.parsed, 400)) return refusal;
  const std::size_t removed =
      std::erase_if(scratch.parsed, [](const Field& field) { return is_forbidden_trailer(field.name); });
  if (removed > 0 && forbidden == ForbiddenTrailers::refused) {
    return {400, "a trailer field that changes framing, routing or trust"};
  }
  out = scratch.parsed;
  return {};
}

}  // namespace sidecar::http
