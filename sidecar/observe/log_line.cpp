#include "observe/log_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <utility>

#include "observe/escape.hpp"

namespace sidecar::observe {
namespace {

using exchange::LifecycleEvent;
using exchange::LifecycleRecord;

/// Text on its way into a string: a line has some sixty pieces of a few bytes, and a string takes each of them one by
/// one.
class Text {
 public:
  explicit Text(std::string& out) : out_(out) {}
  ~Text() { spill(); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  [[gnu::always_inline]] void add(const auto&... pieces) { put(std::string_view(pieces)...); }

  template <std::integral Number>
  void add_number(Number value, std::size_t digits = 1, int base = 10) {
    std::array<char, 24> text;
    const char* end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
    const auto length = static_cast<std::size_t>(end - text.data());
    static constexpr std::string_view kZeros = "0000000000000000";
    add(kZeros.substr(0, length < digits ? digits - length : 0), std::string_view(text.data(), length));
  }

  /// The string with all that was added, for those who write into it themselves.
  std::string& whole() {
    spill();
    return out_;
  }

 private:
  template <std::same_as<std::string_view>... Pieces>
  [[gnu::always_inline]] void put(Pieces... pieces) {
    if ((pieces.size() + ...) > bytes_.size() - size_) {
      spill();
      (out_.append(pieces), ...);
      return;
    }
    char* at = bytes_.data() + size_;
    ((at = std::copy(pieces.begin(), pieces.end(), at)), ...);
    size_ = static_cast<std::size_t>(at - bytes_.data());
  }

  void spill() { out_.append(bytes_.data(), std::exchange(size_, 0)); }

  std::string& out_;
  std::size_t size_ = 0;
  std::array<char, 512> bytes_;
};

/// The name of a value, and how it stands in a line.
template <std::size_t size>
struct Name {
  consteval Name(
      const char (&name)[size]) {  // NOLINT(google-explicit-constructor,*-avoid-c-arrays): text<"route">(...)
    std::copy_n(name, size - 1, json.begin() + 2);
    json[0] = ',';
    json[1] = '"';
    json[size + 1] = '"';
    json[size + 2] = ':';
  }

  [[nodiscard]] constexpr std::string_view in_json() const { return {json.data(), json.size()}; }
  [[nodiscard]] constexpr std::string_view in_text() const { return in_json().substr(2, size - 1); }

  std::array<char, size + 3> json{};
};

/// RFC 3339 in UTC without the milliseconds.
void append_second(std::string& out, WallTime now) {
  Text text(out);
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::milliseconds>(now - day)};
  const auto part = [&text](auto value, std::size_t digits, char behind) {
    text.add_number(static_cast<unsigned>(value), digits);
    text.add(std::string_view(&behind, 1));
  };
  part(static_cast<int>(date.year()), 4, '-');
  part(static_cast<unsigned>(date.month()), 2, '-');
  part(static_cast<unsigned>(date.day()), 2, 'T');
  part(time.hours().count(), 2, ':');
  part(time.minutes().count(), 2, ':');
  part(time.seconds().count(), 2, '.');
}

/// With them. A busy worker writes thousands of lines in the same second.
void add_time(Text& out, WallTime now) {
  thread_local std::chrono::sys_seconds known{std::chrono::seconds(-1)};
  thread_local std::string text;
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second != known || text.empty()) {
    text.clear();
    append_second(text, now);
    known = second;
  }
  out.add(text);
  out.add_number(std::chrono::floor<std::chrono::milliseconds>(now - second).count(), 3);
  out.add("Z");
}

void append_upper(std::string& out, std::string_view lower) {
  for (const char c : lower) out.push_back(static_cast<char>(c - 'a' + 'A'));
}

/// Writes values with their names behind the common beginning of a line. A text line leaves out what is unknown; a
/// JSON line keeps its keys and says "" or null.
class Line {
 public:
  Line(std::string& out, LineFormat format, WallTime now, Level level, std::string_view event)
      : out_(out), json_(format == LineFormat::json) {
    if (json_) out_.add("{\"ts\":\"");
    add_time(out_, now);
    if (json_) {
      out_.add("\",\"level\":\"", to_string(level), "\",\"event\":\"", event, "\"");
    } else {
      out_.add(" ");
      append_upper(out_.whole(), to_string(level));
      out_.add(" ", event);
    }
  }

  template <Name name>
  void text(std::string_view value, std::size_t bytes_max = kNameBytesMax) {
    if (!json_ && value.empty()) return;
    if (json_ && value.size() <= bytes_max && is_plain(value)) {
      out_.add(name.in_json(), "\"", value, "\"");
      return;
    }
    add_key<name>();
    if (json_) {
      append_json_string(out_.whole(), value, bytes_max);
    } else {
      append_text_token(out_.whole(), value, bytes_max);
    }
  }

  void id(std::uint64_t id) {
    add_key<"id">();
    if (json_) out_.add("\"");
    out_.add_number(id, 16, 16);
    if (json_) out_.add("\"");
  }

  template <Name name, std::integral Number>
  void number(Number value) {
    add_key<name>();
    out_.add_number(value);
  }

  template <Name name>
  void number(std::chrono::milliseconds value) {
    number<name>(value.count());
  }

  template <Name name>
  void number(std::optional<std::chrono::milliseconds> value) {
    if (value) return number<name>(value->count());
    absent<name>();
  }

  template <Name name, class Enum>
  void term(std::optional<Enum> value) {
    if (value) return text<name>(to_string(*value));
    absent<name>();
  }

  /// Nothing is left to be done behind it, where nothing may be thrown.
  void end() {
    if (json_) out_.add("}");
    static_cast<void>(out_.whole());
  }

 private:
  template <Name name>
  void absent() {
    if (json_) out_.add(name.in_json(), "null");
  }

  template <Name name>
  void add_key() {
    if (json_) {
      out_.add(name.in_json());
    } else {
      out_.add(" ", name.in_text(), "=");
    }
  }

  Text out_;
  bool json_;
};

void append_end(Line& line, const LifecycleRecord& record) {
  line.term<"reason">(record.reason);
  line.term<"closed_by">(record.closed_by);
  if (!record.detail.empty()) line.text<"detail">(record.detail);
}

void append_additions(Line& line, const LifecycleRecord& record) {
  switch (record.event) {
    case LifecycleEvent::request:
      line.number<"duration_ms">(record.duration);
      line.number<"bytes_in">(record.bytes_in);
      line.number<"bytes_out">(record.bytes_out);
      if (record.reason && *record.reason != exchange::Reason::complete) append_end(line, record);
      return;
    case LifecycleEvent::stream_open:
      return line.number<"ttfb_ms">(record.ttfb);
    case LifecycleEvent::stream_first_event:
      return line.number<"after_ms">(record.after);
    case LifecycleEvent::heartbeat:
      return line.number<"idle_ms">(record.idle);
    case LifecycleEvent::stream_close:
      line.number<"duration_ms">(record.duration);
      line.number<"events">(record.events);
      line.number<"heartbeats">(record.heartbeats);
      line.number<"bytes_out">(record.bytes_out);
      line.number<"max_idle_ms">(record.max_idle);
      return append_end(line, record);
    case LifecycleEvent::downgrade:
      return line.text<"how">(record.detail);
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
  line.text<"route">(record.route);
  line.text<"client">(record.client);
  line.text<"method">(record.method);
  line.text<"path">(path, kPathBytesMax);
  line.number<"status">(record.status);
  line.text<"upstream">(record.upstream);
  append_additions(line, record);
  line.end();
}

void append_message(std::string& out, LineFormat format, WallTime now, Level level, std::string_view message) {
  Line line{out, format, now, level, "message"};
  line.text<"message">(message, kMessageBytesMax);
  line.end();
}

void append_listening(std::string& out, LineFormat format, WallTime now, std::string_view event,
                      std::string_view address) {
  Line line{out, format, now, Level::info, event};
  line.text<"address">(address, kMessageBytesMax);
  line.end();
}

void append_dropped(std::string& out, LineFormat format, WallTime now, std::uint64_t count) {
  Line line{out, format, now, Level::warn, "log_dropped"};
  line.number<"dropped">(count);
  line.end();
}

}  // namespace sidecar::observe
