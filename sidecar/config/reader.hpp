#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/environment.hpp"
#include "config/parsed.hpp"
#include "config/report.hpp"
#include "config/yaml_tree.hpp"

/// Typed reading of a YAML tree: every key that is asked for is known, every other one is a problem.
namespace sidecar::config {

/// What all sections of one file share.
struct ReaderContext {
  Report& report;
  const EnvironmentLookup& environment;
  std::set<std::string>* asked = nullptr;  ///< When set: lists of an absent file hold one imaginary element, and every
                                           ///< key asked for is noted (`routes[].match.host`, `upstreams.NAME.url`).
};

/// One mapping of the file. A member function reads one key into `out`, which keeps its default when the key is absent
/// or wrong. Parsers are `Parsed<T>(std::string_view)`.
class Section {
 public:
  using Body = std::function<void(Section&)>;
  using IndexedBody = std::function<void(Section&, std::size_t index)>;
  using NamedBody = std::function<void(Section&, const std::string& name)>;

  /// Reads `node` (nullptr: absent) with `body`, then reports the keys that `body` did not ask for.
  static void read(ReaderContext& context, const YamlNode* node, const std::string& path, const Body& body);

  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  void problem(std::string_view key, std::string_view message) { context_.report.problem(path_of(key), message); }

  /// A value that cannot be switched off.
  template <class T, class Parse>
  void value(std::string_view key, T& out, Parse parse) {
    const auto word = take_word(key);
    if (!word) return;
    if (word->null) return problem(key, "must not be null");
    store(key, out, parse(std::string_view(word->text)));
  }

  /// `null` or `off` leaves it without a value.
  template <class T, class Parse>
  void switchable(std::string_view key, std::optional<T>& out, Parse parse) {
    const auto word = take_word(key);
    if (!word) return;
    if (word->null || word->text == "off") {
      out.reset();
      return;
    }
    T read{};
    if (store(key, read, parse(std::string_view(word->text)))) out = std::move(read);
  }

  /// `null` leaves it empty.
  template <class Parse>
  void text_or_null(std::string_view key, std::string& out, Parse parse) {
    const auto word = take_word(key);
    if (!word) return;
    if (word->null) return out.clear();
    store(key, out, parse(std::string_view(word->text)));
  }

  void section(std::string_view key, const Body& body);
  /// Written as `off` or `null` it calls `switch_off` instead.
  void section_or_off(std::string_view key, const std::function<void()>& switch_off, const Body& body);
  void sections(std::string_view key, const IndexedBody& body);      ///< A list of mappings.
  void named_sections(std::string_view key, const NamedBody& body);  ///< A mapping of names to mappings.

  /// A list of words; replaces `out`. An element that fails leaves an empty one, so that the places of the others hold.
  template <class T, class Parse>
  void values(std::string_view key, std::vector<T>& out, Parse parse) {
    const YamlNode* const node = take(key);
    if (node == nullptr) return;
    out.clear();
    for_each_word(key, *node, [&](const std::string& path, const std::optional<std::string>& text) {
      out.emplace_back();
      if (text) store_at(path, out.back(), parse(std::string_view(*text)));
    });
  }

  /// A mapping of words to words, in order; replaces `out`.
  void pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>& out);

 private:
  struct Word {
    bool null = false;
    std::string text;
  };

  Section(ReaderContext& context, const YamlNode* node, std::string path);

  [[nodiscard]] const YamlEntry* find(std::string_view key) const;
  const YamlNode* take(std::string_view key);
  std::optional<Word> take_word(std::string_view key);
  std::optional<Word> word_of(const YamlNode& node, const std::string& path);
  void for_each_word(std::string_view key, const YamlNode& node,
                     const std::function<void(const std::string& path, const std::optional<std::string>& text)>& visit);
  std::optional<std::string> text_of(const YamlNode& node, const std::string& path);  ///< A word that is not null.
  void locate(const std::string& path, int line, int column);
  void note(const std::string& path);
  void report_unknown_keys();

  template <class T>
  bool store(std::string_view key, T& out, Parsed<T> parsed) {
    return store_at(path_of(key), out, std::move(parsed));
  }

  template <class T>
  bool store_at(const std::string& path, T& out, Parsed<T> parsed) {
    if (parsed.value) {
      out = std::move(*parsed.value);
      return true;
    }
    context_.report.problem(path, parsed.why);
    return false;
  }

  ReaderContext& context_;
  const YamlNode* node_;  ///< A mapping, or nullptr when there is nothing to read.
  std::string path_;
  std::vector<std::string_view> known_;
};

}  // namespace sidecar::config
