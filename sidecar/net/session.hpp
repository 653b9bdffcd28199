#pragma once

#include <cstdint>
#include <string_view>

#include "http/h1_downstream.hpp"
#include "net/chunk_pool.hpp"
#include "net/client_connection.hpp"
#include "net/stream.hpp"
#include "net/upstream_side.hpp"

namespace sidecar::net {

/// One accepted connection and its I/O: moves bytes, tells the relay, obeys its wishes, and thinks nothing of HTTP.
/// Every entry does the same: tell the relay what happened, then settle(). It owns itself and goes when it is closed
/// and its last wait has completed.
class Session final : public ClientConnection, private UpstreamSide {
 public:
  struct Arrival {
    bool refused = false;           ///< One connection too many: its requests are answered with 503.
    bool proxy_protocol = false;    ///< Its first bytes say who the peer is.
    bool translates_http2 = false;  ///< Who speaks it is served, and not told to come back over HTTP/1.1.
  };

  /// Takes over the connection, whose handshake is done if it has one.
  static void start(Worker& worker, Stream stream, std::string_view peer, Arrival arrival);

  void on_deadline(TimePoint now) override;
  void drain() override;
  void force() override;

 private:
  Session(Worker& worker, Stream stream, std::string_view peer);
  ~Session();

  /// Runs one entry with the session kept alive, settles, and deletes it behind the last one.
  template <class Entry>
  void enter(Entry&& entry);
  void begin_turn() override;
  void end_turn() override;
  void settle();
  void flush_downstream();
  bool obey();
  void obey_downstream(const exchange::Wishes& wishes);
  void read_downstream();
  void write_downstream();
  void watch_kernels(TimePoint now);
  /// True when the memory for slow peers is used up and this session just took more of it.
  bool exceeds_memory();
  void arm_downstream_read();
  void arm_downstream_write();
  void hand_over();
  void close(bool reset);

  // The small ones first: there is room for them behind the last of UpstreamSide.
  std::uint8_t pending_ops_ = 0;
  bool read_armed_ : 1 = false;
  bool write_armed_ : 1 = false;
  bool downstream_shut_ : 1 = false;
  bool blind_ : 1 = false;  ///< The client is not read: that it is gone has to be asked.
  bool refused_ : 1 = false;
  bool translates_http2_ : 1 = false;
  bool handed_over_ : 1 = false;  ///< The socket is somebody else's now.
  bool closing_ : 1 = false;
  std::uint32_t unsent_ = 0;  ///< What the client's kernel had not taken when bytes last had to wait.
  std::uint32_t memory_ = 0;  ///< Held for slow peers, as the worker knows it.
  http::H1Downstream codec_;
  Stream downstream_;
  PendingBytes to_downstream_;
};

}  // namespace sidecar::net
