#include "tests/tidy/source_text.hpp"

#include <algorithm>
#include <cctype>
#include <regex>

namespace sidecar::tidy {

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Walks the text once; each `skip_*` consumes one lexical element and blanks what is not code.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        blank_until(std::min(text_.find('\n', at_), text_.size()));
      } else if (starts("/*")) {
        blank_until(end_behind("*/", at_ + 2));
      } else if (starts("R\"") && !behind_word()) {
        skip_raw_string();
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !behind_word())) {
        skip_literal(text_[at_]);
      } else {
        ++at_;
      }
    }
    return code_;
  }

 private:
  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  /// Behind a letter or digit a quote separates digits, and an R is the end of a name.
  [[nodiscard]] bool behind_word() const { return at_ > 0 && is_word(text_[at_ - 1]); }

  [[nodiscard]] std::size_t end_behind(std::string_view what, std::size_t from) const {
    const std::size_t found = text_.find(what, from);
    return found == std::string_view::npos ? text_.size() : found + what.size();
  }

  void blank_until(std::size_t end) {
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') code_[at_] = ' ';
    }
  }

  void skip_raw_string() {
    const std::size_t open = std::min(text_.find('(', at_), text_.size());
    const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    const std::size_t end = end_behind(close, open);
    at_ += 2;
    blank_until(end - 1);
    at_ = end;
  }

  void skip_literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') end += text_[end] == '\\' ? 2U : 1U;
    end = std::min(end, text_.size());
    ++at_;
    blank_until(end);
    at_ = end + 1;
  }

  std::string_view text_;
  std::string code_;
  std::size_t at_ = 0;
};

void blank_preprocessor(std::string& code) {
  bool continued = false;
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = std::min(code.find('\n', at), code.size());
    const std::size_t first = code.find_first_not_of(' ', at);
    const bool directive = continued || (first < end && code[first] == '#');
    continued = directive && end > at && code[end - 1] == '\\';
    if (directive) std::fill(code.begin() + std::ptrdiff_t(at), code.begin() + std::ptrdiff_t(end), ' ');
    at = end + 1;
  }
}

enum class Scope { namespace_, type, function, other };

/// What a brace opens, judged by the text since the last statement.
Scope scope_of(const std::string& head) {
  static const std::regex namespace_head(R"(^\s*(inline\s+)?namespace\b|^\s*extern\s+"\s*"\s*$)");
  static const std::regex type_head(R"(^\s*(template\s*<.*>\s*)?(typedef\s+)?(class|struct|union|enum)\b[^(]*$)");
  static const std::regex derived_head(R"(^\s*(template\s*<.*>\s*)?(class|struct)\s+\w+(\s+final)?\s*:[^:])");
  if (std::regex_search(head, namespace_head)) return Scope::namespace_;
  if (std::regex_search(head, type_head) || std::regex_search(head, derived_head)) return Scope::type;
  const auto last = head.find_last_not_of(" \n");
  if (last == std::string::npos || std::string_view("(,={").find(head[last]) != std::string_view::npos)
    return Scope::other;
  const auto opened = std::count(head.begin(), head.end(), '(');
  return opened > 0 && opened == std::count(head.begin(), head.end(), ')') ? Scope::function : Scope::other;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string code_only(std::string_view text) {
  return Blanker(text).run();
}

std::vector<FunctionBody> function_bodies(std::string_view text) {
  std::string code = code_only(text);
  blank_preprocessor(code);
  struct Open {
    Scope scope;
    std::size_t line;
    std::string head;
  };
  std::vector<Open> open;
  std::vector<FunctionBody> bodies;
  std::string head;
  std::size_t line = 1;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const char c = code[at];
    if (c == '\n') ++line;
    if (c == '{') {
      const bool inside = !open.empty() && (open.back().scope == Scope::function || open.back().scope == Scope::other);
      open.push_back({inside ? Scope::other : scope_of(head), line, head});
      head.clear();
    } else if (c == '}' && !open.empty()) {
      const Open closed = open.back();
      open.pop_back();
      if (closed.scope == Scope::function) bodies.push_back({closed.line, line - closed.line + 1});
      // `a_{1}, b_{2} {` and `Values(Case{1})`: the statement goes on behind a brace that was an initializer.
      const std::size_t next = code.find_first_not_of(" \n", at + 1);
      const bool goes_on =
          next != std::string::npos && std::string_view(",{)").find(code[next]) != std::string_view::npos;
      head = goes_on ? closed.head + "x" : std::string();
    } else if (c == ';') {
      head.clear();
    } else {
      head += c;
    }
  }
  return bodies;
}

}  // namespace sidecar::tidy
