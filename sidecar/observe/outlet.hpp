#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sidecar::observe {

/// A descriptor that bytes can be given to without ever waiting for a slow reader, and without making it
/// non-blocking for the other processes that share it: O_NONBLOCK belongs to the open file description, which the
/// shell that started us and our neighbours in a pipeline hold too.
class Outlet {
 public:
  /// How one attempt avoids blocking, by what the descriptor is.
  enum class Manner : std::uint8_t {
    closed,    ///< There is no descriptor: every attempt fails.
    plain,     ///< A regular file or /dev/null never waits for a reader. Ours is a duplicate, so the shared offset
               ///< and O_APPEND stay as whoever opened it wanted them.
    reopened,  ///< A pipe or a terminal: a description of our own, opened through /proc with O_NONBLOCK.
    socket,    ///< send() with MSG_DONTWAIT.
    careful,   ///< Reopening was refused: poll first, then write no more than a pipe takes whole when poll says yes.
  };

  /// `descriptor` stays the caller's and may be closed by it.
  explicit Outlet(int descriptor);
  ~Outlet();
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  [[nodiscard]] Manner manner() const { return manner_; }
  [[nodiscard]] int native() const { return descriptor_; }

  /// One attempt: how many bytes were taken, 0 when none can be taken now, nullopt when nobody will take any (no
  /// reader, disk full). A later attempt may fare better: a full disk can be cleaned.
  [[nodiscard]] std::optional<std::size_t> try_write(std::string_view bytes);

 private:
  int descriptor_ = -1;
  Manner manner_ = Manner::closed;
};

}  // namespace sidecar::observe
