#include "exchange/account.hpp"

namespace sidecar::exchange {

namespace {

constexpr std::size_t kTargetKept = 4096;
constexpr std::size_t kMethodKept = 255;  // A longer one is refused for its length.

}  // namespace

void Account::begin(std::uint64_t id, TimePoint now, std::string_view client, std::string_view method,
                    std::string_view target, std::size_t head) {
  id_ = id;
  started_ = now;
  // More of a target than is ever written down is not kept.
  target = target.substr(0, kTargetKept);
  method = method.substr(0, kMethodKept);
  text_.reserve(client.size() + method.size() + target.size() + head);
  text_.append(client).append(method).append(target);
  client_size_ = static_cast<std::uint16_t>(client.size());
  method_size_ = static_cast<std::uint16_t>(method.size());
  target_size_ = static_cast<std::uint16_t>(target.size());
}

void Account::drop_head() {
  if (text_.size() == subject_size()) return;
  text_.resize(subject_size());
  text_.shrink_to_fit();
}

void Account::answered(int status, TimePoint now) {
  status_ = static_cast<std::uint16_t>(status);
  ttfb_ms_ = static_cast<std::uint32_t>(to_ms(now - started_).count());
}

void Account::write(LifecycleEvent event, LifecycleRecord record, const PolicySet* policies, const RoutePolicy* route,
                    Turn& turn) const {
  record.event = event;
  record.id = id_;
  record.client = client();
  record.method = method();
  record.target = std::string_view(text_).substr(client_size_ + method_size_, target_size_);
  record.status = status_;
  if (route != nullptr) {
    record.route = route->name;
    record.upstream = policies->upstreams[route->upstream].name;
    if (route->log_path == LogPath::pattern) record.target = route->match.path;
  }
  turn.lifecycle.on_record(record);
}

LifecycleRecord Account::end(Reason reason, ClosedBy by, TimePoint now) const {
  LifecycleRecord end;
  end.duration = to_ms(now - started_);
  end.bytes_in = bytes_in;
  end.bytes_out = bytes_out;
  end.reason = reason;
  end.closed_by = by;
  end.detail = detail;
  return end;
}

}  // namespace sidecar::exchange
