#include "json.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <boost/json/src.hpp>

namespace sidecar::observe::test {

boost::json::object parse_line(std::string_view line) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse({line.data(), line.size()}, error);
  if (error || !value.is_object()) {
    ADD_FAILURE() << "not a JSON object (" << error.message() << "): " << line;
    return {};
  }
  return value.as_object();
}

std::vector<std::string> keys_of(const boost::json::object& object) {
  std::vector<std::string> keys;
  for (const auto& member : object) keys.emplace_back(member.key());
  return keys;
}

bool is_one_clean_line(std::string_view line) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(line.begin(), line.end(), is_control)) return false;
  // C1 in UTF-8, and the separators that some viewers break lines at.
  for (std::size_t at = 0; at + 1 < line.size(); ++at) {
    if (line[at] == '\xC2' && static_cast<unsigned char>(line[at + 1]) < 0xA0) return false;
  }
  return line.find("\u2028") == std::string_view::npos && line.find("\u2029") == std::string_view::npos;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace sidecar::observe::test
