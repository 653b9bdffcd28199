#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/net/harness/connection.hpp"
#include "tests/net/harness/http.hpp"

/// Bodies behind a head, decoded strictly: a chunk line that is not bare hexadecimal is an exception.
namespace sidecar::nettest {

enum class BodyEnd : std::uint8_t {
  open,
  complete,   ///< As the framing says; for until_close a FIN.
  truncated,  ///< A FIN before that.
  reset,      ///< A RST before that.
};

/// Reads the body of one message; the connection must outlive it. Bytes behind the body stay in the connection.
class BodyReader {
 public:
  BodyReader(RawConnection& connection, BodyFraming framing);

  [[nodiscard]] std::string read_until(std::string_view needle, Milliseconds timeout = patience());
  [[nodiscard]] std::string read_exact(std::size_t count, Milliseconds timeout = patience());
  /// At least one byte, or nothing at the end of whatever kind.
  [[nodiscard]] std::string read_available(Milliseconds timeout = patience());
  /// Everything that is left; anything but a complete end is an exception.
  [[nodiscard]] std::string read_all(Milliseconds timeout = patience());
  /// Reads on (and keeps the bytes) until the end; `open` when it did not come in time.
  [[nodiscard]] BodyEnd wait_end(Milliseconds timeout = patience());
  /// Neither a body byte nor an end within `duration`.
  [[nodiscard]] bool silent_for(Milliseconds duration);

  [[nodiscard]] const std::string& buffered() const { return decoded_; }
  [[nodiscard]] const std::vector<Field>& trailers() const { return trailers_; }
  [[nodiscard]] BodyEnd end() const { return end_; }
  [[nodiscard]] std::size_t chunks() const { return chunks_; }

 private:
  enum class State : std::uint8_t { size, data, data_end, trailers };

  bool fill(Clock::time_point deadline);
  void decode();
  bool decode_chunked();
  bool take_size_line();
  bool take_trailers();
  void take_data();
  void finish();

  RawConnection& connection_;
  BodyFraming framing_;
  State state_ = State::size;
  std::uint64_t left_ = 0;  ///< Of the body or of the current chunk.
  std::string raw_;         ///< Received, not decoded.
  std::string decoded_;     ///< Decoded, not asked for.
  std::vector<Field> trailers_;
  std::size_t chunks_ = 0;
  BodyEnd end_ = BodyEnd::open;
};

struct Response {
  Head head;
  Framing framing = Framing::none;
  std::string body;
  std::vector<Field> trailers;

  [[nodiscard]] int status() const { return head.status(); }
};

/// One response with its whole body; an interim one has none.
[[nodiscard]] Response read_response(RawConnection& connection, std::string_view method = "GET",
                                     Milliseconds timeout = patience());

struct Request {
  Head head;
  Framing framing = Framing::none;
  std::string body;
  std::vector<Field> trailers;
};

[[nodiscard]] Request read_request(RawConnection& connection, Milliseconds timeout = patience());

/// `bytes` as one chunk.
[[nodiscard]] std::string chunk(std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// `size` bytes that differ at every offset, so that a lost or doubled part is seen.
[[nodiscard]] std::string pattern(std::size_t size, std::uint64_t offset = 0);

}  // namespace sidecar::nettest
