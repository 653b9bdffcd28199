#include "benchmarks/driver/meter.hpp"

#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sidecar::bench {

namespace {

Nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) throw std::runtime_error("a process of the proxy is gone");
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_nsec;
}

Nanoseconds cpu_of(pid_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("a process of the proxy is gone");
  return read_clock(clock);
}

/// user nice system idle iowait irq softirq steal: all but idle and iowait.
Nanoseconds busy_machine() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  Nanoseconds ticks = 0;
  for (int column = 0; column < 8; ++column) {
    Nanoseconds value = 0;
    file >> value;
    if (column != 3 && column != 4) ticks += value;
  }
  return ticks * (kSecond / sysconf(_SC_CLK_TCK));
}

/// The ids of ksoftirqd/0 and so on.
std::vector<pid_t> softirq_threads() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    if (name.starts_with("ksoftirqd/")) found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}

}  // namespace

Meter::Meter(std::vector<pid_t> proxy) : proxy_(std::move(proxy)), softirq_(softirq_threads()) {}

Nanoseconds Meter::proxy_cpu() const {
  Nanoseconds sum = 0;
  for (const pid_t pid : proxy_) sum += cpu_of(pid);
  return sum;
}

Usage Meter::now() const {
  Usage usage;
  usage.proxy = proxy_cpu();
  for (const pid_t pid : softirq_) usage.softirq += cpu_of(pid);
  usage.own = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  usage.machine = busy_machine();
  usage.wall = now_ns();
  return usage;
}

double Meter::pss_kib() const {
  double total = 0;
  for (const pid_t pid : proxy_) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    std::string line;
    while (std::getline(file, line)) {
      if (line.starts_with("Pss:")) total += std::stod(line.substr(4));
    }
  }
  return total;
}

}  // namespace sidecar::bench
