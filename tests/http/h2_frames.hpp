#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_hd_inflater;

/// Frames of HTTP/2 by hand: what no library would send can be sent, and what comes can be read as text.
namespace sidecar::test::h2 {

inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriority = 0x20;

enum Type : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriorityFrame = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

using List = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::string u16(std::uint16_t value);
[[nodiscard]] std::string u32(std::uint32_t value);
[[nodiscard]] std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload);

/// Literals that are neither compressed nor remembered (RFC 7541 §6.2.2): any bytes can be said so.
[[nodiscard]] std::string hpack(const List& fields);
/// An HPACK integer with a prefix of `bits`, over `first`.
[[nodiscard]] std::string hpack_integer(std::size_t value, unsigned bits, std::uint8_t first);

/// The preface and SETTINGS.
[[nodiscard]] std::string hello(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings = {});
[[nodiscard]] std::string settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries);
[[nodiscard]] std::string settings_ack();
[[nodiscard]] std::string headers(std::uint32_t id, const List& fields, std::uint8_t flags = kEndHeaders | kEndStream);
[[nodiscard]] std::string data(std::uint32_t id, std::string_view bytes, bool ends = false);
[[nodiscard]] std::string reset(std::uint32_t id, std::uint32_t code = 8);
[[nodiscard]] std::string window_update(std::uint32_t id, std::uint32_t bytes);
[[nodiscard]] std::string ping(bool ack = false, std::string_view opaque = "12345678");
[[nodiscard]] std::string goaway(std::uint32_t last = 0, std::uint32_t code = 0);

/// The pseudo-header fields of an ordinary request, and `more`.
[[nodiscard]] List request(std::string_view method = "GET", std::string_view path = "/", const List& more = {});

/// Frames of a server to lines of text: `HEADERS 1 [:status: 200]`, `DATA 1 'abc' end`, `RST_STREAM 1 CANCEL`.
class Reader {
 public:
  Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  /// In any pieces. A frame that is not whole yet waits.
  [[nodiscard]] std::string read(std::string_view bytes);
  /// Bytes of a frame that has begun.
  [[nodiscard]] std::size_t unread() const { return rest_.size(); }
  /// The payload of the longest DATA frame so far.
  [[nodiscard]] std::size_t longest_data() const { return longest_data_; }

 private:
  [[nodiscard]] std::string to_text(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload);
  [[nodiscard]] std::string section(std::string_view block);

  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string rest_;
  std::string block_;
  std::size_t longest_data_ = 0;
};

[[nodiscard]] std::string code_name(std::uint32_t code);

}  // namespace sidecar::test::h2
