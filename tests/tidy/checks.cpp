#include "tests/tidy/checks.hpp"

#include <algorithm>
#include <array>
#include <regex>

#include "tests/tidy/source_text.hpp"

namespace sidecar::tidy {

namespace {

constexpr std::size_t kFileLines = 500;
constexpr std::size_t kFunctionLines = 70;
constexpr std::size_t kColumns = 120;
constexpr std::size_t kFileBytes = 300 * 1024;

bool is_python(std::string_view path) {
  return path.ends_with(".py");
}

bool is_code_of_ours(std::string_view path) {
  return path.starts_with("sidecar/") || path.starts_with("tests/") || path.starts_with("benchmarks/");
}

/// Columns, not bytes: a continuation byte of UTF-8 takes none.
std::size_t columns_of(std::string_view line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

struct Word {
  const char* pattern;
  const char* instead;
  bool only_where_time_is_simulated = false;
};

constexpr std::array kBannedWords{
    Word{R"(\busing\s+namespace\b(?!.*literals;))", "using namespace: name what is used (literals excepted)"},
    Word{R"(\bstd::endl\b)", "std::endl: write '\\n'"},
    Word{R"(\bshared_ptr<\s*(net::)?Session\s*>)", "shared_ptr<Session>: a session is owned by its worker"},
    Word{R"(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\()", "sleeping: this test has a fake clock", true},
};

bool time_is_simulated(std::string_view path) {
  constexpr std::array<std::string_view, 5> kFolders{"tests/http/", "tests/sse/", "tests/exchange/", "tests/config/",
                                                     "tests/sim/"};
  return std::ranges::any_of(kFolders, [&](std::string_view folder) { return path.starts_with(folder); });
}

/// "1.10.2" as something that can be compared.
std::vector<int> version_of(const std::string& text) {
  std::vector<int> parts;
  static const std::regex number(R"(\d+)");
  for (std::sregex_iterator it(text.begin(), text.end(), number), end; it != end; ++it)
    parts.push_back(std::stoi(it->str()));
  return parts;
}

}  // namespace

bool is_cpp(std::string_view path) {
  return path.ends_with(".cpp") || path.ends_with(".hpp");
}

std::vector<Finding> check_whitespace(std::string_view path, std::string_view text) {
  std::vector<Finding> findings;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    const auto report = [&](const char* what) { findings.push_back({std::string(path), number, what}); };
    if (line.find('\t') != std::string_view::npos) report("a tab");
    if (line.find('\r') != std::string_view::npos) report("a carriage return");
    if (line.ends_with(' ')) report("blanks at the end of the line");
  }
  if (!text.empty() && text.back() != '\n') findings.push_back({std::string(path), number, "no line end at the end"});
  return findings;
}

std::vector<Finding> check_lengths(std::string_view path, std::string_view text) {
  std::vector<Finding> findings;
  if (!is_code_of_ours(path) || !(is_cpp(path) || is_python(path))) return findings;
  const auto lines = lines_of(text);
  if (lines.size() >= kFileLines) {
    findings.push_back({std::string(path), 0, std::to_string(lines.size()) + " lines: split the file"});
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (columns_of(lines[i]) > kColumns) findings.push_back({std::string(path), i + 1, "longer than 120 columns"});
  }
  if (!is_cpp(path)) return findings;
  for (const FunctionBody& body : function_bodies(text)) {
    if (body.lines < kFunctionLines) continue;
    findings.push_back({std::string(path), body.line, "a function of " + std::to_string(body.lines) + " lines"});
  }
  return findings;
}

std::vector<Finding> check_words(std::string_view path, std::string_view text) {
  std::vector<Finding> findings;
  if (!is_cpp(path)) return findings;
  const std::string code = code_only(text);
  for (const Word& word : kBannedWords) {
    if (word.only_where_time_is_simulated && !time_is_simulated(path)) continue;
    const std::regex pattern(word.pattern);
    std::size_t number = 0;
    for (const std::string_view line : lines_of(code)) {
      ++number;
      if (std::regex_search(line.begin(), line.end(), pattern))
        findings.push_back({std::string(path), number, word.instead});
    }
  }
  return findings;
}

std::vector<Finding> check_headers_and_todos(std::string_view path, std::string_view text) {
  static const std::regex bare_todo(R"(\bTODO\b(?!(\([^)]*\))?:? \w.{8,}))");
  std::vector<Finding> findings;
  if (path.ends_with(".hpp") && text.find("#pragma once\n") == std::string_view::npos) {
    findings.push_back({std::string(path), 0, "no #pragma once"});
  }
  if (!is_cpp(path)) return findings;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    if (std::regex_search(line.begin(), line.end(), bare_todo)) {
      findings.push_back({std::string(path), number, "something to do that does not say what"});
    }
  }
  return findings;
}

std::vector<Finding> check_executable(std::string_view path, std::string_view text, bool executable) {
  if (!text.starts_with("#!") || executable) return {};
  return {{std::string(path), 1, "starts with #! and cannot be executed"}};
}

std::vector<Finding> check_size(std::string_view path, std::size_t bytes) {
  if (bytes <= kFileBytes) return {};
  return {{std::string(path), 0, std::to_string(bytes / 1024) + " KiB: too large for this tree"}};
}

std::vector<Finding> check_changelog(std::string_view path, std::string_view text) {
  static const std::regex release(R"(^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$)");
  static const std::regex heading(R"(^### (Added|Changed|Deprecated|Removed|Fixed|Security)$)");
  std::vector<Finding> findings;
  const auto report = [&](std::size_t line, const char* what) { findings.push_back({std::string(path), line, what}); };
  if (!text.starts_with("# Changelog\n")) report(1, "does not start with '# Changelog'");
  bool unreleased = false;
  std::vector<int> newer;
  std::size_t number = 0;
  for (const std::string_view view : lines_of(text)) {
    ++number;
    const std::string line(view);
    std::smatch match;
    if (line == "## [Unreleased]") {
      if (!newer.empty()) report(number, "Unreleased comes first");
      unreleased = true;
    } else if (line.starts_with("## ") && std::regex_match(line, match, release)) {
      const std::vector<int> version = version_of(match[1].str());
      if (!newer.empty() && version >= newer) report(number, "versions go from new to old");
      newer = version;
    } else if (line.starts_with("## ")) {
      report(number, "not of the form '## [1.2.3] - 2025-01-31'");
    } else if (line.starts_with("### ") && !std::regex_match(line, heading)) {
      report(number, "an unknown heading");
    }
  }
  if (!unreleased) report(0, "no '## [Unreleased]'");
  return findings;
}

std::vector<Finding> check_mirror(const std::set<std::string>& paths) {
  static const std::regex source(R"(^sidecar/((http|sse|exchange)/\w+)\.cpp$)");
  std::vector<Finding> findings;
  for (const std::string& path : paths) {
    std::smatch match;
    if (!std::regex_match(path, match, source)) continue;
    const std::string test = "tests/" + match[1].str() + "_test.cpp";
    if (!paths.contains(test)) findings.push_back({path, 0, "has no " + test});
  }
  return findings;
}

}  // namespace sidecar::tidy
