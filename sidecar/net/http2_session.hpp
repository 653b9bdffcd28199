#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/h2_connection.hpp"
#include "net/chunk_pool.hpp"
#include "net/client_connection.hpp"
#include "net/http2_stream.hpp"
#include "net/stream.hpp"

namespace sidecar::net {

class Worker;

/// A client's HTTP/2 connection and its I/O: one socket, one codec, and a shell of its own for each stream. Where
/// HTTP/2 is not wanted it tells the client so, and ends. It owns itself and goes when it is closed and its last wait
/// has completed.
class Http2Session final : public ClientConnection {
 public:
  struct Arrival {
    std::string peer;  ///< Printable.
    http::H2Connection::Mode mode = http::H2Connection::Mode::refuse;
    bool tls = false;
    bool refused = false;  ///< One connection too many: its requests are answered with 503.
  };

  /// Takes over the connection, of which `received` has been read already, and its place in the census.
  static void start(Worker& worker, Stream stream, Arrival arrival, std::string_view received);

  void on_deadline(TimePoint now) override;
  void drain() override;
  void force() override;

  // For its streams.
  void begin_turn() { ++turns_; }
  void end_turn();
  void release(http::H2Stream& codec) { codec_.release(codec); }
  /// Bytes of whatever stream that the kernel does not take.
  [[nodiscard]] std::size_t backlog() const { return to_downstream_.size(); }
  /// See UpstreamSide::watch_upstream_kernel().
  void watch_kernel(TimePoint now);

 private:
  using Streams = boost::intrusive::list<Http2Stream, boost::intrusive::constant_time_size<false>>;
  enum class State : std::uint8_t {
    open,
    leaving,    ///< It is to end: GOAWAY is said, or soon will be. Its streams run on.
    lingering,  ///< Our FIN is behind the last byte; what still comes is thrown away.
    closed,
  };
  /// Whose time `deadline_` is.
  enum class Waiting : std::uint8_t { nothing, request, head, last_requests, room, end };

  Http2Session(Worker& worker, Stream stream, Arrival arrival);
  ~Http2Session();

  template <class Entry>
  void enter(Entry&& entry);
  template <class Visit>
  void for_each_stream(Visit&& visit);
  void read();
  void write();
  void on_bytes(std::string_view bytes);
  void on_lost();
  void tell_news();
  void settle();
  bool flush();
  void go_on();
  void wait_for(Waiting what, TimePoint until);
  void leave(TimePoint now);
  void finish(TimePoint now);
  void log_downgrade();
  void log_breach(const char* why);
  void account_memory();
  void arm_read();
  void arm_write();
  void close(bool reset);

  Worker& worker_;
  Stream downstream_;
  PendingBytes to_downstream_;
  http::H2Connection codec_;
  Streams streams_;
  Arrival arrival_;
  TimePoint deadline_ = exchange::kNever;
  std::uint32_t unsent_ = 0;  ///< What the client's kernel had not taken when bytes last had to wait.
  std::uint32_t memory_ = 0;  ///< Of the connection as a whole, as the worker knows it.
  std::uint16_t turns_ = 0;
  std::uint8_t pending_ops_ = 0;
  State state_ = State::open;
  Waiting waiting_ = Waiting::nothing;
  bool downgrade_logged_ : 1 = false;
  bool breach_logged_ = false;
  bool shut_ : 1 = false;  ///< Our FIN is out.
  bool read_armed_ : 1 = false;
  bool write_armed_ : 1 = false;
};

}  // namespace sidecar::net
