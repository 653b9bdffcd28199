#include "tests/tidy/walls.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <string>

#include "tests/tidy/source_text.hpp"

namespace sidecar::tidy {

namespace {

using List = std::string_view;  ///< Words between spaces, with one at either end.

struct Room {
  std::string_view folder;
  List knows;
  bool pure = false;
};

constexpr std::array kRooms{
    Room{"http", " http ", true},
    Room{"sse", " sse http ", true},
    Room{"exchange", " exchange sse http ", true},
    Room{"config", " config exchange sse http "},
    Room{"observe", " observe exchange sse http "},
    Room{"net", " net observe config exchange sse http "},
    Room{"cli", " cli net observe config exchange sse http "},
    Room{"main", " main cli net observe config exchange sse http "},
};

/// What comes from outside: how it is included, how it is linked, and the rooms that may.
struct Outside {
  std::string_view include;
  std::string_view library;
  List rooms;
};

constexpr std::array kOutside{
    Outside{"llhttp.h", "llhttp::", " http "},    Outside{"nghttp2/", "nghttp2::", " http "},
    Outside{"yaml-cpp/", "yaml-cpp", " config "}, Outside{"spdlog/", "spdlog::", " observe "},
    Outside{"openssl/", "OpenSSL::", " net "},    Outside{"boost/asio", "", " net "},
    Outside{"boost/beast", "", " net "},          Outside{"CLI/", "CLI11::", " cli "},
};

/// Of the standard library, what has a thread, a clock of its own or a file in it.
constexpr std::array<std::string_view, 12> kForbiddenOnPureShore{
    "thread",  "mutex",  "shared_mutex", "condition_variable", "atomic", "future", "ctime", "iostream",
    "fstream", "cstdio", "csignal",      "semaphore",
};

/// What ends in .h and is no header of the system's: text to an IP address needs no socket, a processor's instructions
/// nothing but it.
constexpr std::array<std::string_view, 4> kHarmless{"llhttp.h", "nghttp2/nghttp2.h", "arpa/inet.h", "immintrin.h"};

/// The system's headers end in .h, and the pure shore has no system.
bool is_forbidden_on_pure_shore(std::string_view name) {
  if (std::ranges::find(kForbiddenOnPureShore, name) != kForbiddenOnPureShore.end()) return true;
  const bool container = name == "boost/container/vector.hpp" || name == "boost/container/string.hpp";
  if (name.starts_with("boost/")) return !name.starts_with("boost/intrusive/") && !container;
  return name.ends_with(".h") && std::ranges::find(kHarmless, name) == kHarmless.end();
}

bool has_word(List list, std::string_view word) {
  return list.find(" " + std::string(word) + " ") != List::npos;
}

const Room* room_of(std::string_view path) {
  const std::string_view folder = folder_of(path);
  const auto* found = std::ranges::find(kRooms, folder, &Room::folder);
  return found == kRooms.end() ? nullptr : found;
}

void check_include(const Room& room, std::string_view name, Finding at, std::vector<Finding>& findings) {
  for (const Outside& outside : kOutside) {
    if (name.starts_with(outside.include) && !has_word(outside.rooms, room.folder)) {
      at.what = std::string(room.folder) + " must not include " + std::string(name);
      findings.push_back(at);
    }
  }
  if (room.pure && is_forbidden_on_pure_shore(name)) {
    at.what = "the pure shore must not include " + std::string(name);
    findings.push_back(at);
  }
  const std::string_view target = name.substr(0, name.find('/'));
  const bool ours = target != name && std::ranges::find(kRooms, target, &Room::folder) != kRooms.end();
  if (ours && !has_word(room.knows, target)) {
    at.what = std::string(room.folder) + " must not know " + std::string(target);
    findings.push_back(at);
  }
}

}  // namespace

std::string_view folder_of(std::string_view path) {
  constexpr std::string_view kRoot = "sidecar/";
  if (!path.starts_with(kRoot)) return {};
  path.remove_prefix(kRoot.size());
  if (path == "main.cpp") return "main";
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::vector<Finding> check_walls(std::string_view path, std::string_view text) {
  static const std::regex include_line(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"].*)re");
  static const std::regex clock_call(R"(::now\s*\(|\bstd::time\s*\(|\bclock_gettime\s*\()");
  std::vector<Finding> findings;
  const Room* room = room_of(path);
  if (room == nullptr) return findings;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    const Finding at{std::string(path), ++number, {}};
    std::match_results<std::string_view::const_iterator> match;
    if (std::regex_match(line.begin(), line.end(), match, include_line)) {
      check_include(*room, std::string_view(match[1].first, match[1].second), at, findings);
    }
  }
  const std::string code = code_only(text);
  number = 0;
  for (const std::string_view line : lines_of(code)) {
    ++number;
    if (room->pure && std::regex_search(line.begin(), line.end(), clock_call)) {
      findings.push_back({std::string(path), number, "the pure shore is told the time, it does not look"});
    }
  }
  return findings;
}

std::vector<Finding> check_link_lines(std::string_view path, std::string_view text) {
  static const std::regex word(R"([A-Za-z0-9_:\-]+)");
  std::vector<Finding> findings;
  const Room* room = room_of(path);
  if (room == nullptr) return findings;
  std::size_t number = 0;
  for (std::string_view line : lines_of(text)) {
    ++number;
    line = line.substr(0, line.find('#'));
    const std::cregex_iterator end;
    for (std::cregex_iterator it(line.data(), line.data() + line.size(), word); it != end; ++it) {
      const std::string name = it->str();
      const auto report = [&] {
        findings.push_back({std::string(path), number, std::string(room->folder) + " must not link " + name});
      };
      if (name.starts_with("sidecar_")) {
        const std::string_view target = std::string_view(name).substr(8);
        const bool ours = std::ranges::find(kRooms, target, &Room::folder) != kRooms.end();
        if (ours && !has_word(room->knows, target)) report();
      }
      for (const Outside& outside : kOutside) {
        if (!outside.library.empty() && name.starts_with(outside.library) && !has_word(outside.rooms, room->folder))
          report();
      }
      if (room->pure && name.starts_with("Threads::")) report();
    }
  }
  return findings;
}

}  // namespace sidecar::tidy
