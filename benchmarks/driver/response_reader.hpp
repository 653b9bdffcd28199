#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Reads responses of HTTP/1.1 as a strict client would; one after the other on a connection.
namespace sidecar::bench {

class ResponseSink {
 public:
  virtual void on_head(int status) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_response_end() = 0;

 protected:
  ~ResponseSink() = default;
};

class ResponseReader {
 public:
  /// False when the bytes are no HTTP, or no response was due.
  [[nodiscard]] bool feed(std::string_view bytes, ResponseSink& sink);

  /// The connection has ended; true when no response is thereby cut.
  [[nodiscard]] bool finish(ResponseSink& sink);

  /// A fresh connection.
  void reset() { *this = ResponseReader(); }

 private:
  enum class State : std::uint8_t { head, counted, until_close, chunk_size, chunk_data, chunk_end, trailers };

  [[nodiscard]] bool take_line(std::string_view& bytes);
  [[nodiscard]] bool take_head(std::string_view& bytes, ResponseSink& sink);
  [[nodiscard]] bool take_chunk_size(std::string_view& bytes);
  void take_data(std::string_view& bytes, ResponseSink& sink);
  void end(ResponseSink& sink);

  State state_ = State::head;
  std::uint64_t left_ = 0;  ///< Bytes of the body or of the chunk.
  std::string line_;        ///< The head, or a line, of which not all has come.
};

}  // namespace sidecar::bench
