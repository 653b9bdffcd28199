#include "config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "config/words.hpp"

// yaml-cpp's events are read, not its Node: only they tell duplicate keys and later documents, where a null or an
// alias stands, and how large the thing grows, before it has grown.

namespace sidecar::config {
namespace {

/// Stops the parser; never leaves this file.
struct Refused : std::runtime_error {
  Refused(int line_, int column_, const std::string& why) : std::runtime_error(why), line(line_), column(column_) {}

  int line;
  int column;
};

struct Extent {
  std::size_t nodes = 1;
  std::size_t depth = 1;
};

Extent extent_of(const YamlNode& node) {
  Extent total;
  const auto add = [&](const YamlNode& child) {
    const Extent part = extent_of(child);
    total.nodes += part.nodes;
    total.depth = std::max(total.depth, part.depth + 1);
  };
  for (const YamlNode& item : node.items) add(item);
  for (const YamlEntry& entry : node.entries) add(entry.value);
  return total;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view source) : source_(source) {}

  [[nodiscard]] YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "a second document, or something behind the first one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = make(mark, YamlNode::Kind::empty);
    if (is_written_null(mark)) {
      node.kind = YamlNode::Kind::null;
    } else {
      place_empty(node, mark);
    }
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "an alias inside its own anchor");
    const Extent extent = extent_of(found->second);
    if (open_.size() + extent.depth > kYamlDepthMax) fail(mark, "too deeply nested");
    count(mark, extent.nodes);
    YamlNode copy = found->second;
    copy.line = mark.line + 1;
    copy.column = mark.column + 1;
    add(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    refuse_open_quote(mark);
    YamlNode node = make(mark, YamlNode::Kind::scalar);
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::mapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool awaits_value;  // of a mapping: its last entry has no value yet
  };

  [[noreturn]] static void fail(const YAML::Mark& mark, const std::string& why) {
    throw Refused(mark.line + 1, mark.column + 1, why);
  }

  void count(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kYamlNodesMax) fail(mark, "too many values (at most " + std::to_string(kYamlNodesMax) + ")");
  }

  YamlNode make(const YAML::Mark& mark, YamlNode::Kind kind) {
    count(mark, 1);
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_tag(mark, tag);
    if (open_.size() >= kYamlDepthMax) fail(mark, "too deeply nested");
    open_.push_back({make(mark, kind), anchor, false});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.awaits_value) {
      parent.node.entries.back().value = std::move(node);
      parent.awaits_value = false;
    } else {
      if (node.kind != YamlNode::Kind::scalar) throw Refused(node.line, node.column, "a key must be a word");
      parent.node.entries.push_back({std::move(node.text), node.line, node.column, {}});
      parent.awaits_value = true;
    }
  }

  [[nodiscard]] std::string_view source_at(const YAML::Mark& mark) const {
    return source_.substr(std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), source_.size()));
  }

  [[nodiscard]] bool is_written_null(const YAML::Mark& mark) const {
    const std::string_view rest = source_at(mark);
    return rest.starts_with('~') || lower_case(rest.substr(0, 4)) == "null";
  }

  /// yaml-cpp marks a value that is not there at the token behind it: blame its key, or the end of what was written.
  void place_empty(YamlNode& node, const YAML::Mark& mark) const {
    if (!open_.empty() && open_.back().awaits_value) {
      node.line = open_.back().node.entries.back().line;
      node.column = open_.back().node.entries.back().column;
      return;
    }
    const std::string_view before = source_.substr(0, source_.size() - source_at(mark).size());
    const std::size_t last = before.find_last_not_of(" \t\r\n");
    if (last == std::string_view::npos) return;
    const auto gap = before.begin() + static_cast<std::ptrdiff_t>(last);
    node.line = mark.line + 1 - static_cast<int>(std::count(gap, before.end(), '\n'));
    const std::size_t line_break = before.find_last_of('\n', last);
    node.column = static_cast<int>(last - (line_break == std::string_view::npos ? 0 : line_break + 1)) + 1;
  }

  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "tags are not supported");
  }

  /// yaml-cpp takes the end of the file for a closing quote.
  void refuse_open_quote(const YAML::Mark& mark) const {
    std::string_view rest = source_at(mark);
    while (rest.starts_with('&') || rest.starts_with('!')) {  // the mark is that of the anchor or the tag
      rest.remove_prefix(std::min(rest.find_first_of(" \n"), rest.size()));
      rest.remove_prefix(std::min(rest.find_first_not_of(" \r\n"), rest.size()));
    }
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return;
    const char quote = rest.front();
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (quote == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == quote) {
        const bool doubled = quote == '\'' && i + 1 < rest.size() && rest[i + 1] == quote;
        if (!doubled) return;
        ++i;
      }
    }
    fail(mark, "the quote is never closed");
  }

  std::string_view source_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// What usually is behind a syntax error on this line.
std::string hint_for(std::string_view line) {
  if (line.find("${") != std::string_view::npos) return " (put \"${...}\" into quotes)";
  if (line.find("[::") != std::string_view::npos || line.find("]:") != std::string_view::npos) {
    return " (put an address such as \"[::]:8080\" into quotes)";
  }
  if (line.find('\t') != std::string_view::npos) return " (indent with blanks, not with tabs)";
  return {};
}

/// What yaml-cpp would swallow, replace or take for the end of the file.
void refuse_foreign_bytes(std::string_view text) {
  if (text.size() > kYamlBytesMax) throw Refused(1, 1, "the file is larger than 1 MiB");
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int column = static_cast<int>(i - line_start) + 1;
    if (c == '\n') {
      if (!is_utf8(text.substr(line_start, i - line_start))) throw Refused(line, 1, "this line is not UTF-8");
      ++line;
      line_start = i + 1;
    } else if (c == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) {
      throw Refused(line, column, "a carriage return without a line feed");
    } else if (c != '\t' && c != '\r' && has_control(text.substr(i, 1))) {
      throw Refused(line, column, "a control character");
    }
  }
  if (!is_utf8(text.substr(line_start))) throw Refused(line, 1, "this line is not UTF-8");
}

YamlNode build(std::string_view text) {
  constexpr std::string_view kBom = "\xef\xbb\xbf";
  if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
  refuse_foreign_bytes(text);
  std::istringstream in{std::string(text)};
  TreeBuilder builder(text);
  try {
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::ParserException& error) {
    const int line = std::max(error.mark.line, 0) + 1;
    throw Refused(line, std::max(error.mark.column, 0) + 1,
                  "not YAML: " + escaped(error.msg) + hint_for(line_of(text, line)));
  }
  return builder.take();
}

}  // namespace

YamlResult parse_yaml(const std::string& file, std::string_view text) {
  try {
    return {build(text), std::nullopt};
  } catch (const Refused& error) {
    return {std::nullopt, Problem{file, error.line, error.column, error.what()}};
  } catch (const std::exception& error) {
    return {std::nullopt, Problem{file, 1, 1, "not YAML: " + in_quotes(error.what())}};
  }
}

}  // namespace sidecar::config
