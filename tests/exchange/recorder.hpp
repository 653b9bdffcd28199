#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/lifecycle.hpp"

namespace sidecar::test {

/// A sink that keeps everything.
class Recorder final : public exchange::LifecycleSink {
 public:
  void on_record(const exchange::LifecycleRecord& record) override {
    records.push_back(record);
    exchange::LifecycleRecord& kept = records.back();
    for (std::string_view* view : {&kept.route, &kept.client, &kept.method, &kept.target, &kept.upstream, &kept.detail})
      *view = texts_.emplace_back(*view);
  }
  void on_counted(exchange::Counted what, std::uint64_t times) override { counted[what] += times; }

  [[nodiscard]] std::vector<exchange::LifecycleRecord> all(exchange::LifecycleEvent event) const {
    std::vector<exchange::LifecycleRecord> found;
    for (const exchange::LifecycleRecord& record : records) {
      if (record.event == event) found.push_back(record);
    }
    return found;
  }
  /// The records that end an exchange.
  [[nodiscard]] std::vector<exchange::LifecycleRecord> ends() const {
    std::vector<exchange::LifecycleRecord> found;
    for (const exchange::LifecycleRecord& record : records) {
      const bool end =
          record.event == exchange::LifecycleEvent::request || record.event == exchange::LifecycleEvent::stream_close;
      if (end) found.push_back(record);
    }
    return found;
  }

  std::vector<exchange::LifecycleRecord> records;
  std::map<exchange::Counted, std::uint64_t> counted;

 private:
  std::deque<std::string> texts_;
};

}  // namespace sidecar::test
