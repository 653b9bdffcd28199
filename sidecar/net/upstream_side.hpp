#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exchange/relay.hpp"
#include "net/chunk_pool.hpp"
#include "net/connector.hpp"
#include "net/upstream_connection.hpp"

namespace sidecar::net {

/// A relay and the I/O of its upstream's side: connects, moves bytes between the backend and the relay, obeys what the
/// relay wishes about the backend, and thinks nothing of HTTP. Whoever derives from it has the client's side.
class UpstreamSide : public UpstreamConnection::Owner, public Connector::Client {
 public:
  UpstreamSide(const UpstreamSide&) = delete;
  UpstreamSide& operator=(const UpstreamSide&) = delete;

  void on_upstream_readable(UpstreamConnection& connection) final;
  void on_upstream_writable(UpstreamConnection& connection) final;
  void on_upstream_deadline(UpstreamConnection&, TimePoint) final {}
  void on_connected(Stream stream) final;
  void on_connect_failed(exchange::UpstreamFailure failure, const char* why) final;

 protected:
  /// `codec` is only remembered: it may belong to the derived class.
  UpstreamSide(Worker& worker, http::DownstreamCodec& codec, std::string_view peer, bool tls);
  ~UpstreamSide();

  // Around everything that happens to the backend's connection. The object lives until end_turn(), which settles.
  virtual void begin_turn() = 0;
  virtual void end_turn() = 0;

  void flush_upstream();
  /// True when there is something new to write or to obey.
  bool obey_upstream(const exchange::Wishes& wishes);
  /// Tells the relay whether the backend is stalled.
  void watch_upstream_kernel(TimePoint now);
  void drop_upstream(bool reset);
  [[nodiscard]] std::size_t upstream_memory() const { return to_upstream_.memory(); }

  Worker& worker_;
  exchange::Relay relay_;

 private:
  class Turn;

  void read_upstream(Stream& stream);
  void connect(const exchange::Wishes& wishes);
  void adopt(UpstreamConnection& connection, bool pooled);
  void release_upstream(const exchange::UpstreamPolicy& policy);
  void hold_upstream(const exchange::UpstreamPolicy& policy);
  [[nodiscard]] bool reusable() const { return to_upstream_.empty() && !deaf_ && !shut_; }

  UpstreamConnection* upstream_ = nullptr;
  Connector* connector_ = nullptr;
  PendingBytes to_upstream_;
  std::uint32_t attempt_ = 0;  ///< The last one that was begun.
  std::uint32_t unsent_ = 0;   ///< What the backend's kernel had not taken when bytes last had to wait.
  bool shut_ : 1 = false;
  bool deaf_ : 1 = false;    ///< It takes no more bytes; what it still says is read.
  bool reused_ : 1 = false;  ///< The first bytes of its answer are to be acknowledged at once.
  bool heard_ : 1 = false;   ///< They have come.
  bool held_ : 1 = false;    ///< Idle, for the next request of this client.
};

}  // namespace sidecar::net
