#pragma once

#include <cstdint>
#include <string>

#include <boost/intrusive/list.hpp>

#include "exchange/relay.hpp"
#include "http/h1_downstream.hpp"
#include "net/chunk_pool.hpp"
#include "net/connector.hpp"
#include "net/stream.hpp"
#include "net/timed_entry.hpp"
#include "net/upstream_connection.hpp"

namespace sidecar::net {

class UpstreamPool;

/// One accepted connection and its I/O: moves bytes, tells the relay, obeys its wishes, and thinks nothing of HTTP.
/// Every entry does the same: tell the relay what happened, then settle(). It owns itself and goes when it is closed
/// and its last wait has completed.
class Session final
    : public TimedEntry,
      public UpstreamConnection::Owner,
      public Connector::Client,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  struct Arrival {
    bool refused = false;         ///< One connection too many: its requests are answered with 503.
    bool proxy_protocol = false;  ///< Its first bytes say who the peer is.
  };

  /// Takes over the connected `fd`. False: it could not be watched, and stays the caller's.
  [[nodiscard]] static bool start(Worker& worker, int fd, std::string peer, Arrival arrival);

  void on_deadline(TimePoint now) override;
  void drain();
  void force();

  void on_upstream_readable(UpstreamConnection& connection) override;
  void on_upstream_writable(UpstreamConnection& connection) override;
  void on_upstream_deadline(UpstreamConnection&, TimePoint) override {}
  void on_connected(int fd) override;
  void on_connect_failed(exchange::UpstreamFailure failure) override;

 private:
  Session(Worker& worker, int fd, std::string peer);
  ~Session();

  /// Runs one entry with the session kept alive, and deletes it behind the last one.
  template <class Entry>
  void enter(Entry&& entry);
  void settle();
  void flush_downstream();
  void flush_upstream();
  bool obey();
  bool obey_upstream(const exchange::Wishes& wishes);
  void obey_downstream(const exchange::Wishes& wishes);
  void connect(const exchange::Wishes& wishes);
  void adopt(UpstreamConnection& connection, bool pooled);
  void drop_upstream(bool reset);
  void release_upstream();
  void hold_upstream();
  void read_downstream();
  void write_downstream();
  void watch_kernels(TimePoint now);
  /// True when the memory for slow peers is used up and this session just took more of it.
  bool exceeds_memory();
  void arm_downstream_read();
  void arm_downstream_write();
  void close(bool reset);

  Worker& worker_;
  UpstreamPool* pool_ = nullptr;  ///< Of the current attempt.
  UpstreamConnection* upstream_ = nullptr;
  Connector* connector_ = nullptr;
  Stream downstream_;
  PendingBytes to_downstream_;
  PendingBytes to_upstream_;
  http::H1Downstream codec_;
  exchange::Relay relay_;
  std::uint32_t attempt_ = 0;  ///< The last one that was begun.
  std::uint32_t unsent_ = 0;   ///< What the client's kernel had not taken when bytes last had to wait.
  std::uint32_t upstream_unsent_ = 0;
  std::uint32_t memory_ = 0;  ///< Held for slow peers, as the worker knows it.
  std::uint8_t pending_ops_ = 0;
  bool read_armed_ : 1 = false;
  bool write_armed_ : 1 = false;
  bool downstream_shut_ : 1 = false;
  bool upstream_shut_ : 1 = false;
  bool upstream_deaf_ : 1 = false;    ///< It takes no more bytes; what it still says is read.
  bool upstream_reused_ : 1 = false;  ///< Its next bytes are to be acknowledged at once.
  bool blind_ : 1 = false;            ///< The client is not read: that it is gone has to be asked.
  bool upstream_held_ : 1 = false;    ///< Idle, for the next request of this client.
  bool closing_ : 1 = false;
};

}  // namespace sidecar::net
