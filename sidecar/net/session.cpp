#include "net/session.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "net/socket.hpp"
#include "net/upstream_pool.hpp"
#include "net/worker.hpp"

namespace sidecar::net {

static_assert(sizeof(Session) <= 640, "every idle stream holds a Session");

namespace {

/// How often it is looked for a client that is not read.
constexpr std::chrono::seconds kBlindLook{1};

/// Who holds no more than this is no reason for a shortage of memory, and is served in one.
constexpr std::size_t kModest = 8 * 1024;

/// Writes as much of `output` as the kernel takes. False: the connection is gone.
bool write_out(Stream& stream, const http::Output& output, std::size_t& sent) {
  static constexpr std::size_t kPieces = 64;
  std::array<iovec, kPieces> pieces{};
  std::size_t next = 0;
  while (next < output.pieces()) {
    std::size_t count = 0;
    std::size_t wanted = 0;
    for (; count < kPieces && next < output.pieces(); ++count, ++next) {
      const std::string_view piece = output.piece(next);
      pieces[count] = {const_cast<char*>(piece.data()), piece.size()};  // iovec has no const; writing only reads it.
      wanted += piece.size();
    }
    const IoResult result = stream.try_writev(std::span(pieces.data(), count));
    if (result.status == IoResult::Status::failed) return false;
    sent += result.size;
    if (result.size < wanted) break;
  }
  return true;
}

/// Keeps what write_out() left over.
void keep_rest(const http::Output& output, std::size_t sent, PendingBytes& pending, ChunkPool& pool) {
  for (std::size_t i = 0; i < output.pieces(); ++i) {
    const std::string_view piece = output.piece(i);
    const std::size_t skipped = std::min(sent, piece.size());
    sent -= skipped;
    if (skipped < piece.size()) pending.append(piece.substr(skipped), pool);
  }
}

/// Writes as much of what waited as the kernel takes now. False: the connection is gone.
bool write_pending(Stream& stream, PendingBytes& pending, ChunkPool& pool, std::size_t& sent) {
  static constexpr std::size_t kPieces = 8;
  std::array<iovec, kPieces> pieces{};
  const std::size_t count = pending.gather(pieces);
  const IoResult result = stream.try_writev(std::span(pieces.data(), count));
  if (result.status == IoResult::Status::failed) return false;
  sent = result.size;
  pending.consume(sent, pool);
  return true;
}

}  // namespace

bool Session::start(Worker& worker, int fd, std::string peer, Arrival arrival) {
  Session* session = nullptr;
  try {
    session = new Session(worker, fd, std::move(peer));
  } catch (const boost::system::system_error&) {
    return false;
  }
  if (arrival.proxy_protocol) session->relay_.expect_proxy_header(worker.now(), worker.bench());
  if (arrival.refused) session->relay_.refuse_all(worker.now(), worker.bench());
  worker.add(*session);
  session->enter([session] { session->settle(); });
  return true;
}

Session::Session(Worker& worker, int fd, std::string peer)
    : worker_(worker), downstream_(worker.io(), fd), relay_(codec_, std::move(peer), false, worker.now(), worker.bench()) {}

Session::~Session() {
  to_downstream_.clear(worker_.chunks());
  to_upstream_.clear(worker_.chunks());
  worker_.change_memory(memory_, 0);
  worker_.census().leave_connection();
}

template <class Entry>
void Session::enter(Entry&& entry) {
  ++pending_ops_;
  if (!closing_) entry();
  if (--pending_ops_ == 0 && closing_) delete this;
}

// ---- What happened -----------------------------------------------------------------------------------------------

void Session::on_deadline(TimePoint now) {
  enter([&] {
    watch_kernels(now);
    if (blind_ && downstream_.broken()) relay_.on_downstream_reset(now, worker_.bench());
    if (relay_.phase() == exchange::Phase::idle) {
      read_downstream();  // What has come by now came in time: no idle connection is closed on a request.
      settle();
      if (closing_) return;
    }
    relay_.on_deadline(now, worker_.bench());
    settle();
  });
}

void Session::drain() {
  enter([&] {
    relay_.on_drain(worker_.now(), worker_.bench());
    settle();
  });
}

void Session::force() {
  enter([&] {
    relay_.on_forced(worker_.now(), worker_.bench());
    settle();
  });
}

void Session::read_downstream() {
  if (!relay_.wishes().read_downstream) return;
  const std::span<char> buffer = worker_.receive_buffer();
  const IoResult result = downstream_.try_read(buffer);
  const TimePoint now = worker_.now();
  switch (result.status) {
    case IoResult::Status::would_block:
      break;
    case IoResult::Status::moved:
      relay_.on_downstream_bytes({buffer.data(), result.size}, now, worker_.bench());
      break;
    case IoResult::Status::eof:
      relay_.on_downstream_eof(now, worker_.bench());
      break;
    case IoResult::Status::failed:
      relay_.on_downstream_reset(now, worker_.bench());
      break;
  }
}

/// A send buffer of megabytes takes nothing new until a third of it is free, and a slow client needs minutes for that:
/// whether it is stalled shows in what its kernel takes.
void Session::watch_kernels(TimePoint now) {
  if (!to_downstream_.empty()) {
    const std::uint32_t unsent = downstream_.unsent();
    if (unsent < unsent_) relay_.on_downstream_kernel_progress(now, worker_.bench());
    unsent_ = unsent;
  }
  if (!to_upstream_.empty() && upstream_ != nullptr) {
    const std::uint32_t unsent = upstream_->stream().unsent();
    if (unsent < upstream_unsent_) relay_.on_upstream_kernel_progress(now, worker_.bench());
    upstream_unsent_ = unsent;
  }
}

void Session::write_downstream() {
  if (to_downstream_.empty()) return;
  std::size_t sent = 0;
  if (write_pending(downstream_, to_downstream_, worker_.chunks(), sent)) {
    if (!to_downstream_.empty()) unsent_ = downstream_.unsent();
    relay_.on_downstream_progress(sent, to_downstream_.size(), worker_.now(), worker_.bench());
  } else {
    relay_.on_downstream_reset(worker_.now(), worker_.bench());
  }
}

void Session::on_upstream_readable(UpstreamConnection& connection) {
  enter([&] {
    if (&connection != upstream_) return;
    if (upstream_held_) return drop_upstream(false);  // It ends, or says what nobody asked for.
    if (!relay_.wishes().read_upstream) return;
    const std::span<char> buffer = worker_.receive_buffer();
    const IoResult result = connection.stream().try_read(buffer);
    const TimePoint now = worker_.now();
    switch (result.status) {
      case IoResult::Status::would_block:
        break;
      case IoResult::Status::moved:
        relay_.on_upstream_bytes(attempt_, {buffer.data(), result.size}, now, worker_.bench());
        break;
      case IoResult::Status::eof:
        relay_.on_upstream_eof(attempt_, now, worker_.bench());
        break;
      case IoResult::Status::failed:
        relay_.on_upstream_reset(attempt_, now, worker_.bench());
        break;
    }
    settle();
  });
}

void Session::on_upstream_writable(UpstreamConnection& connection) {
  enter([&] {
    if (&connection != upstream_ || to_upstream_.empty()) return;
    std::size_t sent = 0;
    if (!write_pending(connection.stream(), to_upstream_, worker_.chunks(), sent)) {
      upstream_deaf_ = true;
      to_upstream_.clear(worker_.chunks());
    }
    relay_.on_upstream_progress(sent, to_upstream_.size(), worker_.now(), worker_.bench());
    settle();
  });
}

void Session::on_connected(int fd) {
  enter([&] {
    connector_ = nullptr;
    tune(fd, worker_.user_timeout_ms());
    try {
      adopt(*new UpstreamConnection(worker_.io(), fd, *this), false);
    } catch (const boost::system::system_error&) {
      ::close(fd);
      relay_.on_upstream_failed(attempt_, exchange::UpstreamFailure::exhausted, worker_.now(), worker_.bench());
    }
    settle();
  });
}

void Session::on_connect_failed(exchange::UpstreamFailure failure) {
  enter([&] {
    connector_ = nullptr;
    relay_.on_upstream_failed(attempt_, failure, worker_.now(), worker_.bench());
    settle();
  });
}

// ---- Settling: write, obey, go on --------------------------------------------------------------------------------

void Session::settle() {
  exchange::Workbench& bench = worker_.bench();
  do {
    do {
      flush_upstream();
      flush_downstream();
    } while (!bench.to_downstream.empty() || !bench.to_upstream.empty() || obey());
    if (closing_) return;
  } while (relay_.proceed(worker_.now(), bench) || exceeds_memory());
  TimePoint next = relay_.next_deadline();
  if (blind_) next = std::min(next, worker_.now() + kBlindLook);
  worker_.schedule(*this, next);
}

bool Session::exceeds_memory() {
  relay_.tidy();
  const std::size_t memory = relay_.memory() + to_downstream_.memory() + to_upstream_.memory();
  if (memory == memory_) return false;
  const bool more = memory > memory_;
  worker_.change_memory(memory_, memory);
  memory_ = static_cast<std::uint32_t>(memory);
  if (!more || memory <= kModest || !worker_.memory_is_short()) return false;
  relay_.on_memory_exhausted(worker_.now(), worker_.bench());
  return true;
}

void Session::flush_downstream() {
  exchange::Workbench& bench = worker_.bench();
  http::Output& output = bench.to_downstream;
  std::size_t sent = 0;
  bool alive = true;
  // Behind our FIN nothing can be written any more; that it has all gone is still worth telling.
  if (!downstream_shut_) {
    const bool waited = !to_downstream_.empty();
    if (!waited) alive = write_out(downstream_, output, sent);
    if (alive) keep_rest(output, sent, to_downstream_, worker_.chunks());
    if (!waited && !to_downstream_.empty()) unsent_ = downstream_.unsent();
  }
  output.clear();
  if (alive) {
    relay_.on_downstream_progress(sent, to_downstream_.size(), worker_.now(), bench);
  } else {
    to_downstream_.clear(worker_.chunks());
    relay_.on_downstream_reset(worker_.now(), bench);
  }
}

void Session::flush_upstream() {
  exchange::Workbench& bench = worker_.bench();
  http::Output& output = bench.to_upstream;
  if (output.empty()) return;
  std::size_t sent = 0;
  if (upstream_ != nullptr && !upstream_deaf_) {
    const bool waited = !to_upstream_.empty();
    if (waited || write_out(upstream_->stream(), output, sent)) {
      keep_rest(output, sent, to_upstream_, worker_.chunks());
      if (!waited && !to_upstream_.empty()) upstream_unsent_ = upstream_->stream().unsent();
    } else {
      upstream_deaf_ = true;  // Its answer may be there already: reading tells.
    }
    if (upstream_reused_) upstream_->stream().acknowledge_at_once();
    upstream_reused_ = false;
  }
  output.clear();
  relay_.on_upstream_progress(sent, to_upstream_.size(), worker_.now(), bench);
}

bool Session::obey() {
  const exchange::Wishes wishes = relay_.wishes();
  const bool more = obey_upstream(wishes);
  if (!more) obey_downstream(wishes);
  return more;
}

/// True when there is something new to write or to obey.
bool Session::obey_upstream(const exchange::Wishes& wishes) {
  using Kind = exchange::UpstreamWish::Kind;
  switch (wishes.upstream.kind) {
    case Kind::pooled_ok:
    case Kind::fresh:
      if (wishes.upstream.attempt == attempt_) return false;
      attempt_ = wishes.upstream.attempt;
      connect(wishes);
      return upstream_ != nullptr;
    case Kind::release:
      release_upstream();
      return false;
    case Kind::hold:
      hold_upstream();
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
  } else if (wishes.half_close_upstream && !upstream_shut_) {
    upstream_shut_ = true;
    upstream_->stream().shutdown_write();
  }
  if (wishes.read_upstream) upstream_->want_readable();
  return false;
}

void Session::obey_downstream(const exchange::Wishes& wishes) {
  const bool flushed = to_downstream_.empty();
  switch (wishes.downstream) {
    case exchange::DownstreamManner::close:
      close(false);
      return;
    case exchange::DownstreamManner::abort:
      close(true);
      return;
    case exchange::DownstreamManner::abort_after_flush:
      if (flushed && downstream_.unsent() == 0) {
        close(true);
        return;
      }
      worker_.schedule(*this, worker_.now() + exchange::kDeadlineGrid);
      break;
    case exchange::DownstreamManner::keep:
    case exchange::DownstreamManner::finish:
      break;
  }
  const bool finish = wishes.downstream == exchange::DownstreamManner::finish || wishes.half_close_downstream;
  if (finish && flushed && !downstream_shut_) {
    downstream_shut_ = true;
    downstream_.shutdown_write();
  }
  blind_ = !wishes.read_downstream;
  if (wishes.read_downstream) arm_downstream_read();
  if (!flushed) arm_downstream_write();
}

// ---- The upstream connection -------------------------------------------------------------------------------------

void Session::connect(const exchange::Wishes& wishes) {
  pool_ = &worker_.pool(*wishes.upstream_policy);
  if (upstream_held_ && upstream_->pool_id == pool_->id() && upstream_->stream().quiet()) {
    adopt(*upstream_, true);
    return;
  }
  drop_upstream(false);
  if (wishes.upstream.kind == exchange::UpstreamWish::Kind::pooled_ok) {
    if (UpstreamConnection* idle = pool_->take(); idle != nullptr) {
      idle->set_owner(*this);
      adopt(*idle, true);
      return;
    }
  }
  connector_ = Connector::start(worker_, pool_->names(), *this);
}

void Session::adopt(UpstreamConnection& connection, bool pooled) {
  upstream_ = &connection;
  upstream_shut_ = false;
  upstream_deaf_ = false;
  upstream_reused_ = pooled;
  upstream_held_ = false;
  relay_.on_upstream_ready(attempt_, pooled, worker_.now(), worker_.bench());
}

void Session::drop_upstream(bool reset) {
  if (connector_ != nullptr) std::exchange(connector_, nullptr)->cancel();
  to_upstream_.clear(worker_.chunks());
  upstream_held_ = false;
  if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->close(reset);
}

void Session::release_upstream() {
  if (upstream_ == nullptr) return;
  if (!to_upstream_.empty() || upstream_deaf_ || upstream_shut_) {
    drop_upstream(false);
    return;
  }
  pool_->put(*std::exchange(upstream_, nullptr), relay_.upstream_keep_alive());
}

void Session::hold_upstream() {
  if (upstream_ == nullptr || upstream_held_) return;
  if (!to_upstream_.empty() || upstream_deaf_ || upstream_shut_) {
    drop_upstream(false);
    return;
  }
  upstream_held_ = true;
  upstream_->pool_id = pool_->id();
  upstream_->want_readable();
}

// ---- The client's connection -------------------------------------------------------------------------------------

void Session::arm_downstream_read() {
  if (read_armed_) return;
  read_armed_ = true;
  ++pending_ops_;
  downstream_.wait_readable([this](ErrorCode) {
    read_armed_ = false;
    --pending_ops_;
    enter([&] {
      read_downstream();
      settle();
    });
  });
}

void Session::arm_downstream_write() {
  if (write_armed_) return;
  write_armed_ = true;
  ++pending_ops_;
  downstream_.wait_writable([this](ErrorCode) {
    write_armed_ = false;
    --pending_ops_;
    enter([&] {
      write_downstream();
      settle();
    });
  });
}

void Session::close(bool reset) {
  if (closing_) return;
  closing_ = true;
  unlink();
  drop_upstream(reset);
  if (reset) {
    downstream_.reset();
  } else {
    downstream_.close();
  }
}

}  // namespace sidecar::net
