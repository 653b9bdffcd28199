#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "tests/net/harness/backend.hpp"
#include "tests/net/harness/connection.hpp"
#include "tests/net/harness/process.hpp"

/// The real binary as a child process on ports that the kernel chose.
namespace sidecar::nettest {

/// What to start. See in_front_of() and configured() for the usual ones.
struct Launch {
  std::vector<std::string> arguments;
  std::string config;  ///< Written to a file and passed with --config when not empty.
  std::vector<std::string> environment;
  std::size_t listeners = 1;  ///< How many `listening` lines to wait for.
};

/// Options alone: one listener on loopback, JSON log at debug, and `more`.
[[nodiscard]] Launch in_front_of(const RawBackend& backend, const std::vector<std::string>& more = {});

/// A configuration file: one listener, one upstream `app` with `upstream_keys` (flow style, e.g.
/// `response_timeout: 300ms`), one catch-all route `everything` unless `rest` has routes, and `rest`.
[[nodiscard]] Launch configured(const RawBackend& backend, const std::string& upstream_keys,
                                const std::string& rest = {});

class Sidecar {
 public:
  using Predicate = std::function<bool(const boost::json::object&)>;

  explicit Sidecar(Launch launch);
  Sidecar(const Sidecar&) = delete;
  Sidecar& operator=(const Sidecar&) = delete;
  /// Stops it, unless stop() was called before, and fails the test when it does not end with 0, or when it holds more
  /// descriptors than behind its start although its clients have gone. (A client that is destroyed later than the
  /// sidecar is still there: declare it behind.)
  ~Sidecar();

  [[nodiscard]] RawConnection connect(ClientOptions options = {}, std::size_t listener = 0) const;
  [[nodiscard]] const std::string& address(std::size_t listener = 0) const { return addresses_.at(listener); }
  [[nodiscard]] std::uint16_t port() const;

  /// Overwrites the configuration file of the launch, which must have had one. SIGHUP is another matter.
  void rewrite(const std::string& config) const { (void)folder_.write("sidecar.yaml", config); }
  /// Sends a signal and does not wait.
  void signal(int number) const { process_->signal(number); }
  /// The exit code of a process that is about to end; fails the test when it does not.
  int wait_exit(Milliseconds timeout = scaled(15s));
  /// SIGTERM (or another), then the exit code.
  int stop(int signal_number = 15);

  /// The first line of `event` that satisfies `predicate`, however long ago it was written.
  [[nodiscard]] boost::json::object wait_for_log(std::string_view event, const Predicate& predicate = {},
                                                 Milliseconds timeout = patience());
  [[nodiscard]] std::vector<boost::json::object> log_of(std::string_view event);
  /// The raw text of the log so far.
  [[nodiscard]] std::string log_text();

  [[nodiscard]] Memory memory() const { return process_->memory(); }
  [[nodiscard]] std::size_t open_fds() const { return process_->open_fds(); }
  /// Waits until as many descriptors are open as there were behind the start.
  [[nodiscard]] bool fds_return_to_start(Milliseconds timeout = patience());
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  void read_log();
  void read_errors();
  void take_line(const std::string& line);
  void wait_until_listening(std::size_t listeners);
  void report_if_failed();

  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
  std::vector<std::string> addresses_;
  std::size_t fds_at_start_ = 0;
  bool stopped_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<boost::json::object>> lines_;  // By event.
  std::string text_;
  std::string errors_;
  std::size_t unparsable_ = 0;
  bool log_ended_ = false;
  std::thread log_reader_;
  std::thread error_reader_;
};

[[nodiscard]] std::string text_of(const boost::json::object& line, std::string_view key);
[[nodiscard]] std::int64_t number_of(const boost::json::object& line, std::string_view key);

/// Runs the binary to its end, for options that make it exit: code and what it printed.
struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};
[[nodiscard]] Outcome run_sidecar(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment = {});

}  // namespace sidecar::nettest
