#include "tests/faults/shim/control.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace sidecar::faults {

namespace {

Control* map_control() {
  const char* path = std::getenv(kControlVariable);
  if (path == nullptr) return nullptr;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* page = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<Control*>(page);
}

}  // namespace

Control* control() {
  static Control* const page = map_control();
  return page;
}

}  // namespace sidecar::faults
