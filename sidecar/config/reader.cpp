#include "config/reader.hpp"

#include <algorithm>
#include <map>

#include "config/words.hpp"

namespace sidecar::config {
namespace {

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::empty:
      return "empty";
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::scalar:
      return "a single value";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::mapping:
      return "a mapping";
  }
  return {};
}

std::string must_be(std::string_view wanted, YamlNode::Kind kind) {
  return "must be " + std::string(wanted) + ", not " + std::string(kind_name(kind));
}

bool holds_nothing(const YamlNode& node) {
  return node.kind == YamlNode::Kind::empty || node.kind == YamlNode::Kind::null;
}

}  // namespace

void Section::read(ReaderContext& context, const YamlNode* node, const std::string& path, const Body& body) {
  Section section(context, node, path);
  body(section);
  section.report_unknown_keys();
}

Section::Section(ReaderContext& context, const YamlNode* node, std::string path)
    : context_(context), node_(node), path_(std::move(path)) {
  if (node_ == nullptr) return;
  if (node_->kind != YamlNode::Kind::mapping) {
    if (!holds_nothing(*node_)) {
      const Origin origin{context_.report.file(), node_->line, node_->column};
      context_.report.problem_at(origin, path_, must_be("a mapping of keys to values", node_->kind));
    }
    node_ = nullptr;
    return;
  }
  std::map<std::string_view, int> seen;
  for (const YamlEntry& entry : node_->entries) {
    const auto [first, fresh] = seen.emplace(entry.key, entry.line);
    if (fresh) continue;
    context_.report.problem_at(
        {context_.report.file(), entry.line, entry.column}, path_,
        "duplicate key " + in_quotes(entry.key) + " (first in line " + std::to_string(first->second) + ")");
  }
}

std::string Section::path_of(std::string_view key) const {
  return key.empty() ? path_ : member_path(path_, key);
}

const YamlEntry* Section::find(std::string_view key) const {
  if (node_ == nullptr) return nullptr;
  const auto found = std::find_if(node_->entries.begin(), node_->entries.end(),
                                  [&](const YamlEntry& entry) { return entry.key == key; });
  return found == node_->entries.end() ? nullptr : &*found;
}

const YamlNode* Section::take(std::string_view key) {
  known_.push_back(key);
  note(path_of(key));
  const YamlEntry* const entry = find(key);
  if (entry == nullptr) return nullptr;
  locate(path_of(key), entry->value.line, entry->value.column);
  return &entry->value;
}

std::optional<Section::Word> Section::take_word(std::string_view key) {
  const YamlNode* const node = take(key);
  if (node == nullptr) return std::nullopt;
  return word_of(*node, path_of(key));
}

std::optional<Section::Word> Section::word_of(const YamlNode& node, const std::string& path) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return Word{true, {}};
    case YamlNode::Kind::scalar:
      break;
    case YamlNode::Kind::empty:
      context_.report.problem(path, "has no value (remove the key to get the default, write null to mean none)");
      return std::nullopt;
    default:
      context_.report.problem(path, must_be("a single value", node.kind));
      return std::nullopt;
  }
  Parsed<Expanded> expanded = expand(node.text, context_.environment);
  if (!expanded.value) {
    context_.report.problem(path, expanded.why);
    return std::nullopt;
  }
  const bool null = expanded.value->changed && (expanded.value->text == "null" || expanded.value->text == "~");
  return Word{null, std::move(expanded.value->text)};
}

void Section::section(std::string_view key, const Body& body) {
  read(context_, take(key), path_of(key), body);
}

void Section::section_or_off(std::string_view key, const std::function<void()>& switch_off, const Body& body) {
  const YamlNode* const node = take(key);
  if (node == nullptr || node->kind == YamlNode::Kind::mapping) return read(context_, node, path_of(key), body);
  if (node->kind == YamlNode::Kind::sequence) {
    problem(key, must_be("a mapping, or off", node->kind));
  } else if (const auto word = word_of(*node, path_of(key))) {
    if (!word->null && word->text != "off")
      return problem(key, in_quotes(word->text) + " is neither a mapping nor off");
    switch_off();
  }
}

void Section::sections(std::string_view key, const IndexedBody& body) {
  const YamlNode* const node = take(key);
  if (node == nullptr || holds_nothing(*node)) {
    if (context_.asked == nullptr) return;
    return read(context_, nullptr, path_of(key) + "[]", [&](Section& element) { body(element, 0); });
  }
  if (node->kind != YamlNode::Kind::sequence) return problem(key, must_be("a list", node->kind));
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const YamlNode& item = node->items[i];
    const std::string path = element_path(path_of(key), i);
    locate(path, item.line, item.column);
    read(context_, &item, path, [&](Section& element) { body(element, i); });
  }
}

void Section::named_sections(std::string_view key, const NamedBody& body) {
  const YamlNode* const node = take(key);
  if (node == nullptr && context_.asked != nullptr) {
    return read(context_, nullptr, path_of(key) + ".NAME", [&](Section& element) { body(element, "NAME"); });
  }
  std::set<std::string_view> seen;
  Section names(context_, node, path_of(key));  // reports duplicates
  if (names.node_ == nullptr) return;
  for (const YamlEntry& entry : names.node_->entries) {
    if (!seen.insert(entry.key).second) continue;
    const std::string path = names.path_of(entry.key);
    locate(path, entry.line, entry.column);
    read(context_, &entry.value, path, [&](Section& element) { body(element, entry.key); });
  }
}

std::optional<std::string> Section::text_of(const YamlNode& node, const std::string& path) {
  locate(path, node.line, node.column);
  auto word = word_of(node, path);
  if (!word) return std::nullopt;
  if (!word->null) return std::move(word->text);
  context_.report.problem(path, "must not be null");
  return std::nullopt;
}

void Section::for_each_word(
    std::string_view key, const YamlNode& node,
    const std::function<void(const std::string& path, const std::optional<std::string>& text)>& visit) {
  if (holds_nothing(node)) return;
  if (node.kind != YamlNode::Kind::sequence) {
    return problem(key, must_be("a list", node.kind) + " (write [...])");
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string path = element_path(path_of(key), i);
    visit(path, text_of(node.items[i], path));
  }
}

void Section::pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>& out) {
  const YamlNode* const node = take(key);
  if (node == nullptr) return;
  out.clear();
  std::set<std::string_view> seen;
  const Section words(context_, node, path_of(key));  // reports duplicates
  if (words.node_ == nullptr) return;
  for (const YamlEntry& entry : words.node_->entries) {
    if (!seen.insert(entry.key).second) continue;
    if (auto text = text_of(entry.value, words.path_of(entry.key))) out.emplace_back(entry.key, std::move(*text));
  }
}

void Section::locate(const std::string& path, int line, int column) {
  context_.report.locate(path, {context_.report.file(), line, column});
}

void Section::note(const std::string& path) {
  if (context_.asked != nullptr) context_.asked->insert(path);
}

void Section::report_unknown_keys() {
  if (node_ == nullptr) return;
  for (const YamlEntry& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    std::string hint = did_you_mean(entry.key, known_);
    if (hint.empty()) hint = " (known here: " + joined(known_, " and ") + ")";
    context_.report.problem_at({context_.report.file(), entry.line, entry.column}, path_,
                               "unknown key " + in_quotes(entry.key) + hint);
  }
}

}  // namespace sidecar::config
