#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/tidy/checks.hpp"
#include "tests/tidy/walls.hpp"

// The rules, held against every file of the repository.
namespace sidecar::tidy {
namespace {

namespace fs = std::filesystem;

struct File {
  std::string text;
  bool executable = false;
};

using Tree = std::map<std::string, File>;  ///< By path below the repository.

bool is_left_out(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == ".git" || name == "build" || name == "node_modules" || name == "__pycache__" || name == ".cache";
}

Tree read_tree() {
  Tree tree;
  const fs::path root = SIDECAR_SOURCE_DIR;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    if (is_left_out(it->path())) it.disable_recursion_pending();
    if (it->is_symlink() || !it->is_regular_file() || is_left_out(it->path())) continue;
    std::ifstream stream(it->path(), std::ios::binary);
    const bool executable = (it->status().permissions() & fs::perms::owner_exec) != fs::perms::none;
    tree[it->path().lexically_relative(root).generic_string()] = {
        std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()), executable};
  }
  return tree;
}

const Tree& tree() {
  static const Tree tree = read_tree();
  return tree;
}

/// Their bytes are what they are for.
bool is_data(const std::string& path) {
  return path.starts_with("tests/fuzz/corpus/") || path == "LICENSE";
}

void expect_none(const std::vector<Finding>& findings) {
  std::string list;
  for (const Finding& finding : findings) {
    list += finding.path + ":" + std::to_string(finding.line) + ": " + finding.what + "\n";
  }
  EXPECT_TRUE(findings.empty()) << list;
}

template <typename Check>
void each_file(Check check) {
  std::vector<Finding> all;
  for (const auto& [path, file] : tree()) {
    const std::vector<Finding> found = check(path, file);
    all.insert(all.end(), found.begin(), found.end());
  }
  expect_none(all);
}

TEST(Tree, IsThere) {
  EXPECT_TRUE(tree().contains("CMakeLists.txt"));
  EXPECT_TRUE(tree().contains("sidecar/main.cpp"));
}

TEST(Tree, Walls) {
  each_file([](const std::string& path, const File& file) {
    return is_cpp(path) ? check_walls(path, file.text) : std::vector<Finding>{};
  });
}

TEST(Tree, LinkLines) {
  each_file([](const std::string& path, const File& file) {
    return path.ends_with("/CMakeLists.txt") ? check_link_lines(path, file.text) : std::vector<Finding>{};
  });
}

TEST(Tree, Lengths) {
  each_file([](const std::string& path, const File& file) { return check_lengths(path, file.text); });
}

TEST(Tree, Whitespace) {
  each_file([](const std::string& path, const File& file) {
    return is_data(path) ? std::vector<Finding>{} : check_whitespace(path, file.text);
  });
}

TEST(Tree, Words) {
  each_file([](const std::string& path, const File& file) { return check_words(path, file.text); });
}

TEST(Tree, HeadersAndTodos) {
  each_file([](const std::string& path, const File& file) { return check_headers_and_todos(path, file.text); });
}

TEST(Tree, ScriptsCanBeExecuted) {
  each_file(
      [](const std::string& path, const File& file) { return check_executable(path, file.text, file.executable); });
}

TEST(Tree, Sizes) {
  each_file([](const std::string& path, const File& file) { return check_size(path, file.text.size()); });
}

TEST(Tree, Changelog) {
  ASSERT_TRUE(tree().contains("CHANGELOG.md"));
  expect_none(check_changelog("CHANGELOG.md", tree().at("CHANGELOG.md").text));
}

TEST(Tree, Mirror) {
  std::set<std::string> paths;
  for (const auto& [path, file] : tree()) paths.insert(path);
  expect_none(check_mirror(paths));
}

TEST(Tree, SampleConfigurationIsLoadedByATest) {
  bool loaded = false;
  for (const auto& [path, file] : tree()) {
    loaded = loaded || (path.starts_with("tests/config/") && file.text.find("conf/sidecar.yaml") != std::string::npos);
  }
  EXPECT_TRUE(loaded) << "no test in tests/config names conf/sidecar.yaml";
}

}  // namespace
}  // namespace sidecar::tidy
