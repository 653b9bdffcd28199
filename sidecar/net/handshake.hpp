#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "exchange/lifecycle.hpp"
#include "net/client_connection.hpp"
#include "net/session.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"

namespace sidecar::net {

/// A connection that was accepted where TLS is spoken, until that is agreed on and a session begins. In front of TLS
/// there may be a PROXY header, in the clear. It owns itself. All of it together has the listener's time.
class Handshake final : public ClientConnection {
 public:
  /// Takes over an accepted connection, which the census knows.
  static void start(Worker& worker, Stream stream, std::string peer, Session::Arrival arrival,
                    std::shared_ptr<const TlsServer> tls);

  void on_deadline(TimePoint now) override;
  /// Who is about to come in does it soon.
  void drain() override;
  void force() override;

 private:
  enum class Stage : std::uint8_t {
    proxy_header,
    tls,
    lingering,  ///< It failed; the client is given time to read why.
  };

  Handshake(Worker& worker, Stream stream, std::string peer, Session::Arrival arrival,
            std::shared_ptr<const TlsServer> tls);
  ~Handshake();

  void go_on();
  void read_proxy_header();
  void begin_tls();
  void shake_hands();
  void hand_over();
  void on_failure();
  void answer_in_the_clear();
  void refuse(const char* why);
  void linger();
  void throw_away();
  void record(exchange::LifecycleRecord record);
  void wait_readable();
  void wait_writable();
  void end();

  Worker& worker_;
  Stream stream_;
  std::string peer_;
  std::string header_;  ///< What has come of the PROXY header.
  std::shared_ptr<const TlsServer> tls_;
  TimePoint due_;
  Session::Arrival arrival_;
  Stage stage_;
  bool armed_ = false;
  bool closing_ = false;
  bool handed_over_ = false;
};

}  // namespace sidecar::net
