#include "tests/net/harness/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace sidecar::nettest {
namespace {

std::vector<std::string> child_environment(const std::vector<std::string>& more) {
  std::vector<std::string> all;
  const auto replaced = [&](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    return std::any_of(more.begin(), more.end(), [&](const std::string& other) { return other.starts_with(name); });
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("SSE_SIDECAR_") && !replaced(*entry)) all.emplace_back(*entry);
  }
  all.insert(all.end(), more.begin(), more.end());
  all.emplace_back("SSE_SIDECAR_ADMIN=off");  // Of two entries the first one counts.
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (auto& string : strings) all.push_back(string.data());
  all.push_back(nullptr);
  return all;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
  return ends;
}

}  // namespace

Process::Process(const std::string& program, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment) {
  std::vector<std::string> argv{program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> envp = child_environment(environment);
  const auto argv_pointers = pointers(argv);
  const auto envp_pointers = pointers(envp);
  const auto out = make_pipe();
  const auto err = make_pipe();
  const pid_t parent = ::getpid();

  // Between fork and exec only what is safe in a child of a process with threads.
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::close(STDIN_FILENO);
    ::open("/dev/null", O_RDONLY);
    ::execve(argv_pointers[0], argv_pointers.data(), envp_pointers.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  stdout_fd_ = out[0];
  stderr_fd_ = err[0];
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ >= 0) ::fcntl(pidfd_, F_SETFD, FD_CLOEXEC);
}

Process::~Process() {
  if (!exit_) {
    ::kill(pid_, SIGKILL);
    (void)wait(5s);
  }
  if (stdout_fd_ >= 0) ::close(stdout_fd_);
  ::close(stderr_fd_);
  if (pidfd_ >= 0) ::close(pidfd_);
}

void Process::close_stdout() {
  ::close(stdout_fd_);
  stdout_fd_ = -1;
}

void Process::signal(int number) const {
  if (!exit_) ::kill(pid_, number);
}

std::optional<int> Process::wait(Milliseconds timeout) {
  if (exit_) return exit_;
  pollfd entry{pidfd_, POLLIN, 0};
  (void)::poll(&entry, 1, static_cast<int>(timeout.count()));
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return exit_;
}

Memory Process::memory() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
  Memory memory;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    std::size_t kilobytes = 0;
    if (!(words >> key >> kilobytes)) continue;
    if (key == "Rss:") memory.resident_bytes = kilobytes * 1024;
    if (key == "Anonymous:") memory.anonymous_bytes = kilobytes * 1024;
  }
  return memory;
}

std::size_t Process::open_fds() const {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd")) {
    (void)entry;
    ++count;
  }
  return count;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path().string() + "/sidecar.XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(std::string("mkdtemp: ") + std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& contents) const {
  std::ofstream(path(name)) << contents;
  return path(name);
}

std::size_t raise_open_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace sidecar::nettest
