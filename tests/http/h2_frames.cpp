#include "tests/http/h2_frames.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <stdexcept>

#include "http/h2_preface.hpp"
#include "tests/http/reading.hpp"

namespace sidecar::test::h2 {

namespace {

constexpr std::size_t kHeader = 9;

std::uint32_t number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = (value << 8U) | static_cast<unsigned char>(c);
  return value;
}

std::string setting_text(std::string_view entry) {
  static constexpr const char* kNames[] = {"",
                                           "HEADER_TABLE_SIZE",
                                           "ENABLE_PUSH",
                                           "MAX_CONCURRENT_STREAMS",
                                           "INITIAL_WINDOW_SIZE",
                                           "MAX_FRAME_SIZE",
                                           "MAX_HEADER_LIST_SIZE",
                                           "",
                                           "",
                                           "NO_RFC7540_PRIORITIES"};
  const std::uint32_t id = number(entry.substr(0, 2));
  const std::string name = id < std::size(kNames) ? kNames[id] : std::to_string(id);
  return " " + name + "=" + std::to_string(number(entry.substr(2)));
}

}  // namespace

std::string u16(std::uint16_t value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value)};
}

std::string u32(std::uint32_t value) {
  return u16(static_cast<std::uint16_t>(value >> 16U)) + u16(static_cast<std::uint16_t>(value));
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  std::string bytes = u32(static_cast<std::uint32_t>(payload.size())).substr(1);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  return bytes + u32(id) + std::string(payload);
}

std::string hpack_integer(std::size_t value, unsigned bits, std::uint8_t first) {
  const std::size_t max = (std::size_t{1} << bits) - 1;
  if (value < max) return {static_cast<char>(first | value)};
  std::string bytes{static_cast<char>(first | max)};
  for (value -= max; value >= 128; value /= 128) bytes += static_cast<char>(0x80U | (value % 128));
  return bytes + static_cast<char>(value);
}

std::string hpack(const List& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += hpack_integer(name.size(), 7, 0) + name + hpack_integer(value.size(), 7, 0) + value;
  }
  return block;
}

std::string settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += u16(id) + u32(value);
  return frame(kSettings, 0, 0, payload);
}

std::string hello(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries) {
  return std::string(http::kH2Preface) + settings(entries);
}

std::string settings_ack() {
  return frame(kSettings, kAck, 0, {});
}

std::string headers(std::uint32_t id, const List& fields, std::uint8_t flags) {
  return frame(kHeaders, flags, id, hpack(fields));
}

std::string data(std::uint32_t id, std::string_view bytes, bool ends) {
  return frame(kData, ends ? kEndStream : 0, id, bytes);
}

std::string reset(std::uint32_t id, std::uint32_t code) {
  return frame(kRstStream, 0, id, u32(code));
}

std::string window_update(std::uint32_t id, std::uint32_t bytes) {
  return frame(kWindowUpdate, 0, id, u32(bytes));
}

std::string ping(bool ack, std::string_view opaque) {
  return frame(kPing, ack ? kAck : 0, 0, opaque);
}

std::string goaway(std::uint32_t last, std::uint32_t code) {
  return frame(kGoaway, 0, 0, u32(last) + u32(code));
}

List request(std::string_view method, std::string_view path, const List& more) {
  List fields{{":method", std::string(method)}, {":scheme", "http"}, {":authority", "h"}, {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::string code_name(std::uint32_t code) {
  return nghttp2_http2_strerror(code);
}

Reader::Reader() {
  if (nghttp2_hd_inflate_new(&inflater_) != 0) throw std::bad_alloc();
}

Reader::~Reader() {
  nghttp2_hd_inflate_del(inflater_);
}

std::string Reader::read(std::string_view bytes) {
  rest_.append(bytes);
  std::string text;
  std::size_t at = 0;
  while (rest_.size() - at >= kHeader) {
    const std::string_view header = std::string_view(rest_).substr(at, kHeader);
    const std::size_t size = number(header.substr(0, 3));
    if (rest_.size() - at < kHeader + size) break;
    const auto type = static_cast<std::uint8_t>(header[3]);
    const auto flags = static_cast<std::uint8_t>(header[4]);
    text += to_text(type, flags, number(header.substr(5)), std::string_view(rest_).substr(at + kHeader, size));
    at += kHeader + size;
  }
  rest_.erase(0, at);
  return text;
}

std::string Reader::section(std::string_view block) {
  std::string text;
  while (true) {
    nghttp2_nv field{};
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags,
                                             reinterpret_cast<const std::uint8_t*>(block.data()), block.size(), 1);
    if (used < 0) throw std::runtime_error("a field section cannot be decoded");
    block.remove_prefix(static_cast<std::size_t>(used));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
      const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
      text += " [" + printable(name) + ": " + printable(value) + "]";
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  return text;
}

std::string Reader::to_text(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  const std::string on = " " + std::to_string(id);
  const std::string end = (flags & kEndStream) != 0 ? " end\n" : "\n";
  switch (type) {
    case kData:
      longest_data_ = std::max(longest_data_, payload.size());
      return "DATA" + on + (payload.empty() ? "" : " '" + printable(payload) + "'") + end;
    case kHeaders:
    case kContinuation:
      block_ += payload;
      if ((flags & kEndHeaders) == 0) return {};
      return "HEADERS" + on + section(std::exchange(block_, {})) + end;
    case kRstStream:
      return "RST_STREAM" + on + " " + code_name(number(payload)) + "\n";
    case kSettings: {
      std::string text = (flags & kAck) != 0 ? "SETTINGS ack" : "SETTINGS";
      for (; payload.size() >= 6; payload.remove_prefix(6)) text += setting_text(payload.substr(0, 6));
      return text + "\n";
    }
    case kPing:
      return (flags & kAck) != 0 ? "PING ack\n" : "PING\n";
    case kGoaway: {
      const std::uint32_t last = number(payload.substr(0, 4));
      const std::string which = last == 0x7fffffff ? "any" : std::to_string(last);
      return "GOAWAY " + which + " " + code_name(number(payload.substr(4, 4))) + "\n";
    }
    case kWindowUpdate:
      return "WINDOW_UPDATE" + on + " " + std::to_string(number(payload)) + "\n";
    default:
      return "frame of type " + std::to_string(type) + on + "\n";
  }
}

}  // namespace sidecar::test::h2
