#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/sse/law1.hpp"

/// Laws 1 and 2 of the event stream for streams, reads and pauses that libFuzzer makes up; see tests/sse/law1.hpp.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  sidecar::test::Law1Counts counts;
  const std::string failure = sidecar::test::check_law1(sidecar::test::law1_case_from_bytes(bytes), counts);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "%s\n", failure.c_str());
  std::abort();
}
