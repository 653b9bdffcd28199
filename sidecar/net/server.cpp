#include "net/server.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/admin.hpp"
#include "net/census.hpp"
#include "net/socket.hpp"
#include "net/tls_context.hpp"
#include "net/worker.hpp"
#include "observe/log.hpp"

namespace sidecar::net {

namespace {

/// Open files that are no client's: listeners, log, timers, idle upstream connections.
constexpr std::size_t kOtherFiles = 100;

observe::Level to_level(config::LogLevel level) {
  return static_cast<observe::Level>(level);
}
static_assert(static_cast<int>(config::LogLevel::trace) == static_cast<int>(observe::Level::trace));
static_assert(static_cast<int>(config::LogLevel::off) == static_cast<int>(observe::Level::off));

observe::LogOptions to_log_options(const config::LogConfig& config) {
  observe::LogOptions options;
  options.level = to_level(config.level);
  options.format = static_cast<observe::LogFormat>(config.format);
  return options;
}
static_assert(static_cast<int>(config::LogFormat::text) == static_cast<int>(observe::LogFormat::text));

/// A worker of several, with the threads that it starts, does not take the processor from whoever wakes it, so it finds
/// more when its turn comes (sched(7), SCHED_BATCH). What an administrator chose stays, and where this is not allowed
/// nothing changes.
void share_processors() {
  if (::sched_getscheduler(0) != SCHED_OTHER) return;
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
}

bool same_place(const config::ListenAddress& a, const config::ListenAddress& b) {
  return a.host == b.host && a.port == b.port && a.unix_path == b.unix_path;
}

class Server {
 public:
  Server(config::Config config, const std::function<Reloaded()>& reload)
      : config_(std::move(config)),
        reload_(reload),
        log_(to_log_options(config_.log)),
        crew_(config_.workers),
        signals_(control_, SIGTERM, SIGINT, SIGHUP),
        timer_(control_) {}

  ~Server() {
    // `signals_` takes its handlers with it, and SIGHUP by itself kills. Only this thread is left: that of the log lets
    // no signal in.
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &hangup, nullptr);
    for (const Open& open : open_) forget(open);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int run() {
    files_max_ = raise_file_limit();
    TlsContexts tls = load_tls(config_);
    for (const config::Finding& problem : tls.problems) {
      std::fprintf(stderr, "sse-sidecar: %s: %s\n", problem.path.c_str(), problem.message.c_str());
    }
    if (!tls.problems.empty()) return 1;
    warn(tls);
    make_workers(tls);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      std::string error;
      if (!open(config_.listeners[i], tls.listeners[i], error)) {
        std::fprintf(stderr, "sse-sidecar: %s\n", error.c_str());
        return 1;
      }
    }
    if (!admin_.start(config_.admin)) return 1;
    for (Open& open : open_) hand_out(open, &Worker::listen);
    std::vector<std::jthread> threads;
    for (const auto& worker : workers_) {
      threads.emplace_back([this, &worker] {
        if (workers_.size() > 1) share_processors();
        worker->run();
        asio::post(control_, [this] { on_worker_ended(); });
      });
    }
    wait_for_signal();
    control_.run();
    threads.clear();  // Joins.
    log_.shutdown();
    return exit_code_;
  }

 private:
  /// A listening socket.
  struct Open {
    config::Listener listener;
    std::shared_ptr<const TlsServer> tls;
    unsigned id;
    std::string address;   ///< As bound.
    std::vector<int> fds;  ///< One a worker; empty when they are handed out.

    [[nodiscard]] ListeningSocket socket(int fd) const {
      return {fd, id, listener.proxy_protocol, listener.http2 == config::Http2::translate, tls};
    }
  };

  void warn(const TlsContexts& tls) {
    for (const std::string& warning : tls.warnings) log_.message(observe::Level::warn, warning);
  }

  void make_workers(const TlsContexts& tls) {
    const Worker::Settings settings = make_settings(tls);
    std::random_device random;
    for (std::size_t i = 0; i < config_.workers; ++i) {
      const std::uint64_t high = (std::uint64_t{random()} << 32) & 0xffff'ffff'0000'0000;
      const Worker::Common common{log_, census_, config_.workers, config_.workers > 1 ? &crew_ : nullptr};
      workers_.push_back(std::make_unique<Worker>(common, settings, high + 1, i));
    }
  }

  /// Each client needs two files: its connection and the one to the backend.
  Worker::Settings make_settings(const TlsContexts& tls) {
    exchange::PolicySet policies = config_.policies;
    std::size_t others = kOtherFiles + Census::kRefusedMax;
    for (const auto& upstream : policies.upstreams) others += upstream.keepalive.max_idle * workers_max();
    const std::size_t most = files_max_ > 2 * others ? (files_max_ - others) / 2 : files_max_ / 4 + 1;
    if (files_max_ > 0) policies.limits.connections = std::min(policies.limits.connections, most);
    // A few per cent are nobody's plan.
    if (policies.limits.connections < config_.policies.limits.connections * 9 / 10) {
      log_.message(observe::Level::warn, "limits.connections is " +
                                             std::to_string(config_.policies.limits.connections) + ", but " +
                                             std::to_string(files_max_) + " open files allow only " +
                                             std::to_string(most) + " (raise the limit of open files, or lower it)");
    }
    return {std::make_shared<const exchange::PolicySet>(std::move(policies)),
            std::make_shared<const observe::QueryRedactor>(config_.log.redact_query), tls.upstreams};
  }

  /// Before they are made, and for ever after.
  [[nodiscard]] std::size_t workers_max() const { return std::max(workers_.size(), config_.workers); }

  bool open(const config::Listener& listener, std::shared_ptr<const TlsServer> tls, std::string& error) {
    Opened opened = open_listener(listener.address, user_timeout(config_.policies.limits.write_timeout));
    if (opened.fd < 0) {
      error = std::move(opened.error);
      return false;
    }
    Open made{listener, std::move(tls), next_listener_++, std::move(opened.address), {opened.fd}};
    while (made.fds.size() < workers_.size()) {
      const int fd = ::fcntl(opened.fd, F_DUPFD_CLOEXEC, 0);
      if (fd < 0) {
        error = "cannot listen on " + listener.address.text + ": " + std::strerror(errno);
        forget(made);
        return false;
      }
      made.fds.push_back(fd);
    }
    open_.push_back(std::move(made));
    return true;
  }

  /// Every worker waits on a duplicate of its own.
  void hand_out(Open& open, void (Worker::*listen)(const ListeningSocket&)) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      (*workers_[i].*listen)(open.socket(open.fds[i]));
    }
    open.fds.clear();
    log_.listening(open.address);
  }

  static void forget(const Open& open) {
    for (const int fd : open.fds) ::close(fd);
    if (!open.listener.address.unix_path.empty()) ::unlink(open.listener.address.unix_path.c_str());
  }

  // ---- Signals

  void wait_for_signal() {
    signals_.async_wait([this](const ErrorCode& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        on_hangup();
      } else {
        on_terminate();
      }
      wait_for_signal();
    });
  }

  void on_terminate() {
    if (draining_) {
      // The person at the terminal does not want to wait.
      log_.message(observe::Level::warn, "told twice: ending at once");
      exit_code_ = 1;
      force();
      return;
    }
    draining_ = true;
    log_.message(observe::Level::info, "draining");
    log_.message(observe::Level::info,
                 std::to_string(census_.connections()) + " connections are open; a second signal ends them at once");
    after(config_.drain.delay, [this] { drain(); });
  }

  void drain() {
    if (ended_ == workers_.size()) return;
    for (const Open& open : open_) forget(open);
    open_.clear();
    crew_.part();
    for (const auto& worker : workers_) worker->post_drain(config_.drain);
    after(config_.drain.grace, [this] {
      log_.message(observe::Level::warn, "drain.grace is over: what is left is broken off");
      force();
    });
  }

  template <class Action>
  void after(std::chrono::milliseconds delay, Action action) {
    timer_.expires_after(delay);
    timer_.async_wait([action](const ErrorCode& cancelled) {
      if (!cancelled) action();
    });
  }

  void force() {
    crew_.part();
    for (const auto& worker : workers_) worker->post_force();
  }

  void on_worker_ended() {
    if (++ended_ < workers_.size()) return;
    timer_.cancel();
    signals_.cancel();
    admin_.stop();
  }

  // ---- Reload

  void on_hangup() {
    if (draining_) return log_.message(observe::Level::warn, "reload: too late, the process is ending");
    Reloaded reloaded = reload_();
    if (reloaded.config) {
      apply(std::move(*reloaded.config));
      return;
    }
    refuse(reloaded.problems);
  }

  void refuse(std::string_view problems) {
    while (!problems.empty()) {
      const std::string_view line = problems.substr(0, problems.find('\n'));
      problems.remove_prefix(std::min(line.size() + 1, problems.size()));
      log_.message(observe::Level::error, "reload: " + std::string(line));
    }
    log_.message(observe::Level::error, "reload: the configuration stays as it was");
  }

  void apply(config::Config config) {
    std::string problems;
    TlsContexts tls = load_tls(config);
    for (const config::Finding& problem : tls.problems) problems.append(problem.path + ": " + problem.message + "\n");
    if (!problems.empty()) return refuse(problems);
    const std::size_t before = open_.size();
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
      const config::Listener& listener = config.listeners[i];
      const auto same = [&](const Open& open) { return same_place(open.listener.address, listener.address); };
      std::string error;
      if (std::any_of(open_.begin(), open_.end(), same) || open(listener, tls.listeners[i], error)) continue;
      problems.append(error).append(hint_at_ourselves(listener.address)).append("\n");
    }
    if (!problems.empty()) {
      for (std::size_t i = before; i < open_.size(); ++i) forget(open_[i]);
      open_.resize(before);
      refuse(problems);
      return;
    }
    tell_what_stays(config);
    warn(tls);
    config_ = std::move(config);
    log_.set_level(to_level(config_.log.level));
    const Worker::Settings settings = make_settings(tls);
    for (const auto& worker : workers_) worker->post_settings(settings);
    for (std::size_t i = before; i < open_.size(); ++i) hand_out(open_[i], &Worker::post_listen);
    keep_or_close_others(before, tls);
    log_.message(observe::Level::info, "configuration reloaded");
  }

  /// A wildcard and one of its addresses are two places for us and one for the kernel.
  [[nodiscard]] std::string hint_at_ourselves(const config::ListenAddress& address) const {
    for (const Open& open : open_) {
      const config::ListenAddress& held = open.listener.address;
      const bool same_port = address.unix_path.empty() && held.unix_path.empty() && held.port == address.port;
      if (same_port) return " (perhaps by our own listener " + held.text + ": to replace it takes a restart)";
    }
    return {};
  }

  /// The first `count` listeners: as they are named now, or not at all any more.
  void keep_or_close_others(std::size_t count, const TlsContexts& tls) {
    for (std::size_t i = 0; i < count; ++i) {
      if (const config::Listener* named = find_named(open_[i])) {
        open_[i].listener = *named;
        open_[i].tls = tls.listeners[static_cast<std::size_t>(named - config_.listeners.data())];
        for (const auto& worker : workers_) worker->post_change(open_[i].socket(-1));
      }
    }
    std::erase_if(open_, [this](const Open& open) {
      if (find_named(open) != nullptr) return false;
      forget(open);
      for (const auto& worker : workers_) worker->post_unlisten(open.id);
      log_.message(observe::Level::info, "no longer listening on " + open.listener.address.text);
      return true;
    });
  }

  [[nodiscard]] const config::Listener* find_named(const Open& open) const {
    const auto same = [&](const config::Listener& listener) {
      return same_place(listener.address, open.listener.address);
    };
    const auto found = std::find_if(config_.listeners.begin(), config_.listeners.end(), same);
    return found == config_.listeners.end() ? nullptr : &*found;
  }

  void tell_what_stays(const config::Config& config) {
    if (config.workers != config_.workers) {
      log_.message(observe::Level::warn, "reload: another number of workers takes a restart");
    }
    if (config.admin.address != config_.admin.address) {
      log_.message(observe::Level::warn, "reload: another admin address takes a restart");
    }
    if (config.log.format != config_.log.format) {
      log_.message(observe::Level::warn, "reload: another log format takes a restart");
    }
  }

  config::Config config_;
  const std::function<Reloaded()>& reload_;
  observe::Log log_;
  Census census_;
  Crew crew_;
  asio::io_context control_{1};
  asio::signal_set signals_;
  asio::steady_timer timer_;
  Admin admin_{control_, log_, [this] { return !draining_; }};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Open> open_;
  std::size_t files_max_ = 0;
  std::size_t ended_ = 0;
  unsigned next_listener_ = 0;
  int exit_code_ = 0;
  bool draining_ = false;
};

/// Descriptors 0 to 2 are open whoever started us: otherwise a socket would become stdout.
void open_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= 2) fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd > 2) ::close(fd);
}

}  // namespace

int run_server(config::Config config, const std::function<Reloaded()>& reload) {
  open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  Server server(std::move(config), reload);
  return server.run();
}

}  // namespace sidecar::net
