#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace sidecar::config {

struct YamlEntry;

/// A YAML document as plain data with the place of every node. Aliases are resolved: a copy stands where each was.
struct YamlNode {
  enum class Kind {
    empty,  ///< Nothing was written (`key:`).
    null,   ///< `null` or `~` was written.
    scalar,
    sequence,
    mapping,
  };

  Kind kind = Kind::empty;
  int line = 1;
  int column = 1;
  std::string text;  ///< Of a scalar.
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  ///< In order, duplicates included.
};

struct YamlEntry {
  std::string key;
  int line = 1;
  int column = 1;
  YamlNode value;
};

inline constexpr std::size_t kYamlBytesMax = 1 << 20;
inline constexpr std::size_t kYamlNodesMax = 100'000;  ///< Behind the aliases.
inline constexpr std::size_t kYamlDepthMax = 32;

struct YamlResult {
  std::optional<YamlNode> root;
  std::optional<Problem> problem;  ///< The first one; nothing can be read behind it.
};

/// One document of UTF-8 and nothing behind it. No input makes it throw.
[[nodiscard]] YamlResult parse_yaml(const std::string& file, std::string_view text);

}  // namespace sidecar::config
