#include "tests/http/proxy_header_laws.hpp"

#include <regex>

#include "http/proxy_protocol.hpp"

namespace sidecar::test {

namespace {

using http::ProxyHeader;
using Status = ProxyHeader::Status;

bool same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.status == b.status && a.size == b.size && a.source == b.source && std::string_view(a.why) == b.why;
}

std::string check_line(std::string_view line, const std::string& source) {
  static const std::regex kUnknown("PROXY UNKNOWN( [^\r\n]*)?\r\n");
  static const std::regex kTcp4(R"(PROXY TCP4 ((\d{1,3}\.){3}\d{1,3}) (\d{1,3}\.){3}\d{1,3} (0|[1-9]\d{0,4}) \d{1,5})"
                                "\r\n");
  static const std::regex kTcp6(R"(PROXY TCP6 ([\da-fA-F:.]{2,45}) [\da-fA-F:.]{2,45} (0|[1-9]\d{0,4}) \d{1,5})"
                                "\r\n");
  const std::string text(line);
  std::smatch match;
  if (std::regex_match(text, kUnknown)) return source.empty() ? "" : "a source of an unknown client: " + source;
  if (std::regex_match(text, match, kTcp4)) {
    const std::string expected = match[1].str() + ":" + match[4].str();
    return source == expected ? "" : "the source is " + source + ", not " + expected;
  }
  if (std::regex_match(text, match, kTcp6)) {
    return source.ends_with(":" + match[2].str()) ? "" : "the source is " + source + " without the port of the line";
  }
  return "a line that is none was understood";
}

}  // namespace

std::string check_proxy_header(std::string_view bytes) {
  const std::size_t most = bytes.starts_with('P') ? 107 : http::kProxyHeaderBytesMax;
  const ProxyHeader whole = http::read_proxy_header(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const ProxyHeader cut = http::read_proxy_header(bytes.substr(0, size));
    if (cut.status == Status::need_more) {
      if (size >= most) return "the whole limit is there, and it waits for more";
      continue;
    }
    if (!same(cut, whole)) return "with " + std::to_string(size) + " bytes something else is understood than with all";
    if (cut.status == Status::done && cut.size != size) return "a header was understood at another byte than its last";
    break;
  }
  if (whole.status == Status::need_more && bytes.size() >= most) return "everything is there, and it waits for more";
  if (whole.status != Status::done) return "";
  if (whole.size == 0 || whole.size > bytes.size() || whole.size > most) return "a header of an impossible size";
  return bytes.starts_with('P') ? check_line(bytes.substr(0, whole.size), whole.source) : "";
}

}  // namespace sidecar::test
