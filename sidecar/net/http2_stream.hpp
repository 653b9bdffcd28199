#pragma once

#include <cstdint>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include "http/h2_connection.hpp"
#include "net/timed_entry.hpp"
#include "net/upstream_side.hpp"

namespace sidecar::net {

class Http2Session;

/// One stream of a client's HTTP/2 connection, as a shell: a relay with its backend's side, and in place of a socket
/// the connection's codec. It owns itself, and goes when the relay has ended.
class Http2Stream final
    : public TimedEntry,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
      private UpstreamSide {
 public:
  struct Arrival {
    std::string_view peer;
    bool tls = false;
    bool refused = false;  ///< Of one connection too many.
  };

  /// Born without news: on_news() follows.
  Http2Stream(Worker& worker, Http2Session& session, http::H2Stream& codec, Arrival arrival);

  // What the session tells. The object may be gone behind each of these.
  void on_news();
  void on_progress();
  /// The connection is stuck, but its kernel got rid of something.
  void on_kernel_progress(TimePoint now);
  void on_connection_lost();
  void drain();
  void force();

  void on_deadline(TimePoint now) override;

 private:
  ~Http2Stream();

  template <class Entry>
  void enter(Entry&& entry);
  void begin_turn() override;
  void end_turn() override;
  void settle();
  void report_progress();
  bool exceeds_memory();
  void end(exchange::DownstreamManner manner);

  Http2Session& session_;
  http::H2Stream& codec_;
  std::uint32_t memory_ = 0;  ///< Held for slow peers, as the worker knows it.
  std::uint8_t turns_ = 0;
  bool ended_ = false;
};

}  // namespace sidecar::net
