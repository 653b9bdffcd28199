#include "tests/http/h2_laws.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>

#include "http/fields.hpp"
#include "http/h2_connection.hpp"
#include "http/request_check.hpp"
#include "tests/http/h2_frames.hpp"
#include "tests/http/reading.hpp"
#include "tests/support/random_stream.hpp"

namespace sidecar::test {

namespace {

using http::DownstreamCodec;
using http::H2Connection;
using http::H2Stream;

constexpr std::size_t kWindow = 3'000;
constexpr std::size_t kConnectionWindow = 70'000;
constexpr std::uint32_t kHeaderList = 4'000;

struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void hold(bool holds, const char* what) {
  if (!holds) throw Broken(what);
}

H2Connection::Settings settings_of(std::uint8_t choice) {
  H2Connection::Settings settings;
  settings.mode = (choice & 1U) != 0 ? H2Connection::Mode::refuse : H2Connection::Mode::translate;
  settings.concurrent_streams = (choice & 2U) != 0 ? 3 : 100;
  settings.header_list = kHeaderList;
  settings.stream_window = kWindow;
  settings.connection_window = kConnectionWindow;
  return settings;
}

class Shell {
 public:
  Shell(std::string_view choices, std::uint64_t seed)
      : connection_(settings_of(static_cast<std::uint8_t>(choices[0]))), choices_(choices), random_(seed) {
    limits_ = {2'000, 20};
  }

  void run(std::string_view bytes) {
    connection_.receive(h2::hello());
    while (!bytes.empty()) {
      const std::size_t size =
          std::min(bytes.size(), random_.one_in(4) ? 1 + random_.below(8) : 1 + random_.below(700));
      connection_.receive(bytes.substr(0, size));
      bytes.remove_prefix(size);
      turn();
    }
    if (random_.one_in(2)) connection_.go_away();
    for (int i = 0; i < 50 && !connection_.over(); ++i) turn();
    connection_.on_connection_lost();
    look();
    while (!open_.empty()) release(open_.begin()->first);
    hold(connection_.streams() == 0, "streams are left over");
    hold(connection_.over(), "it does not end");
  }

 private:
  struct Open {
    H2Stream* stream = nullptr;
    bool head_seen = false;
    bool ended = false;
    bool head_written = false;
    bool end_written = false;
    bool finished = false;
    std::optional<std::uint64_t> length;
    std::uint64_t body = 0;
  };

  std::uint8_t choose() { return static_cast<std::uint8_t>(choices_[1 + (next_choice_++ % (choices_.size() - 1))]); }

  void turn() {
    look();
    if (!open_.empty()) act();
    if ((choose() & 0x80U) == 0) produce();
    look();
    check_memory();
  }

  void look() {
    while (H2Stream* stream = connection_.next_news()) {
      Open& open = open_[stream->id()];
      hold(open.stream == nullptr || open.stream == stream, "two streams with one number");
      open.stream = stream;
      if (stream->lost()) {
        hold(stream->pending() == 0, "something waits for a stream that is lost");
        release(stream->id());
      } else if (!open.head_seen || (choose() & 3U) != 0) {
        read(open);
      }
    }
  }

  void read(Open& open) {
    H2Stream& stream = *open.stream;
    std::string_view input = stream.received().join({});
    for (bool more = true; more;) more = understand(open, stream.next(input, limits_, scratch_));
    stream.received().keep(input);
    stream.received().tidy();
  }

  bool understand(Open& open, const DownstreamCodec::Parsed& parsed) {
    switch (parsed.event) {
      case DownstreamCodec::Event::need_more:
        return false;
      case DownstreamCodec::Event::head:
        hold(!open.head_seen, "two heads on a stream");
        open.head_seen = true;
        check_head(parsed);
        if (parsed.framing.kind == http::FramingKind::length) open.length = parsed.framing.length;
        if (parsed.framing.kind == http::FramingKind::none) open.length = 0;
        return true;
      case DownstreamCodec::Event::body:
        hold(open.head_seen && !open.ended, "a body where none can be");
        open.body += parsed.body.size();
        hold(!open.length || open.body <= *open.length, "more of a body than its length says");
        return true;
      case DownstreamCodec::Event::end:
        hold(open.head_seen && !open.ended, "an end where none can be");
        open.ended = true;
        hold(!open.length || open.body == *open.length, "an end before the length is there");
        check_fields(parsed.trailers);
        return true;
      case DownstreamCodec::Event::error:
        hold(!open.ended, "an error behind the end");
        hold(parsed.refusal.status >= 400 && parsed.refusal.status < 600, "a refusal that is none");
        open.ended = true;
        return false;
    }
    return false;
  }

  static void check_fields(http::Fields fields) {
    for (const http::Field& field : fields) {
      hold(http::is_token(field.name), "a field name that is no token");
      hold(http::is_field_value(field.value), "a field value with a control character");
      hold(http::trim(field.value).size() == field.value.size(), "white space around a field value");
      hold(!http::iequals(field.name, "transfer-encoding"), "Transfer-Encoding");
      hold(!http::iequals(field.name, "connection"), "Connection");
    }
  }

  static void check_head(const DownstreamCodec::Parsed& parsed) {
    hold(!http::check_method(parsed.head.method), "a method that is none");
    hold(!http::check_target_bytes(parsed.head.target), "a target that is none");
    hold(!http::check_request(parsed.head), "a head that would be refused over HTTP/1.1");
    hold(http::count(parsed.head.fields, "Host") == 1, "not one Host");
    hold(http::count(parsed.head.fields, "cookie") <= 1, "several cookies");
    check_fields(parsed.head.fields);
    http::Framing framing;
    hold(!http::request_framing(parsed.head, framing), "a framing that would be refused over HTTP/1.1");
  }

  /// What one of the exchanges does now.
  void act() {
    auto it = open_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(choose() % open_.size()));
    Open& open = it->second;
    const std::uint8_t choice = choose();
    switch (choice % 8) {
      case 0:
      case 1:
        return write_head(open, choice);
      case 2:
      case 3:
        if (!open.end_written) open.stream->write_data(std::string(std::size_t{choice} * 20, 'x'), out_);
        return;
      case 4: {
        const http::Field trailer{"X-Trailer", "1"};
        if (open.head_written && !open.end_written) open.stream->write_end({&trailer, choice / 128U}, out_);
        open.end_written = open.head_written;
        return;
      }
      case 5:
        open.stream->finish();
        open.finished = true;
        return;
      case 6:
        if (choice > 128) return open.stream->abort();
        return read(open);
      default:
        if (choice > 250) connection_.go_away();
        if (open.stream->pending() == 0 && (open.finished || choice > 200)) release(open.stream->id());
        return;
    }
  }

  void write_head(Open& open, std::uint8_t choice) {
    if (open.head_written) return;
    const http::Field fields[] = {{"Content-Type", "text/event-stream"}, {"Connection", "close"}, {"X", "y"}};
    http::ResponseHead head;
    head.fields = fields;
    head.status = choice < 40 ? 103 : choice < 80 ? 304 : 200;
    if (head.status == 103) return open.stream->write_informational(head, out_);
    open.head_written = true;
    const bool none = head.status == 304;
    open.stream->write_head(head, {none ? http::BodySize::Kind::none : http::BodySize::Kind::unknown, 0}, out_);
  }

  void release(std::int32_t id) {
    connection_.release(*open_.at(id).stream);
    open_.erase(id);
  }

  void produce() {
    hold(out_.empty(), "a stream wrote past its connection");
    connection_.produce(out_, 1 + random_.below(20'000));
    static_cast<void>(reader_.read(out_.joined()));
    out_.clear();
    while (H2Stream* stream = connection_.next_progress()) {
      const auto found = open_.find(stream->id());
      hold(found != open_.end() && found->second.stream == stream, "progress of a stream that nobody knows");
      hold(stream->take_sent() > 0 || stream->lost(), "progress of nothing");
    }
  }

  void check_memory() {
    std::size_t waiting = 0;
    std::size_t pending = 0;
    for (const auto& [id, open] : open_) {
      waiting += open.stream->received().size();
      pending += open.stream->pending();
      // One frame more may come before an overrun is noticed.
      hold(open.stream->received().size() <= kWindow + 16'384, "more waits unread than the window of a stream");
    }
    hold(waiting <= kConnectionWindow, "more waits unread than the window of the connection");
    // Two sections of each stream, and what a string keeps in reserve.
    const std::size_t most = 30'000 + connection_.streams() * (2'000 + 4 * kHeaderList) + 2 * pending;
    hold(connection_.memory() <= most, "more memory than anybody asked for");
  }

  H2Connection connection_;
  std::map<std::int32_t, Open> open_;
  http::HeadScratch scratch_;
  http::HeadLimits limits_;
  http::Output out_;
  h2::Reader reader_;
  std::string_view choices_;
  std::size_t next_choice_ = 0;
  Random random_;
};

}  // namespace

std::string check_h2_client(std::string_view bytes) {
  if (bytes.size() < kH2Choices) return {};
  std::uint64_t seed = 0xcbf29ce484222325U;
  for (const char c : bytes) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  try {
    Shell(bytes.substr(0, kH2Choices), seed).run(bytes.substr(kH2Choices));
  } catch (const Broken& broken) {
    return broken.what();
  }
  return {};
}

}  // namespace sidecar::test
