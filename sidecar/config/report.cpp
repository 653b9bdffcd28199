#include "config/report.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/words.hpp"

namespace sidecar::config {
namespace {

constexpr std::size_t kPathKeyMax = 60;

}  // namespace

std::string to_string(const Problem& problem) {
  std::string line = problem.source;
  if (problem.line > 0) line += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
  if (!line.empty()) line += ": ";
  return line + problem.message;
}

std::string member_path(std::string_view path, std::string_view key) {
  const auto plain = [](char c) { return c > ' ' && c < 0x7f && c != '.' && c != '[' && c != '\''; };
  const bool reads_well = !key.empty() && key.size() <= kPathKeyMax && std::all_of(key.begin(), key.end(), plain);
  std::string joined(path);
  if (!joined.empty()) joined += '.';
  return joined + (reads_well ? std::string(key) : in_quotes(key));
}

std::string element_path(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

void Report::locate(const std::string& path, Origin origin) {
  origins_[path] = std::move(origin);
}

void Report::problem(std::string_view path, std::string_view message) {
  problem_at(origin_of(path), path, message);
}

void Report::problem_at(const Origin& origin, std::string_view path, std::string_view message) {
  std::string text;
  const bool in_file = origin.line > 0;  // an option is its own path
  if (in_file && !path.empty()) text = std::string(path) + ": ";
  text += message;
  problems_.push_back({origin.source, origin.line, origin.column, std::move(text)});
}

Problems Report::take() {
  std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& left, const Problem& right) {
    const auto rank = [](const Problem& p) { return std::tuple(p.line == 0, p.line, p.column); };
    return rank(left) < rank(right);
  });
  return std::move(problems_);
}

Origin Report::origin_of(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = origins_.find(path); found != origins_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
  }
  if (file_.empty()) return {};
  return {file_, 1, 1};
}

}  // namespace sidecar::config
