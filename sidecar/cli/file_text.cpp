#include "cli/file_text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "config/words.hpp"
#include "config/yaml_tree.hpp"

namespace sidecar::cli {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

config::Problem unreadable(const std::string& path, int error) {
  return {path, 0, 0, std::string("cannot be read: ") + std::strerror(error)};
}

}  // namespace

std::variant<config::FileText, config::Problem> read_file(const std::string& path) {
  const std::string name = config::has_control(path) ? config::in_quotes(path) : path;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return unreadable(name, errno);
  config::FileText text{name, {}};
  std::array<char, 16 * 1024> part{};
  while (text.text.size() <= config::kYamlBytesMax) {  // one part more than allowed: load() names the limit
    const std::size_t bytes = std::fread(part.data(), 1, part.size(), file.get());
    if (bytes == 0) break;
    text.text.append(part.data(), bytes);
  }
  if (std::ferror(file.get()) != 0) return unreadable(name, errno);
  return text;
}

}  // namespace sidecar::cli
