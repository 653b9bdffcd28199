#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// What every test of a log line asks.
namespace sidecar::observe::test {

/// Parses one JSON line; an empty object and a test failure when it is not valid. The parser checks UTF-8 too.
boost::json::object parse_line(std::string_view line);

/// The keys in their order.
std::vector<std::string> keys_of(const boost::json::object& object);

/// Whether a reader sees one line without control characters.
bool is_one_clean_line(std::string_view line);

/// Complete lines of `text`, without their newline; a rest without newline is the last one.
std::vector<std::string> split_lines(std::string_view text);

}  // namespace sidecar::observe::test
