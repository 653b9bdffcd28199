#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "exchange/wishes.hpp"
#include "net/name_cache.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"

namespace sidecar::net {

/// One attempt at a new connection: resolve, then the addresses in order until one answers and, where the upstream
/// speaks TLS, has shown who it is. How long all of it may take is the exchange's to say: it gives up with cancel().
class Connector final : public NameCache::Waiter {
 public:
  class Client {
   public:
    virtual void on_connected(Stream stream) = 0;
    /// `why`: a few static words for the log; nullptr when `failure` says it all.
    virtual void on_connect_failed(exchange::UpstreamFailure failure, const char* why) = 0;

   protected:
    ~Client() = default;
  };

  /// Reports to `client` once, never from within start(). `tls`: nullptr where the upstream is plain.
  static Connector* start(Worker& worker, NameCache& names, std::shared_ptr<const TlsClient> tls, Client& client);
  /// Nothing is reported any more; the object goes by itself.
  void cancel();

  void on_endpoints(const std::vector<Endpoint>& endpoints) override;

 private:
  Connector(Worker& worker, NameCache& names, std::shared_ptr<const TlsClient> tls, Client& client)
      : worker_(worker), names_(names), tls_(std::move(tls)), client_(&client) {}
  ~Connector() = default;

  void resolve();
  void try_next();
  [[nodiscard]] bool begin(int fd);
  template <void (Connector::*step)()>
  [[nodiscard]] auto guarded();
  void on_outcome();
  void greet();
  void fail(exchange::UpstreamFailure failure, const char* why);
  void give_up();

  Worker& worker_;
  NameCache& names_;
  std::shared_ptr<const TlsClient> tls_;
  Client* client_;
  std::vector<Endpoint> endpoints_;
  std::size_t next_ = 0;
  std::optional<Stream> stream_;
  exchange::UpstreamFailure failure_ = exchange::UpstreamFailure::unresolved;
  const char* why_ = nullptr;
  bool waiting_ = false;  ///< A handler will come: it deletes what was cancelled.
  bool asked_again_ = false;
};

}  // namespace sidecar::net
