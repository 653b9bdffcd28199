#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "benchmarks/driver/event.hpp"
#include "benchmarks/driver/loop.hpp"

/// The backend behind the proxy. What it serves is in the path:
///
///     /e/NUMBER          an event stream: the head with the first event, then an event whenever it is told to
///     /b/NUMBER/COUNT    COUNT events, one chunk each, as fast as they are taken, and the end
///     /r/NUMBER          1 KiB, with a length
namespace sidecar::bench {

/// The body of /r/NUMBER.
[[nodiscard]] std::string ordinary_body(std::uint32_t number);

class Origin;

/// One connection of the proxy.
class OriginConnection final : public Watcher {
 public:
  OriginConnection(Origin& origin, int fd) : origin_(origin), fd_(fd) {}
  ~OriginConnection();
  OriginConnection(const OriginConnection&) = delete;
  OriginConnection& operator=(const OriginConnection&) = delete;

  void on_ready(std::uint32_t events) override;
  /// What the kernel does not take waits. False: the connection is gone and has to be closed.
  bool write(std::string_view bytes);
  [[nodiscard]] int fd() const { return fd_; }

 private:
  [[nodiscard]] bool read_requests();
  [[nodiscard]] bool serve(std::string_view target);
  [[nodiscard]] bool flush();
  void fill_burst();

  Origin& origin_;
  int fd_;
  bool waits_to_write_ = false;
  std::string received_;
  std::string unsent_;
  std::uint32_t stream_ = 0;
  std::uint64_t burst_left_ = 0;
  std::uint64_t burst_next_ = 0;
};

class Origin final : public Watcher {
 public:
  /// Listens on 127.0.0.1; serves streams 0 to `streams` - 1.
  Origin(Loop& loop, std::uint16_t port, const EventFormat& format, std::size_t streams);
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  /// The next event of this stream. False when nobody listens to it.
  bool send_event(std::uint32_t stream);

  /// The sequence number that the stream's next event will have.
  [[nodiscard]] std::uint64_t next_sequence(std::uint32_t stream) const { return streams_.at(stream).next; }
  [[nodiscard]] std::size_t open_streams() const { return open_streams_; }
  [[nodiscard]] std::uint64_t events_sent() const { return events_sent_; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

  void on_ready(std::uint32_t events) override;

 private:
  friend class OriginConnection;
  struct Stream {
    OriginConnection* connection = nullptr;
    std::uint64_t next = 0;
  };

  [[nodiscard]] bool open_stream(std::uint32_t number, OriginConnection& connection);
  void append_event(std::string& out, std::uint32_t stream, std::uint64_t sequence);
  void close(OriginConnection& connection, std::uint32_t stream);

  Loop& loop_;
  const EventFormat& format_;
  int listener_;
  std::string stream_head_;
  std::string answer_head_;
  std::string scratch_;
  std::vector<Stream> streams_;
  std::size_t open_streams_ = 0;
  std::uint64_t events_sent_ = 0;
  std::uint64_t requests_ = 0;
  std::unordered_map<OriginConnection*, std::unique_ptr<OriginConnection>> connections_;
};

}  // namespace sidecar::bench
