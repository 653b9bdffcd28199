#include "observe/log_line.hpp"

#include <array>
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <optional>

#include "observe/escape.hpp"

namespace sidecar::observe {
namespace {

using exchange::LifecycleEvent;
using exchange::LifecycleRecord;

template <std::unsigned_integral Number>
void append_padded(std::string& out, Number value, std::size_t digits, int base = 10) {
  std::array<char, 20> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
  const auto length = static_cast<std::size_t>(end - text.data());
  if (length < digits) out.append(digits - length, '0');
  out.append(text.data(), length);
}

/// One append for all of it: a line has some sixty pieces.
void append_all(std::string& out, std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  std::size_t at = out.size();
  out.resize(at + size);
  for (const std::string_view piece : pieces) at += piece.copy(out.data() + at, piece.size());
}

/// RFC 3339 in UTC without the milliseconds.
void append_second(std::string& out, WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::milliseconds>(now - day)};
  const auto part = [&out](auto value, std::size_t digits, char behind) {
    append_padded(out, static_cast<unsigned>(value), digits);
    out.push_back(behind);
  };
  part(static_cast<int>(date.year()), 4, '-');
  part(static_cast<unsigned>(date.month()), 2, '-');
  part(static_cast<unsigned>(date.day()), 2, 'T');
  part(time.hours().count(), 2, ':');
  part(time.minutes().count(), 2, ':');
  part(time.seconds().count(), 2, '.');
}

/// With them. A busy worker writes thousands of lines in the same second.
void append_time(std::string& out, WallTime now) {
  thread_local std::chrono::sys_seconds known{std::chrono::seconds(-1)};
  thread_local std::string text;
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second != known || text.empty()) {
    text.clear();
    append_second(text, now);
    known = second;
  }
  out.append(text);
  append_padded(out, static_cast<unsigned>(std::chrono::floor<std::chrono::milliseconds>(now - second).count()), 3);
  out.push_back('Z');
}

void append_upper(std::string& out, std::string_view lower) {
  for (const char c : lower) out.push_back(static_cast<char>(c - 'a' + 'A'));
}

/// Writes `key: value` pairs behind the common beginning of a line. A text line leaves out what is unknown; a JSON
/// line keeps its keys and says "" or null.
class Line {
 public:
  Line(std::string& out, LineFormat format, WallTime now, Level level, std::string_view event)
      : out_(out), json_(format == LineFormat::json) {
    if (json_) out_.append("{\"ts\":\"");
    append_time(out_, now);
    if (json_) {
      append_all(out_, {"\",\"level\":\"", to_string(level), "\",\"event\":\"", event, "\""});
    } else {
      out_.push_back(' ');
      append_upper(out_, to_string(level));
      out_.append(" ").append(event);
    }
  }

  void text(std::string_view key, std::string_view value, std::size_t bytes_max = kNameBytesMax) {
    if (json_) {
      append_key(key);
      append_json_string(out_, value, bytes_max);
    } else if (!value.empty()) {
      append_key(key);
      append_text_token(out_, value, bytes_max);
    }
  }

  void id(std::uint64_t id) {
    append_key("id");
    if (json_) out_.push_back('"');
    append_padded(out_, id, 16, 16);
    if (json_) out_.push_back('"');
  }

  template <std::integral Number>
  void number(std::string_view key, Number value) {
    append_key(key);
    std::array<char, 24> text;
    out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
  }

  void number(std::string_view key, std::chrono::milliseconds value) { number(key, value.count()); }

  void number(std::string_view key, std::optional<std::chrono::milliseconds> value) {
    if (value) return number(key, value->count());
    absent(key);
  }

  template <class Enum>
  void name(std::string_view key, std::optional<Enum> value) {
    if (value) return text(key, to_string(*value));
    absent(key);
  }

  void end() {
    if (json_) out_.push_back('}');
  }

 private:
  void absent(std::string_view key) {
    if (!json_) return;
    append_key(key);
    out_.append("null");
  }

  void append_key(std::string_view key) {
    if (json_) {
      append_all(out_, {",\"", key, "\":"});
    } else {
      append_all(out_, {" ", key, "="});
    }
  }

  std::string& out_;
  bool json_;
};

void append_end(Line& line, const LifecycleRecord& record) {
  line.name("reason", record.reason);
  line.name("closed_by", record.closed_by);
  if (!record.detail.empty()) line.text("detail", record.detail);
}

void append_additions(Line& line, const LifecycleRecord& record) {
  switch (record.event) {
    case LifecycleEvent::request:
      line.number("duration_ms", record.duration);
      line.number("bytes_in", record.bytes_in);
      line.number("bytes_out", record.bytes_out);
      if (record.reason && *record.reason != exchange::Reason::complete) append_end(line, record);
      return;
    case LifecycleEvent::stream_open:
      return line.number("ttfb_ms", record.ttfb);
    case LifecycleEvent::stream_first_event:
      return line.number("after_ms", record.after);
    case LifecycleEvent::heartbeat:
      return line.number("idle_ms", record.idle);
    case LifecycleEvent::stream_close:
      line.number("duration_ms", record.duration);
      line.number("events", record.events);
      line.number("heartbeats", record.heartbeats);
      line.number("bytes_out", record.bytes_out);
      line.number("max_idle_ms", record.max_idle);
      return append_end(line, record);
    case LifecycleEvent::downgrade:
      return line.text("how", record.detail);
  }
}

}  // namespace

Level level_of(LifecycleEvent event) {
  return event == LifecycleEvent::heartbeat ? Level::debug : Level::info;
}

void append_record(std::string& out, LineFormat format, WallTime now, const LifecycleRecord& record,
                   std::string_view path) {
  Line line{out, format, now, level_of(record.event), to_string(record.event)};
  line.id(record.id);
  line.text("route", record.route);
  line.text("client", record.client);
  line.text("method", record.method);
  line.text("path", path, kPathBytesMax);
  line.number("status", record.status);
  line.text("upstream", record.upstream);
  append_additions(line, record);
  line.end();
}

void append_message(std::string& out, LineFormat format, WallTime now, Level level, std::string_view message) {
  Line line{out, format, now, level, "message"};
  line.text("message", message, kMessageBytesMax);
  line.end();
}

void append_listening(std::string& out, LineFormat format, WallTime now, std::string_view event,
                      std::string_view address) {
  Line line{out, format, now, Level::info, event};
  line.text("address", address, kMessageBytesMax);
  line.end();
}

void append_dropped(std::string& out, LineFormat format, WallTime now, std::uint64_t count) {
  Line line{out, format, now, Level::warn, "log_dropped"};
  line.number("dropped", count);
  line.end();
}

}  // namespace sidecar::observe
