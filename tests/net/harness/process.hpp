#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tests/net/harness/clock.hpp"

/// Child processes that cannot outlive the test, and what /proc says about them.
namespace sidecar::nettest {

struct Memory {
  std::size_t resident_bytes = 0;
  std::size_t anonymous_bytes = 0;  ///< Heap and stacks that were touched.
};

/// Runs a program with its output in pipes; killed in the destructor, or by the kernel when the test dies.
class Process {
 public:
  /// `environment` is added to ours, from which every SSE_SIDECAR_* is taken away. Unless it names SSE_SIDECAR_ADMIN
  /// (empty: as if it were not set), that is off: sidecars that run side by side would fight for its default port.
  Process(const std::string& program, const std::vector<std::string>& arguments,
          const std::vector<std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int stdout_fd() const { return stdout_fd_; }
  [[nodiscard]] int stderr_fd() const { return stderr_fd_; }
  void close_stdout();

  void signal(int number) const;
  /// The exit code, or minus the signal that ended it; nullopt when it still runs.
  [[nodiscard]] std::optional<int> wait(Milliseconds timeout);

  [[nodiscard]] Memory memory() const;
  [[nodiscard]] std::size_t open_fds() const;

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int stdout_fd_ = -1;
  int stderr_fd_ = -1;
  std::optional<int> exit_;
};

/// A fresh folder that goes away with its contents. Its path is short enough for a unix socket.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& contents) const;

 private:
  std::string path_;
};

/// Raises our own limit of open files as far as it goes and returns it.
std::size_t raise_open_file_limit();

/// Full path of a program on PATH (and in /usr/sbin); empty when there is none.
[[nodiscard]] std::string find_program(const std::string& name);

}  // namespace sidecar::nettest
