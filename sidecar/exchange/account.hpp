#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/clock.hpp"
#include "exchange/lifecycle.hpp"
#include "exchange/policy.hpp"
#include "exchange/turn.hpp"

namespace sidecar::exchange {

/// What is written down about one exchange. Its texts live in one string: client, method and target for the records,
/// and behind them the encoded request head for as long as it may have to be sent once more.
class Account {
 public:
  /// `head`: room for the encoded head, so that the string grows once.
  void begin(std::uint64_t id, TimePoint now, std::string_view client, std::string_view method, std::string_view target,
             std::size_t head);

  /// The encoded head is appended here.
  [[nodiscard]] std::string& text() { return text_; }
  [[nodiscard]] std::string_view kept_head() const { return std::string_view(text_).substr(subject_size()); }
  void drop_head();
  [[nodiscard]] std::size_t memory() const { return text_.capacity(); }

  [[nodiscard]] std::string_view client() const { return std::string_view(text_).substr(0, client_size_); }
  [[nodiscard]] std::string_view method() const { return std::string_view(text_).substr(client_size_, method_size_); }
  [[nodiscard]] TimePoint started() const { return started_; }
  [[nodiscard]] Milliseconds ttfb() const { return Milliseconds{ttfb_ms_}; }

  /// A head went to the client.
  void answered(int status, TimePoint now);

  /// Completes `record` with what all records have. `route` may be nullptr.
  void write(LifecycleEvent event, LifecycleRecord record, const PolicySet* policies, const RoutePolicy* route,
             Turn& turn) const;
  /// The record of the end, but for what only a stream has.
  [[nodiscard]] LifecycleRecord end(Reason reason, ClosedBy by, TimePoint now) const;

  const char* detail = "";  ///< A few static words about a failure.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;

 private:
  [[nodiscard]] std::size_t subject_size() const { return std::size_t{client_size_} + method_size_ + target_size_; }

  std::string text_;
  std::uint64_t id_ = 0;
  TimePoint started_;
  std::uint32_t ttfb_ms_ = 0;  ///< From the request head to the response head.
  std::uint16_t client_size_ = 0;
  std::uint16_t method_size_ = 0;
  std::uint16_t target_size_ = 0;
  std::uint16_t status_ = 0;
};

}  // namespace sidecar::exchange
