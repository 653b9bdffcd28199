#include "net/session.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "net/http2_session.hpp"
#include "net/worker.hpp"
#include "net/writing.hpp"

namespace sidecar::net {

static_assert(sizeof(Session) <= 520, "every idle stream holds a Session");

namespace {

/// How often it is looked for a client that is not read.
constexpr std::chrono::seconds kBlindLook{1};

}  // namespace

void Session::start(Worker& worker, Stream stream, std::string_view peer, Arrival arrival) {
  auto* session = new Session(worker, std::move(stream), peer);
  if (arrival.proxy_protocol) session->relay_.expect_proxy_header(worker.now(), worker.bench());
  if (arrival.refused) session->relay_.refuse_all(worker.now(), worker.bench());
  if (session->downstream_.tls() == nullptr) session->relay_.expect_http2();  // There it was agreed on.
  session->refused_ = arrival.refused;
  session->translates_http2_ = arrival.translates_http2;
  worker.add(*session);
  session->enter([] {});
}

Session::Session(Worker& worker, Stream stream, std::string_view peer)
    : UpstreamSide(worker, codec_, peer, stream.tls() != nullptr), downstream_(std::move(stream)) {}

Session::~Session() {
  to_downstream_.clear(worker_.chunks());
  static_cast<void>(worker_.change_memory(memory_, 0));
  if (!handed_over_) worker_.leave_connection();
}

template <class Entry>
void Session::enter(Entry&& entry) {
  begin_turn();
  if (!closing_) entry();
  end_turn();
}

void Session::begin_turn() {
  ++pending_ops_;
}

void Session::end_turn() {
  if (!closing_) settle();
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
  });
}

void Session::drain() {
  enter([&] { relay_.on_drain(worker_.now(), worker_.bench()); });
}

void Session::force() {
  enter([&] { relay_.on_forced(worker_.now(), worker_.bench()); });
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
    case IoResult::Status::truncated:
    case IoResult::Status::failed:
      relay_.on_downstream_reset(now, worker_.bench());
      break;
  }
}

/// See UpstreamSide::watch_upstream_kernel().
void Session::watch_kernels(TimePoint now) {
  watch_upstream_kernel(now);
  if (to_downstream_.empty()) return;
  const std::uint32_t unsent = downstream_.unsent();
  if (unsent < unsent_) relay_.on_downstream_kernel_progress(now, worker_.bench());
  unsent_ = unsent;
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
  const std::size_t memory = relay_.memory() + to_downstream_.memory() + upstream_memory();
  const std::size_t before = std::exchange(memory_, static_cast<std::uint32_t>(memory));
  if (worker_.change_memory(before, memory)) return false;
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

bool Session::obey() {
  const exchange::Wishes wishes = relay_.wishes();
  const bool more = obey_upstream(wishes);
  if (!more) obey_downstream(wishes);
  return more;
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
    case exchange::DownstreamManner::hand_over:
      hand_over();
      return;
    case exchange::DownstreamManner::keep:
    case exchange::DownstreamManner::finish:
      break;
  }
  const bool finish = wishes.downstream == exchange::DownstreamManner::finish || wishes.half_close_downstream;
  if (finish && flushed && !downstream_shut_) {
    downstream_shut_ = downstream_.try_shutdown_write();
    if (!downstream_shut_) arm_downstream_write();
  }
  blind_ = !wishes.read_downstream;
  if (wishes.read_downstream) arm_downstream_read();
  if (!flushed) arm_downstream_write();
}

// ---- The client's connection -------------------------------------------------------------------------------------

void Session::arm_downstream_read() {
  if (read_armed_) return;
  read_armed_ = true;
  ++pending_ops_;
  downstream_.wait_readable([this] {
    read_armed_ = false;
    --pending_ops_;
    enter([&] { read_downstream(); });
  });
}

void Session::arm_downstream_write() {
  if (write_armed_) return;
  write_armed_ = true;
  ++pending_ops_;
  downstream_.wait_writable([this] {
    write_armed_ = false;
    --pending_ops_;
    enter([&] { write_downstream(); });
  });
}

void Session::hand_over() {
  closing_ = true;
  handed_over_ = true;
  unlink();
  const auto mode = translates_http2_ ? http::H2Connection::Mode::translate : http::H2Connection::Mode::refuse;
  Http2Session::start(worker_, std::move(downstream_), {std::string(relay_.peer().text), mode, false, refused_},
                      codec_.received().join({}));
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
