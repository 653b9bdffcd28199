#include "net/server.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/socket.hpp"
#include "net/worker.hpp"
#include "observe/log.hpp"

namespace sidecar::net {

namespace {

/// Below the ten seconds that container runtimes wait before they kill.
constexpr std::chrono::seconds kGrace{8};

observe::LogOptions to_log_options(const config::LogConfig& config) {
  observe::LogOptions options;
  options.level = static_cast<observe::Level>(config.level);
  options.format = static_cast<observe::LogFormat>(config.format);
  return options;
}
static_assert(static_cast<int>(config::LogLevel::off) == static_cast<int>(observe::Level::off));
static_assert(static_cast<int>(config::LogFormat::text) == static_cast<int>(observe::LogFormat::text));

class Server {
 public:
  explicit Server(const config::Config& config)
      : config_(config), log_(to_log_options(config.log)), signals_(control_, SIGTERM, SIGINT), grace_(control_) {}

  ~Server() {
    for (const std::string& path : unix_paths_) ::unlink(path.c_str());
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int run() {
    raise_file_limit();
    make_workers();
    for (const config::Listener& listener : config_.listeners) {
      if (!open(listener.address)) return 1;
    }
    std::vector<std::jthread> threads;
    for (const auto& worker : workers_) {
      threads.emplace_back([this, &worker] {
        worker->run();
        asio::post(control_, [this] { on_worker_ended(); });
      });
    }
    signals_.async_wait([this](const ErrorCode& error, int) { on_signal(error); });
    control_.run();
    threads.clear();  // Joins.
    log_.shutdown();
    return exit_code_;
  }

 private:
  void make_workers() {
    const auto policies = std::make_shared<const exchange::PolicySet>(config_.policies);
    const auto redactor = std::make_shared<const observe::QueryRedactor>(config_.log.redact_query);
    std::random_device random;
    for (std::size_t i = 0; i < config_.workers; ++i) {
      const std::uint64_t high = (std::uint64_t{random()} << 32) & 0xffff'ffff'0000'0000;
      workers_.push_back(std::make_unique<Worker>(log_, redactor, policies, high + 1));
    }
  }

  bool open(const config::ListenAddress& address) {
    const Opened opened = open_listener(address, user_timeout(config_.policies.limits.write_timeout));
    if (opened.fd < 0) {
      std::fprintf(stderr, "sse-sidecar: %s\n", opened.error.c_str());
      return false;
    }
    if (!address.unix_path.empty()) unix_paths_.push_back(address.unix_path);
    for (const auto& worker : workers_) worker->listen(::fcntl(opened.fd, F_DUPFD_CLOEXEC, 0), workers_.size() > 1);
    ::close(opened.fd);
    log_.listening(opened.address);
    return true;
  }

  void on_signal(const ErrorCode& error) {
    if (error) return;
    if (draining_) {
      // Told twice: the person at the terminal does not want to wait.
      exit_code_ = 1;
      force();
      return;
    }
    draining_ = true;
    log_.message(observe::Level::info, "draining");
    for (const auto& worker : workers_) worker->post_drain();
    grace_.expires_after(kGrace);
    grace_.async_wait([this](const ErrorCode& cancelled) {
      if (!cancelled) force();
    });
    signals_.async_wait([this](const ErrorCode& again, int) { on_signal(again); });
  }

  void force() {
    for (const auto& worker : workers_) worker->post_force();
  }

  void on_worker_ended() {
    if (++ended_ < workers_.size()) return;
    grace_.cancel();
    signals_.cancel();
  }

  const config::Config& config_;
  observe::Log log_;
  asio::io_context control_{1};
  asio::signal_set signals_;
  asio::steady_timer grace_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::string> unix_paths_;
  std::size_t ended_ = 0;
  int exit_code_ = 0;
  bool draining_ = false;
};

}  // namespace

int run_server(const config::Config& config) {
  std::signal(SIGPIPE, SIG_IGN);
  Server server(config);
  return server.run();
}

}  // namespace sidecar::net
