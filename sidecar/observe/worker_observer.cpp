#include "observe/worker_observer.hpp"

#include <chrono>
#include <utility>

namespace sidecar::observe {

WorkerObserver::WorkerObserver(Log& log, std::shared_ptr<const QueryRedactor> redactor)
    : log_(log), redactor_(std::move(redactor)) {}

void WorkerObserver::on_record(const exchange::LifecycleRecord& record) {
  count(counters_, record);
  const Level level = level_of(record.event);
  if (!log_.enabled(level)) return;
  path_.clear();
  redactor_->append_redacted(path_, record.target);
  line_.clear();
  append_record(line_, log_.format(), std::chrono::system_clock::now(), record, path_);
  log_.write(level, line_);
}

void WorkerObserver::on_counted(exchange::Counted what, std::uint64_t times) {
  count(counters_, what, times);
}

void WorkerObserver::set_redactor(std::shared_ptr<const QueryRedactor> redactor) {
  redactor_ = std::move(redactor);
}

}  // namespace sidecar::observe
