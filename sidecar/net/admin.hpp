#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/steady_timer.hpp>

#include "config/config.hpp"
#include "net/asio.hpp"
#include "observe/log.hpp"

namespace sidecar::net {

/// The admin listener: answers machines that ask how the process is, on an address of its own. It lives on the
/// control thread, so a busy worker does not delay it, and shares nothing with the workers.
class Admin {
 public:
  /// Whether new clients are welcome; asked on the control thread.
  using Ready = std::function<bool()>;

  /// `io` runs on one thread; `log` and this object outlive its run().
  Admin(asio::io_context& io, observe::Log& log, Ready ready);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  /// Listens; nothing to do when it is switched off. False: the address was asked for and cannot be had, said on
  /// stderr. The default address is only tried, and missed with a warning.
  [[nodiscard]] bool start(const config::AdminConfig& config);

  /// Closes everything at once, so that `io` can run out of work. It may be started again.
  void stop();

 private:
  class Connection;
  struct Answer;

  void accept();
  void accept_some();
  void take(int fd);
  [[nodiscard]] Answer answer(std::string_view path) const;

  asio::io_context& io_;
  observe::Log& log_;
  Ready ready_;
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> listener_;
  asio::steady_timer pause_;
  int family_ = 0;
  config::ListenAddress address_;
  std::list<std::weak_ptr<Connection>> connections_;  ///< Oldest first.
};

}  // namespace sidecar::net
