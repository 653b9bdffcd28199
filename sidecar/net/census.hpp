#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "exchange/stream_gate.hpp"

namespace sidecar::net {

/// How many connections and event streams the process has, over all workers. Touched when one opens and when it ends,
/// never in between.
class Census final : public exchange::StreamGate {
 public:
  enum class Admission {
    admitted,
    refused,  ///< It is to be answered with 503; leave_connection() is owed for it too.
    full,     ///< Not even that.
  };

  [[nodiscard]] Admission enter_connection(std::size_t connections_max);
  void leave_connection();
  [[nodiscard]] std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }

  [[nodiscard]] Verdict enter(std::string_view client, const exchange::Limits& limits) override;
  void leave(std::string_view client, const exchange::Limits& limits) override;

  /// How many more than connections_max are told so.
  static constexpr std::size_t kRefusedMax = 128;

 private:
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> streams_{0};
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> streams_of_;  ///< Only of streams that opened under such a limit.
};

}  // namespace sidecar::net
