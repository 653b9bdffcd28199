#include "tests/tidy/walls.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sidecar::tidy {
namespace {

std::size_t count(const char* path, const std::string& text) {
  return check_walls(path, text).size();
}
std::size_t count_links(const char* path, const std::string& text) {
  return check_link_lines(path, text).size();
}

TEST(Walls, FolderOf) {
  EXPECT_EQ(folder_of("sidecar/http/fields.cpp"), "http");
  EXPECT_EQ(folder_of("sidecar/main.cpp"), "main");
  EXPECT_EQ(folder_of("tests/http/fields_test.cpp"), "");
}

TEST(Walls, EachOutsideLibraryHasItsRoom) {
  EXPECT_EQ(count("sidecar/http/a.cpp", "#include <llhttp.h>\n"), 0U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "#include <llhttp.h>\n"), 1U);
  EXPECT_EQ(count("sidecar/http/a.cpp", "#include <nghttp2/nghttp2.h>\n"), 0U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "#include <nghttp2/nghttp2.h>\n"), 1U);
  EXPECT_EQ(count("sidecar/exchange/a.cpp", "#include <nghttp2/nghttp2.h>\n"), 1U);
  EXPECT_EQ(count("sidecar/config/a.cpp", "#include <yaml-cpp/yaml.h>\n"), 0U);
  EXPECT_EQ(count("sidecar/cli/a.cpp", "#include <yaml-cpp/yaml.h>\n"), 1U);
  EXPECT_EQ(count("sidecar/observe/a.cpp", "#include <spdlog/spdlog.h>\n"), 0U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "#include <spdlog/spdlog.h>\n"), 1U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "#include <boost/asio/ip/tcp.hpp>\n#include <openssl/ssl.h>\n"), 0U);
  EXPECT_EQ(count("sidecar/config/a.cpp", "#include <boost/asio/ip/tcp.hpp>\n#include <openssl/ssl.h>\n"), 2U);
  EXPECT_EQ(count("sidecar/cli/a.cpp", "#include <openssl/ssl.h>\n"), 1U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "#include <boost/beast/http/read.hpp>\n"), 0U);
  EXPECT_EQ(count("sidecar/cli/a.cpp", "#include <boost/beast/http/read.hpp>\n"), 1U);
}

TEST(Walls, NothingPointsBack) {
  EXPECT_EQ(count("sidecar/exchange/a.hpp", "#include \"sse/scanner.hpp\"\n#include \"exchange/b.hpp\"\n"), 0U);
  EXPECT_EQ(count("sidecar/sse/a.hpp", "#include \"exchange/policy.hpp\"\n"), 1U);
  EXPECT_EQ(count("sidecar/http/a.hpp", "#include \"sse/scanner.hpp\"\n"), 1U);
  EXPECT_EQ(count("sidecar/observe/a.hpp", "#include \"config/config.hpp\"\n"), 1U);
  EXPECT_EQ(count("sidecar/net/a.hpp", "#include \"cli/options.hpp\"\n"), 1U);
  EXPECT_EQ(count("sidecar/main.cpp", "#include \"cli/options.hpp\"\n#include \"net/server.hpp\"\n"), 0U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "#include <sys/socket.h>\n#include <net/if.h>\n"), 0U);
}

TEST(Walls, ThePureShoreHasNoMachine) {
  for (const char* header : {"thread", "mutex", "atomic", "iostream", "fstream", "cstdio", "ctime", "sys/socket.h",
                             "unistd.h", "netdb.h", "netinet/in.h", "boost/json.hpp"}) {
    const std::string line = std::string("#include <") + header + ">\n";
    EXPECT_EQ(count("sidecar/sse/a.cpp", line), 1U) << header;
    EXPECT_EQ(count("sidecar/net/a.cpp", line), 0U) << header;
  }
  EXPECT_EQ(count("sidecar/exchange/a.cpp", "#include <boost/intrusive/list.hpp>\n"), 0U);
  EXPECT_EQ(count("sidecar/http/a.hpp", "#include <boost/container/vector.hpp>\n"), 0U);
  EXPECT_EQ(count("sidecar/exchange/a.hpp", "#include <boost/container/string.hpp>\n"), 0U);
  EXPECT_EQ(count("sidecar/exchange/a.hpp", "#include <boost/container/map.hpp>\n"), 1U);
  EXPECT_EQ(count("sidecar/exchange/a.cpp", "#include <arpa/inet.h>\n"), 0U);  // Text to an address, no socket.
  EXPECT_EQ(count("sidecar/cli/a.cpp", "#include <boost/asio/ip/tcp.hpp>\n"), 1U);
}

TEST(Walls, ThePureShoreDoesNotLookAtAClock) {
  EXPECT_EQ(count("sidecar/exchange/a.cpp", "auto t = std::chrono::steady_clock::now();\n"), 1U);
  EXPECT_EQ(count("sidecar/exchange/a.cpp", "auto t = std::time(nullptr);\n"), 1U);
  EXPECT_EQ(count("sidecar/exchange/a.cpp", "// not Clock::now()\nvoid f(TimePoint now);\n"), 0U);
  EXPECT_EQ(count("sidecar/net/a.cpp", "auto t = std::chrono::steady_clock::now();\n"), 0U);
}

TEST(Walls, LinkLinesSayTheSame) {
  EXPECT_EQ(count_links("sidecar/http/CMakeLists.txt", "sidecar_library(http SOURCES a.cpp PRIVATE llhttp::llhttp)\n"),
            0U);
  EXPECT_EQ(count_links("sidecar/sse/CMakeLists.txt", "sidecar_library(sse SOURCES a.cpp PRIVATE llhttp::llhttp)\n"),
            1U);
  EXPECT_EQ(count_links("sidecar/sse/CMakeLists.txt", "sidecar_library(sse PUBLIC sidecar_exchange)\n"), 1U);
  EXPECT_EQ(count_links("sidecar/exchange/CMakeLists.txt", "sidecar_library(exchange PUBLIC sidecar_sse)\n"), 0U);
  EXPECT_EQ(count_links("sidecar/exchange/CMakeLists.txt", "sidecar_library(exchange PRIVATE Threads::Threads)\n"), 1U);
  EXPECT_EQ(count_links("sidecar/net/CMakeLists.txt", "sidecar_library(net PUBLIC sidecar_cli OpenSSL::SSL)\n"), 1U);
  EXPECT_EQ(count_links("sidecar/observe/CMakeLists.txt", "# not sidecar_net\n"), 0U);
}

}  // namespace
}  // namespace sidecar::tidy
