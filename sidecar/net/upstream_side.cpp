#include "net/upstream_side.hpp"

#include <utility>

#include "net/upstream_pool.hpp"
#include "net/worker.hpp"
#include "net/writing.hpp"

namespace sidecar::net {

class UpstreamSide::Turn {
 public:
  explicit Turn(UpstreamSide& side) : side_(side) { side_.begin_turn(); }
  ~Turn() { side_.end_turn(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  UpstreamSide& side_;
};

UpstreamSide::UpstreamSide(Worker& worker, http::DownstreamCodec& codec, std::string_view peer, bool tls)
    : worker_(worker), relay_(codec, peer, tls, worker.now(), worker.bench()) {}

UpstreamSide::~UpstreamSide() {
  to_upstream_.clear(worker_.chunks());
}

// ---- What happened -----------------------------------------------------------------------------------------------

void UpstreamSide::on_upstream_readable(UpstreamConnection& connection) {
  const Turn turn(*this);
  if (&connection != upstream_) return;
  if (held_) {
    // It ends, or says what nobody asked for; unless TLS spoke to itself.
    return connection.stream().quiet() ? connection.want_readable() : drop_upstream(false);
  }
  if (relay_.wishes().read_upstream) read_upstream(connection.stream());
}

void UpstreamSide::read_upstream(Stream& stream) {
  const std::span<char> buffer = worker_.receive_buffer();
  const IoResult result = stream.try_read(buffer);
  const TimePoint now = worker_.now();
  switch (result.status) {
    case IoResult::Status::would_block:
      break;
    case IoResult::Status::moved:
      heard_ = true;
      relay_.on_upstream_bytes(attempt_, {buffer.data(), result.size}, now, worker_.bench());
      break;
    case IoResult::Status::eof:
      relay_.on_upstream_eof(attempt_, now, worker_.bench());
      break;
    case IoResult::Status::truncated:
      relay_.on_upstream_cut(attempt_, now, worker_.bench());
      break;
    case IoResult::Status::failed:
      relay_.on_upstream_reset(attempt_, now, worker_.bench(), stream.why());
      break;
  }
}

void UpstreamSide::on_upstream_writable(UpstreamConnection& connection) {
  const Turn turn(*this);
  if (&connection != upstream_ || to_upstream_.empty()) return;
  std::size_t sent = 0;
  if (!write_pending(connection.stream(), to_upstream_, worker_.chunks(), sent)) {
    deaf_ = true;
    to_upstream_.clear(worker_.chunks());
  }
  relay_.on_upstream_progress(sent, to_upstream_.size(), worker_.now(), worker_.bench());
}

void UpstreamSide::on_connected(Stream stream) {
  const Turn turn(*this);
  connector_ = nullptr;
  adopt(*new UpstreamConnection(std::move(stream), *this), false);
}

void UpstreamSide::on_connect_failed(exchange::UpstreamFailure failure, const char* why) {
  const Turn turn(*this);
  connector_ = nullptr;
  relay_.on_upstream_failed(attempt_, failure, worker_.now(), worker_.bench(), why);
}

// ---- Settling ----------------------------------------------------------------------------------------------------

void UpstreamSide::flush_upstream() {
  exchange::Workbench& bench = worker_.bench();
  http::Output& output = bench.to_upstream;
  if (output.empty()) return;
  std::size_t sent = 0;
  if (upstream_ != nullptr && !deaf_) {
    const bool waited = !to_upstream_.empty();
    if (waited || write_out(upstream_->stream(), output, sent)) {
      keep_rest(output, sent, to_upstream_, worker_.chunks());
      if (!waited && !to_upstream_.empty()) unsent_ = upstream_->stream().unsent();
    } else {
      deaf_ = true;  // Its answer may be there already: reading tells.
    }
  }
  output.clear();
  relay_.on_upstream_progress(sent, to_upstream_.size(), worker_.now(), bench);
}

bool UpstreamSide::obey_upstream(const exchange::Wishes& wishes) {
  using Kind = exchange::UpstreamWish::Kind;
  switch (wishes.upstream.kind) {
    case Kind::pooled_ok:
    case Kind::fresh:
      if (wishes.upstream.attempt == attempt_) return false;
      attempt_ = wishes.upstream.attempt;
      connect(wishes);
      return upstream_ != nullptr;
    case Kind::release:
      release_upstream(*wishes.upstream_policy);
      return false;
    case Kind::hold:
      hold_upstream(*wishes.upstream_policy);
      return false;
    case Kind::close:
      drop_upstream(false);
      return false;
    case Kind::abort:
      drop_upstream(true);
      return false;
    case Kind::none:
      break;
  }
  if (upstream_ == nullptr) return false;
  if (!to_upstream_.empty()) {
    upstream_->want_writable();
  } else if (wishes.half_close_upstream && !shut_) {
    shut_ = upstream_->stream().try_shutdown_write();
    if (!shut_) upstream_->want_writable();
  }
  if (wishes.read_upstream) {
    // Behind an answer that came whole there is nothing to wait for.
    if (reused_ && heard_) upstream_->stream().acknowledge_at_once();
    reused_ = reused_ && !heard_;
    upstream_->want_readable();
  }
  return false;
}

/// A send buffer of megabytes takes nothing new until a third of it is free, and a slow peer needs minutes for that:
/// whether it is stalled shows in what its kernel takes.
void UpstreamSide::watch_upstream_kernel(TimePoint now) {
  if (to_upstream_.empty() || upstream_ == nullptr) return;
  const std::uint32_t unsent = upstream_->stream().unsent();
  if (unsent < unsent_) relay_.on_upstream_kernel_progress(now, worker_.bench());
  unsent_ = unsent;
}

// ---- The connection ----------------------------------------------------------------------------------------------

void UpstreamSide::connect(const exchange::Wishes& wishes) {
  UpstreamPool& pool = worker_.pool(*wishes.upstream_policy);
  if (held_ && upstream_->pool_id == pool.id() && upstream_->stream().quiet()) {
    adopt(*upstream_, true);
    return;
  }
  drop_upstream(false);
  if (wishes.upstream.kind == exchange::UpstreamWish::Kind::pooled_ok) {
    if (UpstreamConnection* idle = pool.take(); idle != nullptr) {
      idle->set_owner(*this);
      adopt(*idle, true);
      return;
    }
  }
  connector_ = Connector::start(worker_, pool.names(), pool.tls(), *this);
}

void UpstreamSide::adopt(UpstreamConnection& connection, bool pooled) {
  upstream_ = &connection;
  shut_ = false;
  deaf_ = false;
  reused_ = pooled;
  heard_ = false;
  held_ = false;
  relay_.on_upstream_ready(attempt_, pooled, worker_.now(), worker_.bench());
}

void UpstreamSide::drop_upstream(bool reset) {
  if (connector_ != nullptr) std::exchange(connector_, nullptr)->cancel();
  to_upstream_.clear(worker_.chunks());
  held_ = false;
  if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->close(reset);
}

void UpstreamSide::release_upstream(const exchange::UpstreamPolicy& policy) {
  if (upstream_ == nullptr) return;
  if (!reusable()) return drop_upstream(false);
  worker_.pool(policy).put(*std::exchange(upstream_, nullptr), relay_.upstream_keep_alive());
}

void UpstreamSide::hold_upstream(const exchange::UpstreamPolicy& policy) {
  if (upstream_ == nullptr || held_) return;
  if (!reusable()) return drop_upstream(false);
  held_ = true;
  upstream_->pool_id = worker_.pool(policy).id();
  upstream_->want_readable();
}

}  // namespace sidecar::net
