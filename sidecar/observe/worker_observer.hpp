#pragma once

#include <memory>
#include <string>

#include "exchange/lifecycle.hpp"
#include "observe/counters.hpp"
#include "observe/log.hpp"
#include "observe/redact.hpp"

namespace sidecar::observe {

/// Where the exchanges of one worker report: counts every record, and writes down those that the log's level wants.
/// All members but counters() belong to the worker's thread. The log outlives it.
class WorkerObserver final : public exchange::LifecycleSink {
 public:
  WorkerObserver(Log& log, std::shared_ptr<const QueryRedactor> redactor);

  void on_record(const exchange::LifecycleRecord& record) override;
  void on_counted(exchange::Counted what, std::uint64_t times) override;

  /// A reloaded configuration may name other secrets.
  void set_redactor(std::shared_ptr<const QueryRedactor> redactor);

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  Counters counters_;
  Log& log_;
  std::shared_ptr<const QueryRedactor> redactor_;
  std::string path_;  ///< These two keep their buffers from record to record.
  std::string line_;
};

}  // namespace sidecar::observe
