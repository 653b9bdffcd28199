#pragma once

#include <dlfcn.h>

namespace sidecar::faults {

/// The function that the program would have got without the shim.
template <class Function>
[[nodiscard]] Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace sidecar::faults
