#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "exchange/wishes.hpp"
#include "net/name_cache.hpp"
#include "net/stream.hpp"

namespace sidecar::net {

/// One attempt at a new connection: resolve, then the addresses in order until one answers. How long all of it may
/// take is the exchange's to say: it gives up with cancel().
class Connector final : public NameCache::Waiter {
 public:
  class Client {
   public:
    virtual void on_connected(int fd) = 0;
    virtual void on_connect_failed(exchange::UpstreamFailure failure) = 0;

   protected:
    ~Client() = default;
  };

  /// Reports to `client` once, never from within start().
  static Connector* start(Worker& worker, NameCache& names, Client& client);
  /// Nothing is reported any more; the object goes by itself.
  void cancel();

  void on_endpoints(const std::vector<Endpoint>& endpoints) override;

 private:
  Connector(Worker& worker, NameCache& names, Client& client) : worker_(worker), names_(names), client_(&client) {}
  ~Connector() = default;

  void try_next();
  void wait_for_outcome(int fd);
  void on_outcome();
  void give_up();

  Worker& worker_;
  NameCache& names_;
  Client* client_;
  std::vector<Endpoint> endpoints_;
  std::size_t next_ = 0;
  std::optional<asio::posix::basic_stream_descriptor<asio::io_context::executor_type>> socket_;
  exchange::UpstreamFailure failure_ = exchange::UpstreamFailure::unresolved;
  bool waiting_ = false;  ///< A handler will come: it deletes what was cancelled.
  bool asked_again_ = false;
};

}  // namespace sidecar::net
