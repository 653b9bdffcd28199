#pragma once

#include <string_view>

#include "http/chunked.hpp"
#include "http/head.hpp"

/// What an exchange says, as messages. Codecs turn it into bytes: framing is theirs (RFC 9112 §6), and with another
/// protocol version one more codec implements the same.
namespace sidecar::http {

/// Towards the client.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  /// A 1xx other than 101. Silently nothing where the client's version has none.
  virtual void informational(const ResponseHead& head) = 0;
  /// The final head. `fields` hold no hop-by-hop fields. Of Content-Length only the place counts, except where no body
  /// follows: then it says what a GET would get.
  virtual void head(const ResponseHead& head, BodySize size) = 0;
  /// 101: the connection is the protocol's from here on; `head.fields` hold Upgrade.
  virtual void switching(const ResponseHead& head) = 0;
  /// `bytes` are lent until the turn's output has been written.
  virtual void data(std::string_view bytes) = 0;
  /// The same for all pieces of `run`, and for how they were framed.
  virtual void chunks(const ChunkRun& run) {
    for (const std::string_view piece : run.pieces()) data(piece);
  }
  virtual void end(Fields trailers) = 0;

 protected:
  ResponseSink() = default;
  ResponseSink(const ResponseSink&) = default;
  ResponseSink& operator=(const ResponseSink&) = default;
};

/// Towards the backend.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  /// A head that H1Upstream::encode_head wrote; lent until the turn's output has been written.
  virtual void head(std::string_view encoded) = 0;
  virtual void data(std::string_view bytes) = 0;
  virtual void end(Fields trailers) = 0;

 protected:
  RequestSink() = default;
  RequestSink(const RequestSink&) = default;
  RequestSink& operator=(const RequestSink&) = default;
};

}  // namespace sidecar::http
