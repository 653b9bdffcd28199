#include "net/http2_stream.hpp"

#include <utility>

#include "net/http2_session.hpp"
#include "net/worker.hpp"

namespace sidecar::net {

Http2Stream::Http2Stream(Worker& worker, Http2Session& session, http::H2Stream& codec, Arrival arrival)
    : UpstreamSide(worker, codec, arrival.peer, arrival.tls), session_(session), codec_(codec) {
  codec_.shell = this;
  if (arrival.refused) relay_.refuse_all(worker_.now(), worker_.bench());
}

Http2Stream::~Http2Stream() {
  static_cast<void>(worker_.change_memory(memory_, 0));
}

template <class Entry>
void Http2Stream::enter(Entry&& entry) {
  begin_turn();
  entry();
  end_turn();
}

void Http2Stream::begin_turn() {
  session_.begin_turn();
  ++turns_;
}

void Http2Stream::end_turn() {
  if (!ended_) settle();
  Http2Session& session = session_;
  if (--turns_ == 0 && ended_) delete this;
  session.end_turn();
}

// ---- What happened -----------------------------------------------------------------------------------------------

void Http2Stream::on_news() {
  enter([this] {
    if (codec_.lost()) {
      relay_.on_downstream_reset(worker_.now(), worker_.bench());
    } else {
      relay_.on_downstream_bytes({}, worker_.now(), worker_.bench());
    }
  });
}

void Http2Stream::on_progress() {
  enter([] {});
}

void Http2Stream::on_kernel_progress(TimePoint now) {
  relay_.on_downstream_kernel_progress(now, worker_.bench());
}

void Http2Stream::on_connection_lost() {
  enter([this] { relay_.on_downstream_reset(worker_.now(), worker_.bench()); });
}

void Http2Stream::drain() {
  enter([this] { relay_.on_drain(worker_.now(), worker_.bench()); });
}

void Http2Stream::force() {
  enter([this] { relay_.on_forced(worker_.now(), worker_.bench()); });
}

void Http2Stream::on_deadline(TimePoint now) {
  enter([&] {
    session_.watch_kernel(now);
    watch_upstream_kernel(now);
    relay_.on_deadline(now, worker_.bench());
  });
}

// ---- Settling ----------------------------------------------------------------------------------------------------

void Http2Stream::settle() {
  exchange::Workbench& bench = worker_.bench();
  exchange::Wishes wishes;
  do {
    do {
      flush_upstream();
      report_progress();
      wishes = relay_.wishes();
    } while (!bench.to_upstream.empty() || obey_upstream(wishes));
  } while (exceeds_memory());
  if (wishes.downstream == exchange::DownstreamManner::keep) {
    worker_.schedule(*this, relay_.next_deadline());
  } else {
    end(wishes.downstream);
  }
}

/// What waits for the whole connection waits for this stream too.
void Http2Stream::report_progress() {
  const std::size_t pending = codec_.pending() + session_.backlog();
  relay_.on_downstream_progress(codec_.take_sent(), pending, worker_.now(), worker_.bench());
}

bool Http2Stream::exceeds_memory() {
  relay_.tidy();
  const std::size_t memory = relay_.memory() + upstream_memory() + codec_.memory();
  const std::size_t before = std::exchange(memory_, static_cast<std::uint32_t>(memory));
  if (worker_.change_memory(before, memory)) return false;
  relay_.on_memory_exhausted(worker_.now(), worker_.bench());
  return true;
}

void Http2Stream::end(exchange::DownstreamManner manner) {
  ended_ = true;
  unlink();
  const bool whole = manner == exchange::DownstreamManner::finish;
  drop_upstream(!whole);
  if (whole) {
    codec_.finish();
  } else {
    codec_.abort();
  }
  session_.release(codec_);
}

}  // namespace sidecar::net
