#include "tests/support/whatwg_parser.hpp"

#include <cstddef>
#include <limits>

namespace sidecar::test {
namespace {

/// §9.2.6, with the buffers and steps under their names in the standard.
class Interpreter {
 public:
  void process_line(const std::string& line) {
    if (line.empty()) {
      dispatch();
      return;
    }
    if (line[0] == ':') return;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      process_field(line, "");
      return;
    }
    std::string value = line.substr(colon + 1);
    if (!value.empty() && value[0] == ' ') value.erase(0, 1);
    process_field(line.substr(0, colon), value);
  }

  WhatwgResult take() { return result_; }

 private:
  void process_field(const std::string& name, const std::string& value) {
    if (name == "event") {
      event_type_buffer_ = value;
    } else if (name == "data") {
      data_buffer_ += value;
      data_buffer_ += '\n';
    } else if (name == "id") {
      if (value.find('\0') == std::string::npos) last_event_id_buffer_ = value;
    } else if (name == "retry") {
      set_retry(value);
    }
  }

  void set_retry(const std::string& value) {
    if (value.empty() || value.find_first_not_of("0123456789") != std::string::npos) return;
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t number = 0;
    for (const char c : value) {
      const auto digit = static_cast<std::uint64_t>(c - '0');
      number = number > (kMax - digit) / 10 ? kMax : number * 10 + digit;
    }
    result_.retry = number;
  }

  void dispatch() {
    result_.last_event_id = last_event_id_buffer_;
    if (data_buffer_.empty()) {
      event_type_buffer_.clear();
      return;
    }
    data_buffer_.pop_back();  // It ends in LF.
    const std::string type = event_type_buffer_.empty() ? "message" : event_type_buffer_;
    result_.events.push_back({type, data_buffer_, result_.last_event_id});
    data_buffer_.clear();
    event_type_buffer_.clear();
  }

  std::string data_buffer_;
  std::string event_type_buffer_;
  std::string last_event_id_buffer_;
  WhatwgResult result_;
};

/// The UTF-8 decoder of WHATWG Encoding §8.1.1, one byte at a time.
class Utf8Decoder {
 public:
  std::string decode(std::string_view bytes) {
    std::size_t i = 0;
    while (i < bytes.size()) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      if (needed_ == 0) {
        start(bytes[i]);
        ++i;
        continue;
      }
      if (byte < lower_ || byte > upper_) {
        replace();  // The byte is looked at again as the first of a sequence.
        continue;
      }
      lower_ = 0x80;
      upper_ = 0xBF;
      sequence_ += bytes[i++];
      if (--needed_ == 0) {
        out_ += sequence_;
        sequence_.clear();
      }
    }
    if (needed_ != 0) replace();
    return out_;
  }

 private:
  void start(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x7F) {
      out_ += c;
      return;
    }
    if (byte >= 0xC2 && byte <= 0xDF) needed_ = 1;
    if (byte >= 0xE0 && byte <= 0xEF) needed_ = 2;
    if (byte >= 0xF0 && byte <= 0xF4) needed_ = 3;
    if (needed_ == 0) {
      replace();
      return;
    }
    if (byte == 0xE0) lower_ = 0xA0;
    if (byte == 0xED) upper_ = 0x9F;
    if (byte == 0xF0) lower_ = 0x90;
    if (byte == 0xF4) upper_ = 0x8F;
    sequence_ = c;
  }

  void replace() {
    out_ += "\xEF\xBF\xBD";
    sequence_.clear();
    needed_ = 0;
    lower_ = 0x80;
    upper_ = 0xBF;
  }

  std::string out_;
  std::string sequence_;
  int needed_ = 0;
  unsigned lower_ = 0x80;
  unsigned upper_ = 0xBF;
};

}  // namespace

std::string utf8_decode(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  return Utf8Decoder().decode(bytes);
}

WhatwgResult parse_event_stream(std::string_view bytes) {
  const std::string text = utf8_decode(bytes);
  Interpreter interpreter;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' && text[i] != '\n') {
      line += text[i];
      continue;
    }
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    interpreter.process_line(line);
    line.clear();
  }
  // What has no line ending, and a block that no blank line ended, is discarded at the end of the stream.
  return interpreter.take();
}

std::string escape_bytes(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7E) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string describe(const WhatwgResult& result) {
  std::string out;
  for (const WhatwgEvent& event : result.events) {
    out += "  event type=" + escape_bytes(event.type) + " data=" + escape_bytes(event.data) +
           " id=" + escape_bytes(event.last_event_id) + "\n";
  }
  out += "  last_event_id=" + escape_bytes(result.last_event_id);
  out += " retry=" + (result.retry ? std::to_string(*result.retry) : "none") + "\n";
  return out;
}

}  // namespace sidecar::test
