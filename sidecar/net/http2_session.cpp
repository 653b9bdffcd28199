#include "net/http2_session.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

#include "net/worker.hpp"
#include "net/writing.hpp"

namespace sidecar::net {

namespace {

/// How long a client that was told to come back over HTTP/1.1 is still listened to. A GOAWAY right behind the refusal
/// would keep it from trying again.
constexpr std::chrono::seconds kRefusalTime{1};
/// What a client sends within that time of a GOAWAY was sent before it read it.
constexpr std::chrono::seconds kLastRequestsTime{1};
constexpr std::chrono::seconds kLingerTime{5};
constexpr std::chrono::seconds kLingerTimeAtDrain{1};

/// Frames of one write.
constexpr std::size_t kFlushBytes = 64 * 1024;

http::H2Connection::Settings settings_of(const exchange::Limits& limits, http::H2Connection::Mode mode) {
  http::H2Connection::Settings settings;
  settings.mode = mode;
  settings.concurrent_streams = static_cast<std::uint32_t>(limits.http2.concurrent_streams);
  settings.header_list = static_cast<std::uint32_t>(limits.http2.header_list);
  return settings;
}

}  // namespace

void Http2Session::start(Worker& worker, Stream stream, Arrival arrival, std::string_view received) {
  auto* const session = new Http2Session(worker, std::move(stream), std::move(arrival));
  worker.add(*session);
  session->enter([&] {
    if (worker.bench().drain) session->leave(worker.now());
    session->on_bytes(received);
  });
}

Http2Session::Http2Session(Worker& worker, Stream stream, Arrival arrival)
    : worker_(worker),
      downstream_(std::move(stream)),
      codec_(settings_of(worker.bench().policies->limits, arrival.mode)),
      arrival_(std::move(arrival)) {}

Http2Session::~Http2Session() {
  to_downstream_.clear(worker_.chunks());
  static_cast<void>(worker_.change_memory(memory_, 0));
  worker_.leave_connection();
}

template <class Entry>
void Http2Session::enter(Entry&& entry) {
  begin_turn();
  if (state_ != State::closed) entry();
  end_turn();
}

void Http2Session::end_turn() {
  if (turns_ == 1 && state_ != State::closed) settle();
  if (--turns_ == 0 && state_ == State::closed && pending_ops_ == 0) delete this;
}

template <class Visit>
void Http2Session::for_each_stream(Visit&& visit) {
  // A stream may end while it is visited.
  for (auto it = streams_.begin(); it != streams_.end();) visit(*it++);
}

// ---- What happened -----------------------------------------------------------------------------------------------

void Http2Session::read() {
  const std::span<char> buffer = worker_.receive_buffer();
  const IoResult result = downstream_.try_read(buffer);
  switch (result.status) {
    case IoResult::Status::would_block:
      break;
    case IoResult::Status::moved:
      on_bytes({buffer.data(), result.size});
      break;
    case IoResult::Status::eof:
    case IoResult::Status::truncated:
    case IoResult::Status::failed:
      on_lost();
      break;
  }
}

void Http2Session::on_bytes(std::string_view bytes) {
  if (state_ == State::lingering) return;
  codec_.receive(bytes);
  tell_news();
}

void Http2Session::tell_news() {
  while (http::H2Stream* const codec = codec_.next_news()) {
    auto* stream = static_cast<Http2Stream*>(codec->shell);
    if (stream == nullptr) {
      // Its first stream may be answered and gone within this turn.
      if (arrival_.refused && state_ == State::open) leave(worker_.now());
      stream = new Http2Stream(worker_, *this, *codec, {arrival_.peer, arrival_.tls, arrival_.refused});
      streams_.push_back(*stream);
    }
    stream->on_news();
  }
}

/// The client is gone, and with it everything that was for it.
void Http2Session::on_lost() {
  codec_.on_connection_lost();
  tell_news();
  close(false);
}

void Http2Session::write() {
  if (to_downstream_.empty()) return;
  std::size_t sent = 0;
  if (!write_pending(downstream_, to_downstream_, worker_.chunks(), sent)) return on_lost();
  if (to_downstream_.empty()) {
    for_each_stream([](Http2Stream& stream) { stream.on_progress(); });
  } else {
    unsent_ = downstream_.unsent();
    for_each_stream([&](Http2Stream& stream) { stream.on_kernel_progress(worker_.now()); });
  }
}

void Http2Session::watch_kernel(TimePoint now) {
  if (to_downstream_.empty()) return;
  const std::uint32_t unsent = downstream_.unsent();
  if (std::exchange(unsent_, unsent) <= unsent) return;
  for_each_stream([&](Http2Stream& stream) { stream.on_kernel_progress(now); });
  if (waiting_ == Waiting::room) waiting_ = Waiting::nothing;
}

void Http2Session::on_deadline(TimePoint now) {
  enter([&] {
    watch_kernel(now);
    if (!exchange::is_due(deadline_, now)) return;
    switch (std::exchange(waiting_, Waiting::nothing)) {
      case Waiting::nothing:
        break;
      case Waiting::request:
        worker_.bench().lifecycle.on_counted(exchange::Counted::idle_closed, 1);
        leave(now);
        break;
      case Waiting::last_requests:
        codec_.go_away();
        break;
      case Waiting::head:
        log_breach("a head did not come in time");
        close(true);
        break;
      case Waiting::room:
        close(true);
        break;
      case Waiting::end:
        close(false);
        break;
    }
  });
}

void Http2Session::drain() {
  enter([this] {
    for_each_stream([](Http2Stream& stream) { stream.drain(); });
    if (state_ == State::open) leave(worker_.now());
  });
}

void Http2Session::force() {
  enter([this] {
    const bool delivered = state_ == State::lingering;  // A reset would destroy it.
    for_each_stream([](Http2Stream& stream) { stream.force(); });
    static_cast<void>(flush());
    close(!delivered);
  });
}

// ---- Settling ----------------------------------------------------------------------------------------------------

void Http2Session::settle() {
  do {
    tell_news();
  } while (flush());
  if (state_ == State::closed) return;
  go_on();
  account_memory();
  if (state_ == State::closed) return;
  if (state_ == State::lingering && !shut_) shut_ = downstream_.try_shutdown_write();
  arm_read();
  if (!to_downstream_.empty() || (state_ == State::lingering && !shut_)) arm_write();
  worker_.schedule(*this, deadline_);
}

/// True when there may be something new.
bool Http2Session::flush() {
  http::Output& output = worker_.bench().to_downstream;
  if (state_ >= State::lingering || !to_downstream_.empty()) return false;
  codec_.produce(output, kFlushBytes);
  if (output.empty()) return false;
  std::size_t sent = 0;
  const bool alive = write_out(downstream_, output, sent);
  if (alive) keep_rest(output, sent, to_downstream_, worker_.chunks());
  output.clear();
  if (!alive) {
    on_lost();
    return false;
  }
  if (!to_downstream_.empty()) unsent_ = downstream_.unsent();
  while (http::H2Stream* const codec = codec_.next_progress()) {
    if (codec->shell != nullptr) static_cast<Http2Stream*>(codec->shell)->on_progress();
  }
  return true;
}

/// What the connection as a whole waits for.
void Http2Session::go_on() {
  const TimePoint now = worker_.now();
  const exchange::Limits& limits = worker_.bench().policies->limits;
  if (codec_.broken() != nullptr) log_breach(codec_.broken());
  if (state_ == State::lingering) return;
  if (codec_.refused() > 0 && !downgrade_logged_) {
    log_downgrade();
    state_ = State::leaving;
    wait_for(Waiting::last_requests, now + kRefusalTime);
  }
  if (!to_downstream_.empty()) {
    if (streams_.empty()) wait_for(Waiting::room, now + limits.write_timeout);
  } else if (codec_.over()) {
    finish(now);
  } else if (state_ == State::open) {
    if (codec_.in_head()) {
      wait_for(Waiting::head, now + limits.head_timeout);
    } else if (!streams_.empty()) {
      waiting_ = Waiting::nothing;
    } else {
      wait_for(Waiting::request, now + (arrival_.refused ? limits.head_timeout : limits.idle_timeout));
    }
  }
  if (waiting_ == Waiting::nothing) deadline_ = exchange::kNever;
}

void Http2Session::wait_for(Waiting what, TimePoint until) {
  if (waiting_ == what) return;
  waiting_ = what;
  deadline_ = until;
}

/// No more requests, but those that the client sent before it heard of it are served.
void Http2Session::leave(TimePoint now) {
  state_ = State::leaving;
  codec_.go_away();
  wait_for(Waiting::last_requests, now + kLastRequestsTime);
}

/// A close with unread bytes would be a reset, and a reset destroys what was sent.
void Http2Session::finish(TimePoint now) {
  state_ = State::lingering;
  wait_for(Waiting::end, now + (worker_.bench().drain ? kLingerTimeAtDrain : kLingerTime));
}

void Http2Session::log_downgrade() {
  downgrade_logged_ = true;
  exchange::LifecycleRecord record = exchange::downgrade_by("prior_knowledge");
  record.id = worker_.bench().next_id++;
  record.client = arrival_.peer;
  worker_.bench().lifecycle.on_record(record);
}

void Http2Session::log_breach(const char* why) {
  if (std::exchange(breach_logged_, true)) return;
  worker_.bench().lifecycle.on_counted(exchange::Counted::request_rejected, 1);
  exchange::LifecycleRecord record;
  record.id = worker_.bench().next_id++;
  record.client = arrival_.peer;
  record.reason = exchange::Reason::protocol_error;
  record.closed_by = exchange::ClosedBy::sidecar;
  record.detail = why;
  worker_.bench().lifecycle.on_record(record);
}

/// Streams answer for what they hold themselves; what is left is the connection's.
void Http2Session::account_memory() {
  const std::size_t memory = to_downstream_.memory();
  const std::size_t before = std::exchange(memory_, static_cast<std::uint32_t>(memory));
  if (worker_.change_memory(before, memory)) return;
  worker_.bench().lifecycle.on_counted(exchange::Counted::memory_refused, 1);
  close(true);
}

// ---- The socket --------------------------------------------------------------------------------------------------

void Http2Session::arm_read() {
  if (read_armed_) return;
  read_armed_ = true;
  ++pending_ops_;
  downstream_.wait_readable([this] {
    read_armed_ = false;
    --pending_ops_;
    enter([this] { read(); });
  });
}

void Http2Session::arm_write() {
  if (write_armed_) return;
  write_armed_ = true;
  ++pending_ops_;
  downstream_.wait_writable([this] {
    write_armed_ = false;
    --pending_ops_;
    enter([this] { write(); });
  });
}

void Http2Session::close(bool reset) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  unlink();
  codec_.on_connection_lost();
  tell_news();
  // The codec has done with a response that is framed, but its last bytes may have waited here.
  for_each_stream([](Http2Stream& stream) { stream.on_connection_lost(); });
  assert(streams_.empty());
  if (reset) {
    downstream_.reset();
  } else {
    downstream_.close();
  }
}

}  // namespace sidecar::net
