#include "tests/net/harness/http.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sidecar::nettest {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

[[noreturn]] void malformed(std::string_view what, std::string_view line) {
  throw std::runtime_error("malformed head, " + std::string(what) + ": " + std::string(line));
}

bool is_token(std::string_view text) {
  constexpr std::string_view kTokenPunctuation = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           kTokenPunctuation.find(c) != std::string_view::npos;
  });
}

std::uint64_t content_length(const std::string& text) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) malformed("Content-Length", text);
  return length;
}

/// Framing by fields alone; nullopt when they say nothing.
std::optional<BodyFraming> declared_framing(const Head& head) {
  const auto encoding = head.field("Transfer-Encoding");
  const auto length = head.field("Content-Length");
  if (encoding && length) malformed("both Transfer-Encoding and Content-Length", head.bytes);
  if (encoding) {
    if (!equal_ignoring_case(*encoding, "chunked")) malformed("Transfer-Encoding", *encoding);
    return BodyFraming{Framing::chunked, 0};
  }
  if (length) return BodyFraming{Framing::length, content_length(*length)};
  return std::nullopt;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string> Head::values(std::string_view name) const {
  std::vector<std::string> found;
  for (const auto& [field_name, value] : fields) {
    if (equal_ignoring_case(field_name, name)) found.push_back(value);
  }
  return found;
}

std::optional<std::string> Head::field(std::string_view name) const {
  const auto found = values(name);
  if (found.size() > 1) malformed("repeated field", name);
  if (found.empty()) return std::nullopt;
  return found.front();
}

bool Head::lists(std::string_view name, std::string_view token) const {
  for (const auto& value : values(name)) {
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = rest.find(',');
      if (equal_ignoring_case(trim(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

int Head::status() const {
  if (start_line.size() < 12 || !start_line.starts_with("HTTP/1.")) malformed("status line", start_line);
  return std::stoi(start_line.substr(9, 3));
}

std::string Head::without_framing() const {
  std::string text = start_line + "\r\n";
  for (const auto& [name, value] : fields) {
    if (equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Transfer-Encoding")) continue;
    text += name + ": " + value + "\r\n";
  }
  return text;
}

std::vector<Field> parse_fields(std::string_view lines) {
  std::vector<Field> fields;
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    if (end == std::string_view::npos) malformed("unterminated line", lines);
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) malformed("control byte", line);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) malformed("no colon", line);
    if (!is_token(line.substr(0, colon))) malformed("field name", line);
    fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return fields;
}

Head parse_head(std::string bytes) {
  Head head;
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string::npos || !bytes.ends_with("\r\n\r\n")) malformed("no end", bytes);
  head.start_line = bytes.substr(0, end);
  if (head.start_line.find('\n') != std::string::npos) malformed("bare LF", head.start_line);
  head.fields = parse_fields(std::string_view(bytes).substr(end + 2, bytes.size() - end - 4));
  head.bytes = std::move(bytes);
  return head;
}

BodyFraming framing_of_request(const Head& head) {
  return declared_framing(head).value_or(BodyFraming{});
}

BodyFraming framing_of_response(const Head& head, std::string_view method) {
  const auto declared = declared_framing(head);
  const int status = head.status();
  if (method == "HEAD" || status / 100 == 1 || status == 204 || status == 304) return {};
  return declared.value_or(BodyFraming{Framing::until_close, 0});
}

}  // namespace sidecar::nettest
