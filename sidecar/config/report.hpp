#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/problem.hpp"

namespace sidecar::config {

/// Where a value comes from.
struct Origin {
  std::string source;
  int line = 0;
  int column = 0;
};

/// `path.key`; a key that would not read well in a path is put into quotes.
[[nodiscard]] std::string member_path(std::string_view path, std::string_view key);
[[nodiscard]] std::string element_path(std::string_view path, std::size_t index);  ///< `path[index]`

/// Collects problems, and remembers where the value of each path (`routes[2].match.host`) was said, so that a check
/// that knows only paths is still told with a line.
class Report {
 public:
  /// `file` stands for paths that nobody said, e.g. a missing key; empty without a file.
  explicit Report(std::string file) : file_(std::move(file)) {}

  [[nodiscard]] const std::string& file() const { return file_; }

  /// Later calls for a path replace earlier ones: an option that beats the file is to blame for its value.
  void locate(const std::string& path, Origin origin);

  /// A problem of the value at `path`. Unless located, its nearest enclosing section is blamed.
  void problem(std::string_view path, std::string_view message);
  void problem_at(const Origin& origin, std::string_view path, std::string_view message);

  [[nodiscard]] bool clean() const { return problems_.empty(); }

  /// In the order of the file, then those of the environment and of options.
  [[nodiscard]] Problems take();

 private:
  [[nodiscard]] Origin origin_of(std::string_view path) const;

  std::string file_;
  std::map<std::string, Origin, std::less<>> origins_;
  Problems problems_;
};

}  // namespace sidecar::config
