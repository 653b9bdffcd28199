#include "tests/faults/shimmed.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

namespace sidecar::nettest {

Shim::Shim() : path_(folder_.write("control", std::string(sizeof(faults::Control), '\0'))) {
  const int fd = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  void* page = ::mmap(nullptr, sizeof(faults::Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (page == MAP_FAILED) throw Failure("the shim's page cannot be mapped");
  control_ = new (page) faults::Control{};
}

Shim::~Shim() {
  ::munmap(control_, sizeof(faults::Control));
}

Launch Shim::under(Launch launch) const {
  launch.environment.push_back("LD_PRELOAD=" SIDECAR_FAULTS_SHIM);
  launch.environment.push_back(std::string(faults::kControlVariable) + "=" + path_);
  if (sanitized()) {
    // The sanitizer wants to be loaded before everybody; behind us it serves as well, because we call what comes next.
    const char* options = std::getenv("ASAN_OPTIONS");
    launch.environment.push_back(std::string("ASAN_OPTIONS=verify_asan_link_order=0") +
                                 (options == nullptr ? "" : std::string(":") + options));
  }
  return launch;
}

}  // namespace sidecar::nettest
