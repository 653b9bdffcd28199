#include "tests/net/harness/sidecar.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace sidecar::nettest {
namespace {

constexpr std::size_t kShownLogBytes = 6000;

/// Calls `line` for every complete line of `fd` until its end.
void for_each_line(int fd, const std::function<void(const std::string&)>& line) {
  std::string pending;
  std::array<char, 16384> bytes;
  while (true) {
    const ssize_t received = ::read(fd, bytes.data(), bytes.size());
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) break;
    pending.append(bytes.data(), static_cast<std::size_t>(received));
    for (std::size_t end = 0; (end = pending.find('\n')) != std::string::npos;) {
      line(pending.substr(0, end));
      pending.erase(0, end + 1);
    }
  }
  if (!pending.empty()) line(pending);
}

std::string tail(const std::string& text) {
  return text.size() <= kShownLogBytes ? text : "...\n" + text.substr(text.size() - kShownLogBytes);
}

bool test_failed() {
  return std::uncaught_exceptions() > 0 || ::testing::Test::HasFailure();
}

}  // namespace

Launch in_front_of(const RawBackend& backend, const std::vector<std::string>& more) {
  Launch launch;
  launch.arguments = {"--listen",     "127.0.0.1:0", "--upstream",  backend.url(),
                      "--log-format", "json",        "--log-level", "debug"};
  launch.arguments.insert(launch.arguments.end(), more.begin(), more.end());
  return launch;
}

Launch configured(const RawBackend& backend, const std::string& upstream_keys, const std::string& rest) {
  const std::string more_keys = upstream_keys.empty() ? "" : ", " + upstream_keys;
  Launch launch;
  launch.config = "listeners: [{ address: \"127.0.0.1:0\" }]\n";
  launch.config += "upstreams: { app: { url: \"" + backend.url() + "\"" + more_keys + " } }\n";
  if (rest.find("routes:") == std::string::npos) {
    launch.config += "routes: [{ name: everything, match: { path: \"/**\" }, upstream: app }]\n";
  }
  if (rest.find("log:") == std::string::npos) launch.config += "log: { level: debug, format: json }\n";
  launch.config += rest + "\n";
  return launch;
}

Sidecar::Sidecar(Launch launch) {
  if (!launch.config.empty()) {
    launch.arguments.insert(launch.arguments.begin(), {"--config", folder_.write("sidecar.yaml", launch.config)});
  }
  process_ = std::make_unique<Process>(SIDECAR_BINARY, launch.arguments, launch.environment);
  log_reader_ = std::thread([this] { read_log(); });
  error_reader_ = std::thread([this] { read_errors(); });
  try {
    wait_until_listening(launch.listeners);
  } catch (...) {
    process_->signal(SIGKILL);
    log_reader_.join();
    error_reader_.join();
    throw;
  }
  fds_at_start_ = process_->open_fds();
}

Sidecar::~Sidecar() {
  if (!stopped_) {
    // What stays longest are the connections that are kept for the next request: 4 s by default.
    EXPECT_TRUE(fds_return_to_start(4s + patience()))
        << process_->open_fds() - fds_at_start_ << " descriptors left over";
    const int code = stop();
    EXPECT_EQ(code, 0) << "exit code of the sidecar";
  }
  report_if_failed();
}

int Sidecar::stop(int signal_number) {
  process_->signal(signal_number);
  return wait_exit();
}

int Sidecar::wait_exit(Milliseconds timeout) {
  stopped_ = true;
  const auto code = process_->wait(timeout);
  if (!code) {
    ADD_FAILURE() << "the sidecar does not end within " << timeout.count() << " ms";
    process_->signal(SIGKILL);
  }
  log_reader_.join();
  error_reader_.join();
  EXPECT_EQ(unparsable_, 0U) << "log lines that are no JSON objects with ts, level and event";
  return code.value_or(-1);
}

void Sidecar::report_if_failed() {
  if (!test_failed()) return;
  const std::lock_guard lock(mutex_);
  std::cerr << "---- log of the sidecar\n" << tail(text_) << "---- its stderr\n" << tail(errors_) << "----\n";
}

void Sidecar::read_log() {
  for_each_line(process_->stdout_fd(), [this](const std::string& line) { take_line(line); });
  const std::lock_guard lock(mutex_);
  log_ended_ = true;
  changed_.notify_all();
}

void Sidecar::read_errors() {
  for_each_line(process_->stderr_fd(), [this](const std::string& line) {
    const std::lock_guard lock(mutex_);
    errors_ += line + "\n";
  });
}

void Sidecar::take_line(const std::string& line) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(line, error);
  const std::lock_guard lock(mutex_);
  text_ += line + "\n";
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr || !object->contains("ts") || !object->contains("level") || !object->contains("event")) {
    ++unparsable_;
  } else {
    lines_[text_of(*object, "event")].push_back(*object);
  }
  changed_.notify_all();
}

void Sidecar::wait_until_listening(std::size_t listeners) {
  std::unique_lock lock(mutex_);
  const auto listening = [&] {
    addresses_.clear();
    for (const auto& line : lines_["listening"]) addresses_.push_back(text_of(line, "address"));
    return addresses_.size() >= listeners || log_ended_;
  };
  const bool in_time = changed_.wait_for(lock, scaled(10s), listening);
  if (!in_time || addresses_.size() < listeners) {
    throw Failure("the sidecar does not listen; log:\n" + text_ + "stderr:\n" + errors_);
  }
}

RawConnection Sidecar::connect(ClientOptions options, std::size_t listener) const {
  return connect_to(addresses_.at(listener), options);
}

std::uint16_t Sidecar::port() const {
  const std::string& address = addresses_.at(0);
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

boost::json::object Sidecar::wait_for_log(std::string_view event, const Predicate& predicate, Milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto& lines = lines_[std::string(event)];
  std::size_t looked_at = 0;
  const boost::json::object* found = nullptr;
  const auto search = [&] {
    for (; looked_at < lines.size() && found == nullptr; ++looked_at) {
      if (!predicate || predicate(lines[looked_at])) found = &lines[looked_at];
    }
    return found != nullptr || log_ended_;
  };
  changed_.wait_for(lock, timeout, search);
  if (found == nullptr) throw TimedOut("no such line in the log: " + std::string(event));
  return *found;
}

std::vector<boost::json::object> Sidecar::log_of(std::string_view event) {
  const std::lock_guard lock(mutex_);
  return lines_[std::string(event)];
}

std::string Sidecar::log_text() {
  const std::lock_guard lock(mutex_);
  return text_;
}

bool Sidecar::fds_return_to_start(Milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (process_->open_fds() > fds_at_start_) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::string text_of(const boost::json::object& line, std::string_view key) {
  const auto* value = line.if_contains(key);
  if (value == nullptr) return "(no " + std::string(key) + ")";
  if (const auto* string = value->if_string()) return std::string(*string);
  return boost::json::serialize(*value);
}

std::int64_t number_of(const boost::json::object& line, std::string_view key) {
  const auto* value = line.if_contains(key);
  if (value == nullptr || !value->is_number()) {
    throw Failure("no number '" + std::string(key) + "' in " + boost::json::serialize(line));
  }
  return value->to_number<std::int64_t>();
}

Outcome run_sidecar(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  Process process(SIDECAR_BINARY, arguments, environment);
  Outcome run;
  std::thread out([&] { for_each_line(process.stdout_fd(), [&](const auto& line) { run.out += line + "\n"; }); });
  std::thread err([&] { for_each_line(process.stderr_fd(), [&](const auto& line) { run.err += line + "\n"; }); });
  const auto code = process.wait(scaled(10s));
  if (!code) process.signal(SIGKILL);  // It serves instead of ending: its pipes would stay open for ever.
  out.join();
  err.join();
  run.code = code.value_or(-1);
  return run;
}

}  // namespace sidecar::nettest
