#include "benchmarks/driver/client.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "benchmarks/driver/world.hpp"

namespace sidecar::bench {

namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::uint32_t kSources = 64;

/// What a browser sends along.
constexpr std::string_view kStreamFields =
    "Host: bench.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/event-stream\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cache-Control: no-cache\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";
constexpr std::string_view kOrdinaryFields =
    "Host: bench.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: application/json\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

}  // namespace

bool Client::connect(std::string path) {
  close();
  path_ = std::move(path);
  stream_ = path_[1] != 'r';
  reader_.reset();
  was_open_ = false;
  expected_ = 0;
  retry_ = 0;
  last_byte_ = 0;
  began_ = now_ns();
  const in_addr_t source = htonl(INADDR_LOOPBACK + 1 + number_ % kSources);
  if (!transport_.connect(world_.proxy, source, world_.tls.get())) {
    transport_.close();
    world_.scene->on_end(*this, false);
    return false;
  }
  state_ = State::connecting;
  world_.loop.watch(transport_.fd(), EPOLLOUT, *this);
  return true;
}

void Client::request() {
  began_ = now_ns();
  send_request();
}

void Client::close() {
  if (state_ == State::open && stream_) --world_.open;
  if (state_ != State::idle) {
    world_.loop.forget(transport_.fd(), *this);
    transport_.close();
  }
  state_ = State::idle;
  partial_.clear();
}

void Client::on_ready(std::uint32_t) {
  if (state_ == State::connecting) {
    establish();
  } else {
    receive();
  }
}

void Client::establish() {
  const long outcome = transport_.establish();
  if (outcome == kAgain) return world_.loop.change(transport_.fd(), EPOLLIN, *this);
  if (outcome < 0) return end(false);
  state_ = State::waiting;
  world_.loop.change(transport_.fd(), EPOLLIN, *this);
  send_request();
}

void Client::send_request() {
  std::string bytes = "GET " + path_ + " HTTP/1.1\r\n";
  bytes += stream_ ? kStreamFields : kOrdinaryFields;
  // A few hundred bytes on a connection with nothing under way: the kernel takes them whole or the connection is gone.
  if (transport_.write(bytes) != static_cast<long>(bytes.size())) end(false);
}

void Client::receive() {
  do {
    const long size = transport_.read(world_.buffer);
    if (size == kAgain) return;
    if (size < 0) return end(size == kEnded);
    const std::string_view bytes(world_.buffer.data(), static_cast<std::size_t>(size));
    if (!reader_.feed(bytes, *this)) return end(false);
  } while (state_ != State::idle && transport_.holds_bytes());
}

/// The connection is over. Whether that was in order is for the framing and the events to say.
void Client::end(bool by_peer) {
  const bool whole = by_peer && state_ != State::connecting && reader_.finish(*this) && partial_.empty();
  close();
  world_.scene->on_end(*this, whole);
}

void Client::on_head(int status) {
  status_ = status;
  if (status != 200) ++world_.tally.refused;
}

void Client::on_body(std::string_view bytes) {
  world_.tally.bytes += bytes.size();
  if (status_ != 200) return;
  if (!stream_) {
    partial_.append(bytes);
    return;
  }
  if (partial_.empty()) {
    const std::string_view rest = take_events(bytes);
    if (!rest.empty()) partial_.assign(rest);
  } else {
    partial_.append(bytes);
    std::string whole = std::exchange(partial_, {});
    partial_.assign(take_events(whole));
  }
  last_byte_ = now_ns();
}

std::string_view Client::take_events(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.front() == 'i') {
      if (bytes.size() < world_.format.size()) return bytes;
      if (const auto numbers = world_.format.read(bytes.substr(0, world_.format.size()))) {
        bytes.remove_prefix(world_.format.size());
        take_event(*numbers);
        continue;
      }
    }
    const std::size_t end = bytes.find("\n\n");
    if (end == std::string_view::npos && bytes.size() < kBlockBytes) return bytes;
    const std::size_t size = end == std::string_view::npos ? bytes.size() : end + 2;
    take_block(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return {};
}

void Client::take_event(const EventNumbers& numbers) {
  Tally& tally = world_.tally;
  if (numbers.stream != number_) {
    ++tally.cut;
    return;
  }
  if (numbers.sequence < expected_) {
    ++tally.repeated;
    return;
  }
  tally.missing += numbers.sequence - expected_;
  expected_ = numbers.sequence + 1;
  ++tally.received;
  if (tally.timing) tally.latencies.add(now_ns() - numbers.sent);
  if (state_ == State::waiting) open();
  world_.scene->on_event(*this);
}

void Client::open() {
  state_ = State::open;
  was_open_ = true;
  ++world_.open;
  world_.tally.connects.add(now_ns() - began_);
  world_.scene->on_open(*this);
}

/// Something that is not an event of ours: comments and reconnection times are the proxy's right.
void Client::take_block(std::string_view block) {
  bool heartbeat = false;
  while (!block.empty()) {
    const std::string_view line = block.substr(0, block.find('\n'));
    block.remove_prefix(std::min(line.size() + 1, block.size()));
    if (line.starts_with(':')) {
      heartbeat = true;
    } else if (line.starts_with("retry: ")) {
      retry_ = static_cast<Nanoseconds>(read_number(line.substr(7)).value_or(0)) * kMillisecond;
    } else if (!line.empty()) {
      ++world_.tally.cut;
      return;
    }
  }
  if (!heartbeat) return;
  ++world_.tally.heartbeats;
  if (last_byte_ != 0) world_.tally.gaps.add(now_ns() - last_byte_);
}

void Client::on_response_end() {
  if (stream_) {
    if (!partial_.empty()) ++world_.tally.cut;
  } else if (status_ == 200) {
    const bool right = partial_ == ordinary_body(number_);
    if (right) ++world_.tally.responses;
    if (!right) ++world_.tally.cut;
    if (world_.tally.timing) world_.tally.latencies.add(now_ns() - began_);
  }
  partial_.clear();
  was_open_ = true;
  world_.scene->on_response(*this);
}

}  // namespace sidecar::bench
