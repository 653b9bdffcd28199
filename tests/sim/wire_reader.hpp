#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidecar::test {

/// One HTTP/1.x message as its receiver understood it.
struct WireMessage {
  std::string start;  ///< The start line.
  int status = 0;     ///< Of a response.
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool until_close = false;
  bool tunnel = false;
  bool complete = false;

  [[nodiscard]] std::optional<std::string> field(std::string_view name) const;
};

/// A strict receiver of HTTP/1.1 messages, written from RFC 9112 for the tests and sharing nothing with the sidecar's
/// own. It is slow and has no mercy: what is not exactly well-formed is an error.
class WireReader {
 public:
  enum class Kind { requests, responses };
  explicit WireReader(Kind kind) : kind_(kind) {}

  /// The method of the next request, whose response will come.
  void expect(std::string method) { methods_.push_back(std::move(method)); }
  void feed(std::string_view bytes);
  /// The sender closed.
  void finish();

  [[nodiscard]] const std::vector<WireMessage>& messages() const { return messages_; }
  [[nodiscard]] std::size_t informational() const { return informational_; }
  /// Empty while everything was well-formed.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// A message has begun and is not complete, or bytes of a head are there.
  [[nodiscard]] bool in_message() const { return state_ != State::head || !buffer_.empty(); }

 private:
  enum class State { head, length, chunk_line, chunk, chunk_end, trailers, until_close };

  bool step();
  bool read_head();
  void begin_body(const std::string& method);
  bool take_line(std::string& line);
  void add_field(const std::string& line);
  void end_message();
  bool fail(const std::string& why);

  Kind kind_;
  State state_ = State::head;
  std::string buffer_;
  std::size_t remaining_ = 0;
  std::size_t informational_ = 0;
  std::deque<std::string> methods_;
  std::vector<WireMessage> messages_;
  std::string error_;
};

}  // namespace sidecar::test
