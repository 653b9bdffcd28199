#pragma once

#include <cstdint>
#include <string_view>

#include <boost/container/string.hpp>

namespace sidecar::exchange {

/// Who a client's connection is from, printable. An IPv4 address with its port takes no memory of its own.
using PeerText = boost::container::string;

/// What a client's connection may begin with before its first request: a PROXY header, and then the preface of HTTP/2.
class Opening {
 public:
  enum class Outcome : std::uint8_t {
    need_more,     ///< What is here is the beginning of either.
    http1,         ///< What is left is the client's first request.
    http2,         ///< What is left begins with the preface.
    wrong_header,  ///< `why` there is no PROXY header.
  };
  struct Result {
    Outcome outcome = Outcome::http1;
    const char* why = "";
  };

  void expect_proxy_header() { proxy_header_ = true; }
  void expect_http2() { http2_ = true; }

  /// A PROXY header is taken off `input`, and `peer` is who it names. Behind an outcome other than `need_more` there is
  /// nothing to expect any more.
  [[nodiscard]] Result look(std::string_view& input, PeerText& peer);

  [[nodiscard]] bool over() const { return !proxy_header_ && !http2_; }
  [[nodiscard]] bool awaits_proxy_header() const { return proxy_header_; }

 private:
  bool proxy_header_ : 1 = false;
  bool http2_ : 1 = false;
};

}  // namespace sidecar::exchange
